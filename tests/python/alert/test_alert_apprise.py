"""Apprise against a real server on loopback, through its json:// address."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace

import pytest

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import Edge, UncertainError
from tests.python.alert.channel_case import SECRET, TOKEN, case
from tests.python.alert.desk import Desk
from tests.python.alert.servers import Answer, Web, free_port
from tests.python.alert.store import project
from tests.python.alert.test_alert_channels import EVIL, HUGE, assert_no_secret, everything_about, message


def test_subject_and_text_arrive_as_they_were_frozen(desk: Desk) -> None:
    made = case("apprise", desk.web.base)
    desk.env |= made.env
    assert desk.run(project(made.settings)).counts == {"sent": 1}
    (got,) = desk.web.got
    sent = json.loads(got.body)
    row = desk.store.deliveries()[0]
    frozen = json.loads(row["body"])
    assert got.path == f"/{SECRET}"
    assert (sent["title"], sent["message"]) == (frozen["subject"], frozen["text"])
    assert sent["message"].startswith("HIGH  High-Value Active Users")
    assert_no_secret(json.dumps(row, default=str))


def test_an_address_that_does_not_take_it_is_tried_again_with_the_mark(desk: Desk) -> None:
    made = case("apprise", desk.web.base)
    desk.env |= made.env
    desk.web.answers = [Answer(500, "no"), Answer(200, "ok")]
    assert desk.run(project(made.settings)).counts == {"sent": 1}
    titles = [json.loads(g.body)["title"] for g in desk.web.got]
    assert [t.startswith("Possible repeat: ") for t in titles] == [False, True]


def test_one_of_several_that_is_away_is_said_without_its_address(
    web: Web, edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = case("apprise", web.base)
    gone = f"xml://127.0.0.1:{free_port()}/{TOKEN}"
    both = replace(made, env={"PULSE_APPRISE_URLS": f"{made.env['PULSE_APPRISE_URLS']}\n {gone}"})
    with pytest.raises(UncertainError) as caught:
        both.send(edge, CHANNELS["apprise"].render(message(), "k").body)
    assert str(caught.value) == (
        "apprise could not notify 1 of 2 addresses in PULSE_APPRISE_URLS (xml); it does not say why"
    )
    assert len(web.got) == 1, "the other one got it"
    assert_no_secret(everything_about(caught.value, caplog))


def test_what_is_no_address_is_told_by_its_place(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = case("apprise", "http://127.0.0.1")
    wrong = f"{made.env['PULSE_APPRISE_URLS']} nosuch://{TOKEN} {TOKEN}"
    setup = CHANNELS["apprise"].setup(made.settings, {"PULSE_APPRISE_URLS": wrong})
    assert setup.problem == "PULSE_APPRISE_URLS holds what apprise does not know as an address: 2, 3"
    assert_no_secret(f"{setup!r} {caplog.text}")


@pytest.mark.parametrize("text", [message(), message(EVIL), HUGE], ids=["plain", "evil", "huge"])
def test_a_message_is_short_enough_for_most_services(text: object) -> None:
    parts = json.loads(CHANNELS["apprise"].render(text, "k").body)  # type: ignore[arg-type]
    assert len(parts["text"]) <= 3_500
    assert "pulse incidents" in parts["text"]


def test_without_the_package_the_setup_says_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['apprise'] = None\n"
        "from pulse_runner.alert.channels.apprise import Apprise, AppriseSettings\n"
        "s = AppriseSettings(channel='apprise', urls_env='X')\n"
        "print(Apprise().setup(s, {'X': 'json://127.0.0.1/a'}).problem)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "the package apprise is not installed: `pip install 'pulse-runner[apprise]'`"
