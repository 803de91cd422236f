"""What drivers, servers and dbt say is told without the project's secrets."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from pulse_runner.errors import PulseError, WarehouseError
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.dbt import run_dbt
from pulse_runner.warehouse.secrets import known_secrets
from tests.python.secrecy.spellings import ENCODINGS

WORDS = {
    "profile": "pl4nted/pr0file+word", "literal": "pl4nted-l1teral-word", "route": "T0SECRET/B0SECRET99/pl4nted",
    "dotenv": "pl4nted.d0tenv.word", "model": "sk-pl4nted-m0del-key", "dbt": "pl4nted-dbt-s3cret",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    for name, value in {
        "SHOP_PASSWORD": WORDS["profile"], "SHOP_HOOK": f"https://hooks.example.com/services/{WORDS['route']}",
        "SHOP_OTHER": WORDS["dotenv"], "OPENAI_API_KEY": WORDS["model"], "DBT_ENV_SECRET_X": WORDS["dbt"],
        "SHOP_SCHEMA": "analytics_of_the_shop", "PULSE_OPENAI_MODEL": "a-model-of-mine",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "routes.yml").write_text("routes: {a: {channels: [{channel: slack, url_env: SHOP_HOOK}]}}")
    (tmp_path / ".env").write_text("export SHOP_OTHER=x\nPULSE_OPENAI_MODEL=y\nSHOP_SCHEMA=z\n")
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\nversion: '1.0'\n")
    (tmp_path / "profiles.yml").write_text(
        "shop:\n  target: one\n  outputs:\n    one:\n      type: duckdb\n      path: shop.duckdb\n"
        "      schema: \"{{ env_var('SHOP_SCHEMA') }}\"\n"
        f"    two:\n      type: postgres\n      host: 127.0.0.1\n      port: 1\n      user: u\n      password: {WORDS['literal']}\n"
        "      dbname: d\n      schema: s\n      sslmode: \"{{ env_var('SHOP_PASSWORD') }}\"\n"
    )
    return tmp_path


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_the_secrets_of_a_project_are_known(project: Path, word: str) -> None:
    for spelling, written in ENCODINGS.items():
        assert word not in known_secrets(project).clean(f"401 {written(word)}"), spelling
    assert len(known_secrets(project).clean(word)) <= len("…/…/…")


def test_settings_are_no_secrets(project: Path) -> None:
    text = "schema analytics_of_the_shop, a-model-of-mine, services, hooks.example.com, password, SHOP_PASSWORD"
    assert known_secrets(project).clean(text) == text


def everything(error: BaseException) -> str:
    return f"{error}{''.join(traceback.TracebackException.from_exception(error).format())}{error.__cause__!r}"


def test_a_statement_that_quotes_a_secret_is_refused_without_it(project: Path) -> None:
    warehouse = connect(project)
    with pytest.raises(WarehouseError, match=r"duckdb refused") as caught:
        warehouse.query("select cast(? as integer)", [f"token {WORDS['dotenv']}"])
    warehouse.close()
    assert WORDS["dotenv"] not in str(caught.value)
    assert "Could not convert string" in str(caught.value)


def test_a_driver_that_quotes_a_secret_is_told_without_it(project: Path) -> None:
    with pytest.raises(PulseError, match="invalid sslmode value") as caught:
        connect(project, target="two")
    assert WORDS["profile"] not in str(caught.value)
    assert "…" in str(caught.value)


def test_dbt_quoting_a_secret_is_told_without_it(project: Path) -> None:
    (project / "models").mkdir()
    (project / "models" / "bad.sql").write_text(
        "{{ exceptions.raise_compiler_error('token ' ~ env_var('SHOP_OTHER')) }}", encoding="utf-8"
    )
    with pytest.raises(WarehouseError, match=r"token …") as caught:
        run_dbt(project, ["parse"])
    assert WORDS["dotenv"] not in everything(caught.value)
