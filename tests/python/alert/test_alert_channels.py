"""The contract of all channels, against real servers: which answers retry, what fits, what is escaped, and no secret anywhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import resend
from slack_sdk.models.blocks import Block

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import (
    Edge,
    Outgoing,
    Sent,
    UncertainError,
    retry_after,
    url_problem,
    variables_of,
)
from pulse_runner.alert.channels.email import EmailSettings
from pulse_runner.alert.channels.n8n import N8nSettings
from pulse_runner.alert.channels.slack import Slack
from pulse_runner.alert.channels.teams import Teams
from pulse_runner.alert.compose import Topic, build
from pulse_runner.alert.message import AlertMessage, Trend
from pulse_runner.errors import ChannelError
from pulse_runner.plugins import SCHEMA
from tests.python.alert.channel_case import API_KEY, HTTP, KEY, SECRET, SIGNING, TOKEN, Case, case, file_of
from tests.python.alert.conftest import PASSWORD, SENT_AT
from tests.python.alert.servers import Answer, Mailbox, Web, free_port
from tests.python.alert.store import EMAIL, NOW, D, explanation, incident
from tests.python.secrecy.spellings import ENCODINGS

SECRETS = (SECRET, "T0SECRET", "pl4ntedS3cr3tXYZ", TOKEN, SIGNING, API_KEY, PASSWORD)


@pytest.fixture(params=HTTP)
def channel(request: pytest.FixtureRequest, web: Web) -> Case:
    return case(request.param, web.base)


def everything_about(error: BaseException, log: pytest.LogCaptureFixture) -> str:
    """Return all text through which an error could give a secret away, chained errors and logs included."""
    chain = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format(chain=True))
    return f"{error}|{error!r}|{chain}|{error.__context__!r}|{error.__cause__!r}|{log.text}"


def assert_no_secret(text: str) -> None:
    for value in SECRETS:
        assert value not in text


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_has_its_settings_a_case_and_a_section_of_the_docs(name: str) -> None:
    made, channel = case(name, "http://127.0.0.1"), CHANNELS[name]
    assert channel.name == name == made.settings.channel
    assert type(made.settings) is channel.settings is SCHEMA.channels[name]
    assert channel.setup(made.settings, made.env).is_ready
    assert channel.is_idempotent(made.env) is file_of(name).IS_IDEMPOTENT
    docs = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert re.search(rf"^##+ .*{name}", docs, re.IGNORECASE | re.MULTILINE)


def test_an_accepted_message_raises_nothing(channel: Case, web: Web, edge: Edge) -> None:
    assert channel.yes is not None
    web.answers = [channel.yes]
    channel.send(edge)
    assert len(web.got) == 1
    assert web.got[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 301, 408, 429, 500, 502, 503, 504])
def test_the_answer_decides_whether_a_retry_helps(
    channel: Case, web: Web, edge: Edge, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.answers = [Answer(status, "no good:", echo=True)]
    with pytest.raises(ChannelError) as caught:
        channel.send(edge)
    assert caught.value.retryable is (status in (408, 429, 500, 502, 503, 504))
    assert f"answered {status}" in str(caught.value)
    assert_no_secret(everything_about(caught.value, caplog))


@pytest.mark.parametrize("status", [400, 401, 500])
def test_what_a_server_says_is_not_repeated_however_it_is_written(
    channel: Case, web: Web, edge: Edge, status: int
) -> None:
    texts = set[str]()
    for written in ("", *(spell(f"{SECRET} {TOKEN} {SIGNING} {API_KEY}") for spell in ENCODINGS.values())):
        for body in (f"no: {written}", f"the token {written[:9]}", json.dumps({"message": written, "name": written})):
            web.answers = [Answer(status, body)]
            with pytest.raises(ChannelError) as caught:
                channel.send(edge)
            texts.add(str(caught.value))
    assert len(texts) == 1, "the text depends on the status only"


def test_a_code_that_the_channel_knows_is_told(web: Web, edge: Edge) -> None:
    web.answers = [Answer(404, f"no_service at {SECRET}")]
    with pytest.raises(ChannelError) as caught:
        case("slack", web.base).send(edge)
    assert str(caught.value) == "Slack (127.0.0.1/…) answered 404: no_service"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(("Retry-After", "17"), 17.0), (("Retry-After", "Fri, 15 May 2026 06:02:02 GMT"), 60.0), (("ratelimit-reset", "4"), 4.0),
     (("Retry-After", "soon"), None)],
)  # fmt: skip
def test_a_429_hands_on_how_long_to_wait(
    channel: Case, web: Web, edge: Edge, header: tuple[str, str], seconds: float | None
) -> None:
    web.answers = [Answer(429, "slow down", (header,))]
    with pytest.raises(ChannelError) as caught:
        channel.send(edge)
    assert (caught.value.retryable, caught.value.retry_after) == (True, seconds)


@pytest.mark.parametrize("fault", [Answer(delay=1.2), Answer(hang_up=True)], ids=["timeout", "hang-up"])
def test_no_answer_is_tried_again_and_is_uncertain_where_a_repeat_is_not_recognised(
    channel: Case, web: Web, edge: Edge, fault: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.answers = [fault]
    with pytest.raises(ChannelError) as caught:
        channel.send(edge)
    idempotent = channel.is_idempotent
    assert caught.value.retryable is True
    assert isinstance(caught.value, UncertainError) is not idempotent
    assert CHANNELS[channel.name].is_idempotent(channel.env) is idempotent
    assert_no_secret(everything_about(caught.value, caplog))


@pytest.mark.parametrize("name", list(CHANNELS))
def test_a_channel_names_every_variable_that_it_misses(name: str) -> None:
    made, channel = case(name, "http://127.0.0.1:1"), CHANNELS[name]
    missing = set(re.findall(r"[A-Z][A-Z0-9_]+", " ".join(channel.setup(made.settings, {}).missing)))
    assert missing <= set(variables_of(channel, made.settings))
    assert set(made.env) <= set(variables_of(channel, made.settings))


@pytest.mark.parametrize("name", HTTP)
def test_a_refused_connection_is_retried(name: str, edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ChannelError) as caught:
        case(name, f"http://127.0.0.1:{free_port()}").send(edge)
    assert caught.value.retryable is True
    assert "could not be reached" in str(caught.value)
    assert_no_secret(everything_about(caught.value, caplog))


def test_a_sent_message_leaves_no_secret_in_the_log(
    channel: Case, web: Web, edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert channel.yes is not None
    web.answers = [channel.yes]
    channel.send(edge)
    edge.http.post(f"{web.base}/seen")
    assert "/seen" in caplog.text, "the log is captured: httpx writes the URL of other requests"
    assert_no_secret(caplog.text)


@pytest.mark.parametrize("name", ["slack", "teams", "n8n"])
@pytest.mark.parametrize(
    ("url", "problem"),
    [("hooks.example.com/x", "is not a web address"), ("http://hooks.example.com/pl4ntedS3cr3tXYZ", "must begin with https://"),
     ("https://[::1/pl4ntedS3cr3tXYZ", "is not a URL"), ("https://exa mple.com/pl4ntedS3cr3tXYZ", "is not a web address"),
     ("file:///etc/passwd", "is not a web address")],
)  # fmt: skip
def test_a_malformed_url_is_named_by_its_variable_only(name: str, url: str, problem: str) -> None:
    made = case(name, "http://127.0.0.1")
    variable = made.settings.address
    setup = CHANNELS[name].setup(made.settings, {**made.env, variable: url})
    if name == "n8n" and url.startswith("http://hooks"):
        assert setup.is_ready, "n8n may live in a private network without TLS"
    else:
        assert setup.problem.startswith(f"{variable} ")
        assert problem in setup.problem
    assert_no_secret(repr(setup))


@pytest.mark.parametrize(
    ("name", "missing"),
    [("slack", ("PULSE_SLACK_WEBHOOK",)), ("teams", ("PULSE_TEAMS_WEBHOOK",)),
     ("n8n", ("PULSE_N8N_URL", "PULSE_N8N_SECRET", "PULSE_N8N_TOKEN")),
     ("email", ("RESEND_API_KEY or PULSE_SMTP_URL", "PULSE_EMAIL_FROM"))],
)  # fmt: skip
def test_variables_that_are_not_set_are_named(name: str, missing: tuple[str, ...]) -> None:
    assert CHANNELS[name].setup(case(name, "http://127.0.0.1").settings, {}).missing == missing


# --- bodies -----------------------------------------------------------------------------------------------------------


def message(evil: str = "", many: int = 1, facts: int = 3) -> AlertMessage:
    """Return a message; `evil` is put wherever text of the data or of a model can come from."""
    subjects = []
    for n in range(many):
        plain = explanation(f"id{n}")
        words = replace(
            plain.explanation,
            headline=plain.explanation.headline + evil,
            recommendations=tuple(f"Do {i}. {evil}" for i in range(facts)),
            hypotheses=(),
        )
        known = tuple(replace(plain.evidence[0], id=f"E{i}", statement=f"Fact {i}. {evil}") for i in range(facts))
        told = replace(plain, explanation=words, evidence=known)
        row = incident(f"id{n}", title=f"Shift {evil}", reason=f"Because {evil}", owner=f"growth {evil}")
        subjects.append(Topic(row, f"High-Value {evil}", f"growth {evil}", f"country = '{evil}'", told, HISTORY))
    return build("opened", subjects, D, NOW, "it is seen for the first time")


HISTORY = Trend((1000.0,) * 27 + (580.0,), D)
EVIL = "<!channel> & <script>alert(1)</script> *b* _i_ `c` [x](https://evil.example) \"q\" 'q' 日本語 🎉"
HUGE = message("é日🎉" * 700, many=40, facts=60)  # up to four bytes a character: limits in bytes are met first


@pytest.mark.parametrize("text", [message(), message(EVIL), HUGE], ids=["plain", "evil", "huge"])
def test_slack_blocks_pass_slacks_own_validation_and_limits(text: AlertMessage) -> None:
    payload = json.loads(Slack().render(text, KEY).body)
    parsed = Block.parse_all(payload["blocks"])
    for block in parsed:
        block.validate_json()
    assert [b.to_dict() for b in parsed] == payload["blocks"]
    assert len(payload["blocks"]) <= 50
    assert len(payload["blocks"][0]["text"]["text"]) <= 150
    texts = [b["text"]["text"] for b in payload["blocks"] if b["type"] == "section"]
    assert all(len(t) <= 3000 for t in texts)
    assert len(json.dumps(payload, ensure_ascii=False)) <= 12_000
    assert payload["text"]


def test_slack_text_from_data_can_neither_mention_nor_link() -> None:
    body = Slack().render(message(EVIL), KEY).body
    blocks = json.loads(body)["blocks"]
    mrkdwn = [t for b in blocks for t in [b.get("text"), *b.get("elements", [])] if t and t["type"] == "mrkdwn"]
    assert len(mrkdwn) >= 6
    assert not [t for t in mrkdwn if "<" in t["text"]]
    assert "&lt;!channel&gt; &amp; &lt;script&gt;" in body
    assert "evil.example" not in body
    assert "<" not in json.loads(body)["text"]
    assert "日本語 🎉" in body


@pytest.mark.parametrize("text", [message(), message(EVIL), HUGE], ids=["plain", "evil", "huge"])
def test_a_teams_card_is_small_and_shows_data_as_it_is(text: AlertMessage) -> None:
    body = Teams().render(text, KEY).body
    assert len(body.encode()) <= 13_000
    envelope = json.loads(body)
    assert envelope["type"] == "message"
    attachment = envelope["attachments"][0]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.5")
    blocks = card_blocks(card["body"])
    assert {e["type"] for e in blocks} == {"RichTextBlock"}, "a TextBlock would read Markdown in the data"
    runs = [r for e in blocks for r in e["inlines"]]
    assert {r["type"] for r in runs} == {"TextRun"}
    assert all(r["text"] for r in runs)


def card_blocks(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the elements of a card that hold text, through its containers."""
    out = []
    for element in elements:
        if element["type"] == "Container":
            out += card_blocks(element["items"])
        elif element["type"] != "ActionSet":
            out.append(element)
    return out


