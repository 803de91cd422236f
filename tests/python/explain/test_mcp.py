"""The MCP server: the same tools for an assistant, over the real protocol where the extra is installed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from explain_world import D, World, headline_fault

from pulse_runner.errors import UsageError, WarehouseError
from pulse_runner.explain.agent.tools import TOOLS
from pulse_runner.mcp import Answers


def answers_of(world: World, project) -> Answers:
    headline_fault(world)

    @contextmanager
    def opened() -> Iterator[World]:
        yield world

    return Answers(opened, lambda: project, lambda: D)


def test_an_assistant_sees_the_tools_of_the_agent_and_gets_their_facts(world: World, project) -> None:
    answers = answers_of(world, project)
    assert [t["name"] for t in answers.tools()] == [t.name for t in TOOLS]
    reply = answers.call("history", {"segment": "vip", "metric": "size", "days": 2})
    assert not reply.is_error
    assert json.loads(reply.text)["facts"][0]["statement"] == "Size of vip by day: 2026-05-13 1,000, 2026-05-14 579."


def test_what_cannot_be_answered_is_an_error_with_its_reason(world: World, project) -> None:
    answers = answers_of(world, project)
    for name, given, reason in (
        ("drop", {}, "there is no tool 'drop'"), ("sql", {"sql": "drop table pulse_incidents", "day": ""}, "only one SELECT is run"),
        ("history", None, "history: segment: missing"),
    ):  # fmt: skip
        reply = answers.call(name, given)
        assert reply.is_error
        assert reason in reply.text


def test_a_warehouse_that_does_not_open_is_said_in_one_line(world: World, project) -> None:
    @contextmanager
    def closed() -> Iterator[World]:
        raise WarehouseError("The warehouse does not open.", "Look at the profile.")
        yield world

    reply = Answers(closed, lambda: project, lambda: D).call("history", {})
    assert (reply.text, reply.is_error) == ("The warehouse does not open.", True)


def test_without_the_extra_the_command_says_what_to_install(
    world: World, project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pulse_runner.mcp import serve

    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(UsageError, match="needs the package mcp"):
        serve(answers_of(world, project), "1")


SERVER = """
import sys
sys.path.insert(0, {here!r})
from contextlib import contextmanager
from explain_world import D, World, make_project
from pulse_runner.mcp import Answers, serve
world = World({file!r})
@contextmanager
def opened():
    yield world
serve(Answers(opened, make_project, lambda: D), "1")
"""


def test_a_client_of_the_protocol_lists_and_calls(world: World, project, tmp_path: Path) -> None:
    pytest.importorskip("mcp.client.stdio", reason="the extra mcp is not installed: pip install 'pulse-runner[mcp]'")
    import anyio
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    headline_fault(world)
    world.close()
    script = tmp_path / "server.py"
    script.write_text(
        SERVER.format(here=str(Path(__file__).parent), file=str(tmp_path / "world.duckdb")), encoding="utf-8"
    )
    started = StdioServerParameters(
        command=sys.executable, args=[str(script)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )

    async def talk() -> tuple[list[str], str, bool]:
        async with stdio_client(started) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            tools = await session.list_tools()
            found = await session.call_tool("definition", {"segment": "vip"})
            refused = await session.call_tool("sql", {"sql": "drop table pulse_incidents", "day": ""})
            return [t.name for t in tools.tools], found.content[0].text, bool(refused.is_error)

    names, text, refused = anyio.run(talk)
    assert names == [t.name for t in TOOLS]
    assert "ltv > 1000 and last_active_days <= 7" in text
    assert refused
