"""Slack by a bot: one thread for a conversation, a first message that keeps up, and refusals that say what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import UncertainError
from pulse_runner.errors import ChannelError
from tests.python.alert.channel_case import TOKEN, case
from tests.python.alert.desk import INCIDENT, Desk
from tests.python.alert.servers import Answer, Web
from tests.python.alert.slack_api import SlackApi, no, slack_api
from tests.python.alert.store import NOW, D, project
from tests.python.alert.test_alert_routes import taken

BOT = case("slack_bot", "http://127.0.0.1").settings


@pytest.fixture
def api() -> Iterator[SlackApi]:
    with slack_api(f"xoxb-{TOKEN}") as made:
        yield made


@pytest.fixture
def bot(desk: Desk, api: SlackApi) -> Desk:
    desk.env |= case("slack_bot", api.base).env
    return desk


def over(desk: Desk) -> None:
    desk.store.set(INCIDENT, status="resolved", resolution="recovered", resolved_on=D + timedelta(days=1))


def test_follow_ups_stand_in_the_thread_and_the_first_message_says_how_it_is_now(bot: Desk, api: SlackApi) -> None:
    made = project(BOT)
    assert bot.run(made).counts == {"sent": 1}
    (first,) = api.messages
    headline = api.messages[first]["blocks"][0]["text"]["text"]
    taken(bot, "ana", 1)
    assert bot.run(made, hours=2).counts == {"sent": 1}
    assert api.messages[first]["blocks"][0]["text"]["text"].startswith("*🟠 High, 14 May 2026: ")
    over(bot)
    assert bot.run(made, days=1).counts == {"sent": 1}
    assert [m for m, _ in api.calls] == ["chat.postMessage", *["chat.update", "chat.postMessage"] * 2]
    posted = list(api.messages.values())
    assert [m.get("thread_ts") for m in posted] == [None, first[1], first[1]]
    assert [m.get("reply_broadcast") for m in posted] == [None, False, False], "good news wakes nobody"
    now = posted[0]["blocks"]
    assert now[0]["text"]["text"].startswith("*✅ Over, 15 May 2026: Recovered")
    assert now[2]["text"]["text"] == headline, "what was said first stays below"
    assert [d["receipt"] for d in bot.store.deliveries()] == [f"C0GROWTH/{ts}" for _, ts in api.messages]


def test_what_got_worse_is_shown_in_the_channel_too(bot: Desk, api: SlackApi) -> None:
    made = project(BOT)
    bot.run(made)
    bot.store.worsen(INCIDENT, "critical", D + timedelta(days=1), NOW + timedelta(days=1))
    assert bot.run(made, days=1).counts == {"sent": 1}
    first, second = api.messages.values()
    assert second["reply_broadcast"] is True
    assert first["blocks"][0]["text"]["text"].startswith("*🔴 Critical, 15 May 2026")


def test_the_report_is_a_button_with_its_link(bot: Desk, api: SlackApi) -> None:
    bot.env["PULSE_REPORT_URL"] = "https://reports.example.com/pulse.html"
    bot.run(project(BOT))
    (message,) = api.messages.values()
    (row,) = [b for b in message["blocks"] if b["type"] == "actions"]
    assert row["elements"][0]["url"] == "https://reports.example.com/pulse.html"


def test_a_first_message_that_somebody_deleted_hinders_no_follow_up(bot: Desk, api: SlackApi) -> None:
    made = project(BOT)
    bot.run(made)
    api.messages.clear()
    over(bot)
    assert bot.run(made, days=1).counts == {"sent": 1}
    (message,) = api.messages.values()
    assert "thread_ts" not in message
    told = bot.store.deliveries()[-1]
    assert "its first message stays as it was: Slack refused chat.update: message_not_found" in told["reason"]


def test_an_update_that_fails_for_now_is_done_again_and_nothing_is_posted_twice(bot: Desk, api: SlackApi) -> None:
    made = project(BOT)
    bot.run(made)
    over(bot)
    api.next_answers = [no("internal_error")]
    assert bot.run(made, days=1).counts == {"sent": 1}
    assert [m for m, _ in api.calls[1:]] == ["chat.update", "chat.update", "chat.postMessage"]
    assert len(api.messages) == 2
    assert "possible repeat" not in bot.store.deliveries()[-1]["reason"]


def test_an_answer_that_was_lost_is_posted_again_with_the_mark_and_the_thread_follows_it(
    bot: Desk, api: SlackApi
) -> None:
    made = project(BOT)
    api.next_answers = [Answer(hang_up=True)]
    assert bot.run(made).counts == {"sent": 1}
    one, two = api.messages.values()
    assert (one["text"].startswith("Possible repeat"), two["text"].startswith("Possible repeat")) == (False, True)
    over(bot)
    bot.run(made, days=1)
    assert list(api.messages.values())[-1]["thread_ts"] == list(api.messages)[1][1]


def test_a_channel_that_is_too_busy_is_waited_for_as_it_asks(bot: Desk, api: SlackApi) -> None:
    api.next_answers = [no("ratelimited", ("Retry-After", "7"), status=429), no("ratelimited", ("Retry-After", "3"))]
    assert bot.run(project(BOT)).counts == {"sent": 1}
    assert bot.waits[:2] == [7.0, 3.0]
    assert len(api.messages) == 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "token_revoked",
            "token_revoked (the token in PULSE_SLACK_BOT_TOKEN is not good (any more); install the app again",
        ),
        ("not_in_channel", "not_in_channel (the bot is not in #growth-alerts: /invite it)"),
        ("missing_scope", "missing_scope (the app has not the scope chat:write"),
        ("msg_blocks_too_long", "chat.postMessage: msg_blocks_too_long"),
        (f"xoxb-{TOKEN}", "with a code that Pulse does not know"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(web: Web, edge: object, code: str, told: str) -> None:
    web.answers = [no(code)]
    with pytest.raises(ChannelError) as caught:
        case("slack_bot", web.base).send(edge)  # type: ignore[arg-type]
    assert caught.value.retryable is False
    assert told in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("code", "perhaps"), [("fatal_error", True), ("service_unavailable", False)])
def test_a_fault_of_slack_is_tried_again(web: Web, edge: object, code: str, perhaps: bool) -> None:
    web.answers = [no(code)]
    with pytest.raises(ChannelError) as caught:
        case("slack_bot", web.base).send(edge)  # type: ignore[arg-type]
    assert caught.value.retryable is True
    assert isinstance(caught.value, UncertainError) is perhaps


@pytest.mark.parametrize("body", ["ok", "<html>sign in</html>", "[]", '{"ts": "1"}'])
def test_a_yes_that_is_not_slacks_is_no_yes(web: Web, edge: object, body: str) -> None:
    web.answers = [Answer(200, body)]
    with pytest.raises(ChannelError, match="not as Slack does"):
        case("slack_bot", web.base).send(edge)  # type: ignore[arg-type]


def test_a_token_of_another_kind_is_a_problem_of_the_setup() -> None:
    for token in ("https://hooks.slack.com/services/x", "xapp-1", "xoxb-é"):
        problem = CHANNELS["slack_bot"].setup(BOT, {"PULSE_SLACK_BOT_TOKEN": token}).problem
        assert problem == "PULSE_SLACK_BOT_TOKEN holds no bot token; one begins with xoxb-"


def test_no_token_is_stored(bot: Desk) -> None:
    bot.run(project(BOT))
    assert TOKEN not in json.dumps(bot.store.deliveries(), default=str)