def test_a_teams_card_shows_the_first_screen_and_folds_the_rest() -> None:
    body = json.loads(Teams().render(message(), KEY).body)["attachments"][0]["content"]["body"]
    (details,) = [e for e in body if e.get("id") == "details"]
    assert details["isVisible"] is False
    (buttons,) = [e for e in body if e["type"] == "ActionSet"]
    assert buttons["actions"] == [
        {"type": "Action.ToggleVisibility", "title": "Evidence and commands", "targetElements": ["details"]}
    ]
    shown = [r["text"] for e in card_blocks([e for e in body if e is not details]) for r in e["inlines"]]
    assert shown[0] == "HIGH  "
    assert [t for t in shown if t in ("Since", "Cause", "Campaigns", "Do first", "Evidence", "Handle it")] == [
        "Since",
        "Cause",
        "Campaigns",
        "Do first",
    ]
    assert body[0]["style"] == "warning"
    told = build("opened", [Topic(incident(), "VIP", explanation=explanation())], D, NOW, "x")
    body = json.loads(Teams().render(told, KEY).body)["attachments"][0]["content"]["body"]
    hidden = [r for e in card_blocks([e for e in body if e.get("id") == "details"]) for r in e["inlines"]]
    assert not [r for r in hidden if "`" in r["text"]], "Teams shows a backtick as a backtick"
    assert {"type": "TextRun", "text": "ltv > 1000", "fontType": "Monospace"} in hidden


