"""The dbt adapter without a dbt run: the one file that imitates dbt internals.

It loads the profile as dbt does, makes the adapter that the profile names, and keeps one named connection. So the
runner reaches whatever dbt reaches, with the same credentials. Tested on DuckDB and Postgres.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from pulse_runner.errors import WarehouseError
from pulse_runner.warehouse.opened import Opened

NO_PYTHON = (
    "The dbt that is installed beside Pulse is none that Python can call (dbt v2 is a program of its own).",
    "Keep dbt-core 1.10 to 1.12 with your adapter in Pulse's environment, and name the dbt v2 command with PULSE_DBT.",
)


def open_by_dbt(root: Path, folder: Path, name: str, target: str | None) -> Opened:
    """Open the warehouse of the profile `name` in `folder` through the dbt adapter that it names."""
    try:
        from dbt.adapters.factory import FACTORY, get_adapter_class_by_name
        from dbt.config.profile import Profile
        from dbt.config.renderer import ProfileRenderer
        from dbt.flags import set_from_args
        from dbt_common.clients.system import get_env
        from dbt_common.context import set_invocation_context
    except ImportError as error:
        raise WarehouseError(*NO_PYTHON) from error

    set_invocation_context(get_env())
    set_from_args(Namespace(PROFILES_DIR=str(folder), PROJECT_DIR=str(root)), None)
    profile = Profile.render(ProfileRenderer({}), name, None, target or os.environ.get("DBT_TARGET"))
    credentials: Any = profile.credentials
    FACTORY.load_plugin(credentials.type)
    adapter_class: Any = get_adapter_class_by_name(credentials.type)
    here = Path.cwd()
    try:
        os.chdir(root)  # a relative path in a profile is one from the project's folder, as in a dbt run
        adapter = adapter_class(_adapter_config(profile, root), multiprocessing.get_context("spawn"))
        adapter.connections.set_connection_name("pulse")
        handle = adapter.connections.get_thread_connection().handle  # opening is lazy; fail here, not later
    finally:
        os.chdir(here)
    if credentials.type == "postgres":
        handle.autocommit = True  # transactions are opened by name, in transaction()

    def relation(table: str) -> str:
        made = adapter.Relation.create(database=credentials.database, schema=credentials.schema, identifier=table)
        return str(made)

    user = str(getattr(credentials, "role", None) or getattr(credentials, "user", None) or "")
    return Opened(credentials.type, str(credentials.schema), handle.cursor, relation, adapter.cleanup_connections, user)


def release_embedded_file() -> None:
    """Close the process-wide DuckDB handle of dbt, if there is one, so that another process can open the file."""
    module = sys.modules.get("dbt.adapters.duckdb.connections")
    if module is not None:
        module.DuckDBConnectionManager.close_all_connections()


def _adapter_config(profile: Any, root: Path) -> Any:
    """Return the part of a dbt RuntimeConfig that an adapter reads."""
    return Namespace(
        credentials=profile.credentials,
        profile_name=profile.profile_name,
        target_name=profile.target_name,
        threads=1,
        project_name="pulse",
        project_root=str(root),
        query_comment=Namespace(comment="", append=False, job_label=False),
        cli_vars={},
        target_path="target",
        log_cache_events=False,
        dependencies=None,
        quoting={},
    )