def test_slack_shows_the_badge_first_and_the_evidence_below_a_line() -> None:
    blocks = json.loads(Slack().render(message(), KEY).body)["blocks"]
    assert blocks[0]["text"]["text"].startswith("🟠 High: High-Value")
    line = [b["type"] for b in blocks].index("divider")
    titles = [b["text"]["text"].split("*")[1] for b in blocks if b["type"] == "section"]
    assert titles[: line - 1] == ["Since", "Cause", "Campaigns", "Do first", "Last 28 days"]
    assert titles[-1] == "Handle it"


@pytest.mark.parametrize("text", [message(), message(EVIL), HUGE], ids=["plain", "evil", "huge"])
def test_a_mail_fits_before_clipping_and_escapes_data(text: AlertMessage) -> None:
    frozen = CHANNELS["email"].render(text, KEY)
    parts = json.loads(frozen.body)
    assert sorted(parts) == ["html", "subject", "text"]
    assert len(parts["html"].encode()) < 102_000
    assert "\n" not in parts["subject"]
    assert "<script" not in parts["html"]
    for forbidden in ("<svg", "<img", "<link", "javascript:", "href="):
        assert forbidden not in parts["html"]
    assert parts["html"].count("<style") == 1, "only for a dark reader; without it the mail is as it was"
    assert parts["html"].count("<td") == parts["html"].count("</td>")
    assert parts["text"].startswith("HIGH  High-Value")


def test_a_mail_draws_the_history_as_table_cells() -> None:
    html = json.loads(CHANNELS["email"].render(message(), KEY).body)["html"]
    heights = [int(h.split("px")[0]) for h in html.split('<div style="height:')[1:]]
    assert heights == [40] * 27 + [2], "the axis does not begin at zero"
    assert "17 April to 14 May: 1,000 → 580; axis from 580 to 1,000" in html


def test_a_mail_declares_light_and_dark() -> None:
    html = json.loads(CHANNELS["email"].render(message(), KEY).body)["html"]
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta name="supported-color-schemes" content="light dark">' in html
    dark = html[html.index("prefers-color-scheme:dark") : html.index("</style>")]
    for name in ("pulse-page", "pulse-card", "pulse-text", "pulse-quiet", "pulse-code"):
        assert f".{name}" in dark
        assert f'class="{name}"' in html


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_what_is_cut_is_said_and_the_commands_stay(name: str) -> None:
    body = CHANNELS[name].render(HUGE, KEY).body
    if name != "n8n":
        assert " more" in body
        assert "pulse incidents acknowledge id0" in body
        assert "… " in body


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_the_same_message_renders_to_the_same_body(name: str) -> None:
    assert CHANNELS[name].render(message(EVIL, many=3), KEY) == CHANNELS[name].render(message(EVIL, many=3), KEY)


# --- what single channels promise -----------------------------------------------------------------------------------


def test_slack_answering_200_without_ok_is_not_slack(web: Web, edge: Edge) -> None:
    web.answers = [Answer(200, "<html>Sign in</html>")]
    with pytest.raises(ChannelError, match="not as Slack does") as caught:
        case("slack", web.base).send(edge)
    assert caught.value.retryable is False


def test_an_old_teams_connector_hides_its_error_in_a_200(web: Web, edge: Edge) -> None:
    web.answers = [
        Answer(200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413")
    ]
    with pytest.raises(ChannelError) as caught:
        case("teams", web.base).send(edge)
    assert str(caught.value) == "Teams refused the card with 413: the message is too long for it"


def test_teams_accepting_is_not_called_delivered(web: Web, edge: Edge) -> None:
    web.answers = [Answer(202, "")]
    assert case("teams", web.base).send(edge).remark == "accepted by the workflow"


def test_n8n_gets_a_signature_that_a_receiver_can_check(web: Web, edge: Edge) -> None:
    made = case("n8n", web.base)
    made.send(edge, CHANNELS["n8n"].render(message(EVIL), KEY).body)
    got = web.got[0]
    stamp = got.headers["x-pulse-timestamp"]
    assert stamp == str(int(datetime(2026, 5, 15, 6, 1, 2, tzinfo=UTC).timestamp()))
    expected = hmac.new(SIGNING.encode(), f"{stamp}.{got.body}".encode(), hashlib.sha256).hexdigest()
    assert got.headers["x-pulse-signature"] == f"v1={expected}"
    assert got.headers["x-pulse-token"] == TOKEN
    assert got.headers["x-pulse-delivery"] == KEY


def test_the_n8n_event_is_versioned_and_holds_the_incident() -> None:
    event = json.loads(CHANNELS["n8n"].render(message(many=2), KEY).body)
    assert {k: event[k] for k in ("specversion", "type", "id", "source", "time", "snapshot_date", "severity")} == {
        "specversion": "1.0", "type": "pulse.incident.opened", "id": KEY, "source": "pulse", "time": "2026-05-15T06:00:00Z",
        "snapshot_date": "2026-05-14", "severity": "high",
    }  # fmt: skip
    assert event["incident"]["incident_id"] == "id0"
    assert (event["incident"]["observed"], event["incident"]["expected"]) == (580.0, 1000.0)
    assert [i["incident_id"] for i in event["related"]] == ["id1"]


def test_n8n_without_secret_and_token_sends_neither(web: Web, edge: Edge) -> None:
    made = replace(case("n8n", web.base), settings=N8nSettings(channel="n8n", url_env="PULSE_N8N_URL"))
    made.send(edge, "{}")
    assert not {"x-pulse-signature", "x-pulse-token"} & set(web.got[0].headers)


@pytest.mark.parametrize(
    ("status", "hint"), [(403, "the token in PULSE_N8N_TOKEN"), (404, "the workflow is not published")]
)
def test_n8n_errors_say_what_to_look_at(web: Web, edge: Edge, status: int, hint: str) -> None:
    web.answers = [Answer(status, "no")]
    with pytest.raises(ChannelError, match=hint):
        case("n8n", web.base).send(edge)


def test_resend_gets_what_its_own_sdk_sends(web: Web, edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case("email", web.base)
    body = CHANNELS["email"].render(message(), KEY).body
    web.answers = [Answer(200, '{"id":"49a3999c"}', (("Content-Type", "application/json"),))]
    made.send(edge, body)
    monkeypatch.setattr(resend, "api_url", web.base)
    monkeypatch.setattr(resend, "api_key", API_KEY)
    params: Any = {
        "from": "Pulse <pulse@example.com>",
        "to": ["growth@example.com", "ana@example.com"],
        **json.loads(body),
        "headers": {
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": "<mailto:pulse@example.com?subject=Unsubscribe%20from%20Pulse>",
            "References": f"<{KEY}@example.com>",
        },
    }
    resend.Emails.send(params, {"idempotency_key": web.got[0].headers["idempotency-key"]})
    ours, theirs = web.got
    assert ours.path == theirs.path == "/emails"
    assert json.loads(ours.body) == json.loads(theirs.body)
    for name in ("authorization", "idempotency-key"):
        assert ours.headers[name] == theirs.headers[name]
    assert len(ours.headers["idempotency-key"]) <= 256


def test_resends_key_changes_with_the_recipients_and_only_then(web: Web, edge: Edge) -> None:
    made = case("email", web.base)
    made.send(edge)
    made.send(edge)
    replace(made, settings=EmailSettings(channel="email", to=("someone@example.com",))).send(edge)
    keys = [g.headers["idempotency-key"] for g in web.got]
    assert keys[0] == keys[1] != keys[2]
    assert web.got[0].body == web.got[1].body


@pytest.mark.parametrize(
    ("status", "name", "retryable"),
    [(409, "concurrent_idempotent_requests", True), (409, "invalid_idempotent_request", False),
     (429, "daily_quota_exceeded", True), (422, "validation_error", False), (403, "invalid_api_key", False)],
)  # fmt: skip
def test_resends_error_names_decide(web: Web, edge: Edge, status: int, name: str, retryable: bool) -> None:
    web.answers = [Answer(status, json.dumps({"statusCode": status, "name": name, "message": "m"}))]
    with pytest.raises(ChannelError, match=name) as caught:
        case("email", web.base).send(edge)
    assert caught.value.retryable is retryable


def test_a_spent_quota_is_left_to_a_later_run(web: Web, edge: Edge) -> None:
    web.answers = [Answer(429, '{"name":"daily_quota_exceeded"}')]
    with pytest.raises(ChannelError) as caught:
        case("email", web.base).send(edge)
    assert caught.value.retry_after == 3600


def test_the_console_prints_the_message(edge: Edge, said: list[str]) -> None:
    channel = CHANNELS["console"]
    frozen = channel.render(message(), KEY)
    assert channel.send(Outgoing(KEY, frozen.subject, frozen.body), {}, {}, edge) == Sent()
    assert said[0].startswith("HIGH  High-Value  fell 42 %") or said[0].startswith("HIGH  High-Value fell 42 %")


# --- SMTP ---------------------------------------------------------------------------------------------------------------


def smtp_env(box: Mailbox, password: str = PASSWORD, host: str = "127.0.0.1") -> dict[str, str]:
    quoted = httpx.QueryParams({"p": password})["p"].replace("/", "%2F").replace("+", "%2B")
    return {
        "PULSE_SMTP_URL": f"smtp://pulse:{quoted}@{host}:{box.port}", "PULSE_SMTP_CA_FILE": str(box.ca_file),
        "PULSE_EMAIL_FROM": "Pulse <pulse@example.com>",
    }  # fmt: skip


def smtp_send(env: Mapping[str, str], edge: Edge, text: AlertMessage | None = None) -> str:
    channel = CHANNELS["email"]
    assert channel.setup(EMAIL, env).is_ready
    frozen = channel.render(text or message(EVIL), KEY)
    return channel.send(Outgoing(KEY, frozen.subject, frozen.body), EMAIL, env, edge).remark


def test_mail_goes_by_smtp_encrypted_and_signed_in(mailbox: Mailbox, edge: Edge) -> None:
    assert smtp_send(smtp_env(mailbox), edge) == ""
    import email
    import email.policy

    assert mailbox.encrypted == [True]
    envelope = mailbox.mails[0]
    assert envelope.mail_from == "pulse@example.com"
    assert envelope.rcpt_tos == ["growth@example.com", "ana@example.com"]
    parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)  # type: ignore[arg-type]
    assert parsed["Subject"].startswith("[high] High-Value <!channel>")
    assert parsed["Message-ID"] == f"<{KEY}@example.com>"
    assert parsed["Date"].datetime == SENT_AT
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Unsubscribe"].strip() == "<mailto:pulse@example.com?subject=Unsubscribe%20from%20Pulse>"
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert "日本語 🎉" in text.get_content()
    assert "&lt;script&gt;" in html.get_content()


def test_smtp_is_not_idempotent_and_resend_wins_when_both_are_set(mailbox: Mailbox) -> None:
    env = smtp_env(mailbox)
    assert CHANNELS["email"].is_idempotent(env) is False
    assert CHANNELS["email"].is_idempotent({**env, "RESEND_API_KEY": API_KEY}) is True


def test_recipients_that_are_refused_do_not_stop_the_others(mailbox: Mailbox, edge: Edge) -> None:
    mailbox.refuse = {"ana@example.com": "550 no such person"}
    assert smtp_send(smtp_env(mailbox), edge) == "refused for a…@example.com (550); sent to the others"
    assert mailbox.mails[0].rcpt_tos == ["growth@example.com"]


@pytest.mark.parametrize(("answer", "retryable"), [("451 try later", True), ("550 no such person", False)])
def test_a_mail_that_nobody_may_get_fails(mailbox: Mailbox, edge: Edge, answer: str, retryable: bool) -> None:
    mailbox.refuse = dict.fromkeys(("growth@example.com", "ana@example.com"), answer)
    with pytest.raises(ChannelError, match=f"answered {answer[:3]} at address") as caught:
        smtp_send(smtp_env(mailbox), edge)
    assert caught.value.retryable is retryable
    assert mailbox.mails == []


@pytest.mark.parametrize(("answer", "retryable"), [("452 disk full", True), ("554 looks like spam", False)])
def test_a_body_that_is_refused_is_known_not_to_have_arrived(
    mailbox: Mailbox, edge: Edge, answer: str, retryable: bool
) -> None:
    mailbox.data_answer = answer
    with pytest.raises(ChannelError, match=f"answered {answer[:3]} at body") as caught:
        smtp_send(smtp_env(mailbox), edge)
    assert caught.value.retryable is retryable
    assert not isinstance(caught.value, UncertainError)


def test_a_line_that_breaks_while_the_body_goes_out_is_not_tried_again(mailbox: Mailbox, edge: Edge) -> None:
    mailbox.hang_up_after_data = True
    with pytest.raises(UncertainError, match="it may have arrived"):
        smtp_send(smtp_env(mailbox), edge)
    assert len(mailbox.mails) == 1, "it did arrive"


def test_a_wrong_password_is_not_repeated_to_anyone(
    mailbox: Mailbox, edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="pulse_runner")
    mailbox.password = "another"
    with pytest.raises(ChannelError, match="answered 535 at sign in") as caught:
        smtp_send(smtp_env(mailbox), edge)
    assert caught.value.retryable is False
    assert "check user and password in PULSE_SMTP_URL" in str(caught.value)
    assert_no_secret(everything_about(caught.value, caplog))


def test_what_a_mail_server_says_is_not_repeated_however_it_is_written(mailbox: Mailbox, edge: Edge) -> None:
    for spell in ENCODINGS.values():
        mailbox.data_answer = f"554 5.7.1 spam with {spell(PASSWORD)}".replace("\n", " ")
        with pytest.raises(ChannelError) as caught:
            smtp_send(smtp_env(mailbox), edge)
        assert str(caught.value).endswith(" answered 554 at body: 5.7.1 it refuses the mail")


def test_a_certificate_that_is_not_trusted_stops_before_the_password(mailbox: Mailbox, edge: Edge) -> None:
    env = {k: v for k, v in smtp_env(mailbox).items() if k != "PULSE_SMTP_CA_FILE"}
    with pytest.raises(ChannelError, match="certificate that is not trusted") as caught:
        smtp_send(env, edge)
    assert caught.value.retryable is False


def test_an_smtp_server_that_is_away_is_retried(edge: Edge) -> None:
    env = {"PULSE_SMTP_URL": f"smtp://u:{TOKEN}@127.0.0.1:{free_port()}", "PULSE_EMAIL_FROM": "pulse@example.com"}
    with pytest.raises(ChannelError, match="could not be used at connect") as caught:
        smtp_send(env, edge)
    assert caught.value.retryable is True
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("url", ["smtp.example.com:587", "https://smtp.example.com", "smtp://u:p@host:port", "smtp://"])
def test_a_malformed_smtp_url_is_named_by_its_variable_only(url: str) -> None:
    env = {"PULSE_SMTP_URL": url, "PULSE_EMAIL_FROM": "pulse@example.com"}
    assert CHANNELS["email"].setup(EMAIL, env).problem.startswith("PULSE_SMTP_URL ")


@pytest.mark.parametrize(
    ("place", "header"),
    [("https://intranet.example.com/pulse?list=1", "<https://intranet.example.com/pulse?list=1>"),
     ("data@example.com", "<mailto:data@example.com?subject=Unsubscribe%20from%20Pulse>")],
)  # fmt: skip
def test_a_mail_says_where_to_be_taken_off(mailbox: Mailbox, edge: Edge, place: str, header: str) -> None:
    smtp_send(smtp_env(mailbox) | {"PULSE_EMAIL_UNSUBSCRIBE": place}, edge)
    raw = bytes(mailbox.mails[0].content or b"").decode()
    assert f"List-Unsubscribe: {header}\r\n" in raw.replace("\r\n ", " ").replace(
        "List-Unsubscribe:  ", "List-Unsubscribe: "
    )


@pytest.mark.parametrize(
    "place", ["http://example.com", "javascript:alert(1)", "a@b.example>,<mailto:c@d.example", "here"]
)
def test_a_place_to_be_taken_off_that_is_none_is_a_problem_of_the_setup(place: str) -> None:
    env = {"RESEND_API_KEY": API_KEY, "PULSE_EMAIL_FROM": "pulse@example.com", "PULSE_EMAIL_UNSUBSCRIBE": place}
    assert CHANNELS["email"].setup(EMAIL, env).problem.startswith("PULSE_EMAIL_UNSUBSCRIBE is neither")


def test_a_sender_that_is_no_address_is_a_problem_of_the_setup() -> None:
    env = {"RESEND_API_KEY": API_KEY, "PULSE_EMAIL_FROM": "pulse"}
    assert CHANNELS["email"].setup(EMAIL, env).problem.startswith("PULSE_EMAIL_FROM is not an address")


# --- small parts --------------------------------------------------------------------------------------------------------


def test_a_date_without_a_zone_in_retry_after_is_utc() -> None:
    assert retry_after({"retry-after": "Fri, 15 May 2026 06:02:02"}, SENT_AT) == 60.0
    assert retry_after({}, SENT_AT) is None


def test_loopback_needs_no_tls() -> None:
    assert url_problem("X", "http://127.0.0.1:8080/x") == ""
    assert url_problem("X", "https://hooks.slack.com/services/x") == ""


def test_settings_cannot_be_confused_with_paths(tmp_path: Path) -> None:
    env = {"PULSE_SMTP_URL": "smtp://u:p@127.0.0.1:1", "PULSE_EMAIL_FROM": "p@example.com",
           "PULSE_SMTP_CA_FILE": str(tmp_path / "missing.pem")}  # fmt: skip
    edge = Edge(httpx.Client(), lambda _: None, lambda: SENT_AT, smtp_timeout=1)
    with pytest.raises(ChannelError, match="could not be used at connect"):
        smtp_send(env, edge)
    edge.http.close()
