"""`pulse backtest --input`: from a file to incidents, without a warehouse or a project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pulse_runner.cli import cli

DAYS = pd.date_range("2024-01-01", periods=120).strftime("%Y-%m-%d")


def metrics() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    sizes = rng.poisson(1000, (2, 120))
    sizes[1, 100] = 580
    rows = [
        (s, d, "size", int(v), None)
        for s, row in zip(("calm", "vip"), sizes, strict=True)
        for d, v in zip(DAYS, row, strict=True)
    ]
    rows += [
        ("calm", d, "conversion_rate", int(v), 1000) for d, v in zip(DAYS, rng.binomial(1000, 0.1, 120), strict=True)
    ]
    return pd.DataFrame(rows, columns=["segment_id", "snapshot_date", "metric", "numerator", "denominator"])


def run(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(tmp_path), "backtest", *arguments])


def save(frame: pd.DataFrame, path: Path) -> str:
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize("name", ["metrics.csv", "metrics.parquet"])
def test_a_planted_drop_is_the_one_incident_written(tmp_path: Path, name: str) -> None:
    out = tmp_path / "found.jsonl"
    result = run(tmp_path, "--input", save(metrics(), tmp_path / name), "--output", str(out))
    assert result.exit_code == 0, result.output
    (incident,) = [json.loads(line) for line in out.read_text().splitlines()]
    expected = {
        "segment_id": "vip", "detector": "size_jump", "metric": "size", "attribute": None, "detected_on": "2024-04-10",
        "started_on": "2024-04-10", "ended_on": "2024-04-11", "severity": "high", "observed": 580.0,
    }  # fmt: skip
    assert {k: incident[k] for k in expected} == expected
    assert incident["effect"] == pytest.approx(-0.42, abs=0.02)
    assert incident["lower"] < incident["expected"] < incident["upper"]
    assert incident["p_value"] < 1e-6
    assert incident["reason"].startswith("Size fell")


def test_the_table_shows_alerts_a_week_and_what_thresholds_would_do(tmp_path: Path) -> None:
    frame = metrics().assign(owner="growth")
    result = run(tmp_path, "--input", save(frame, tmp_path / "m.csv"))
    assert "growth" in result.stdout
    assert "Alerts per week" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines() if line.startswith("size_jump")]
    by_threshold = {line[1]: line[2] for line in lines}
    assert by_threshold["0.15"] == "1"
    assert by_threshold["0.5"] == "0"


def test_formats_for_machines_hold_incidents_only(tmp_path: Path) -> None:
    result = run(tmp_path, "--input", save(metrics(), tmp_path / "m.csv"), "--format", "json")
    assert [row["segment_id"] for row in json.loads(result.stdout)] == ["vip"]


def test_from_and_to_bound_the_judged_days_but_not_the_history(tmp_path: Path) -> None:
    source = save(metrics(), tmp_path / "m.csv")
    inside = run(tmp_path, "--input", source, "--from", "2024-04-10", "--to", "2024-04-10", "--format", "json")
    outside = run(tmp_path, "--input", source, "--from", "2024-04-11", "--format", "json")
    assert [len(json.loads(r.stdout)) for r in (inside, outside)] == [1, 0]


def test_a_threshold_and_the_rate_can_be_turned(tmp_path: Path) -> None:
    source = save(metrics(), tmp_path / "m.csv")
    result = run(tmp_path, "--input", source, "--threshold", "size_jump=0.5", "--fdr", "off", "--format", "json")
    assert json.loads(result.stdout) == []


def test_distributions_are_told_by_their_columns_and_null_is_a_bucket_name(tmp_path: Path) -> None:
    counts = np.random.default_rng(2).multinomial(2000, [0.05, 0.55, 0.4], 100)
    counts[80:] = counts[80:][:, [1, 0, 2]]
    rows = [
        ("vip", d, "country", b, int(v))
        for d, row in zip(DAYS, counts, strict=False)
        for b, v in zip(("null", "DE", "FR"), row, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["segment_id", "snapshot_date", "attribute", "bucket", "members"])
    result = run(tmp_path, "--input", save(frame, tmp_path / "d.csv"), "--format", "json")
    (incident,) = json.loads(result.stdout)
    assert (incident["attribute"], incident["bucket"], incident["detected_on"]) == ("country", "null", "2024-03-21")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.rename(columns={"numerator": "value"}), "expected segment_id, snapshot_date, metric, numerator"),
        (lambda f: f.assign(snapshot_date=["soon", *f["snapshot_date"][1:]]), "row 2: snapshot_date 'soon' is not a day"),
        (lambda f: f.assign(snapshot_date=[None, *f["snapshot_date"][1:]]), "row 2: snapshot_date"),
        (lambda f: f.assign(numerator=[-5, *f["numerator"][1:]]), "row 2: numerator -5 is not a count"),
        (lambda f: f.assign(denominator=[-0.5, *f["denominator"][1:]]), "row 2: denominator -0.5 is not a count"),
        (lambda f: pd.concat([f, f.tail(1)]), "row 362: calm, 2024-04-29, conversion_rate stands twice, first in row 361"),
        (lambda f: f.assign(snapshot_date=[f["snapshot_date"][1] + "T23:30", *f["snapshot_date"][1:]]),
         "row 3: calm, 2024-01-02, size stands twice, first in row 2"),
        (lambda f: f.assign(snapshot_date=["2024-01-02 04:00:00+02:00", *f["snapshot_date"][1:]]), "several time zones"),
        (lambda f: f.replace({"metric": {"conversion_rate": "convertion_rate"}}), "row 242: there is no metric 'convertion_rate'; did"),
        (lambda f: f.replace({"metric": {"conversion_rate": "reach_email"}}), "did you mean `reach:email`?"),
        (lambda f: f.replace({"metric": {"conversion_rate": "luck"}}), "Metrics are size, entered, exited, converted, conversion_rate"),
        (lambda f: f.assign(denominator=None), "metric conversion_rate is a rate: give its denominator"),
        (lambda f: f.assign(denominator=9999), "metric size is a count: leave its denominator empty"),
        (lambda f: f.head(0), "has no rows"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, change: object, message: str, kind: str) -> None:
    result = run(tmp_path, "--input", save(change(metrics()), tmp_path / f"m.{kind}"))  # type: ignore[operator]
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert "m.csv" in result.output or "m.parquet" in result.output
    assert "np." not in result.output
    assert "Timestamp" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--threshold", "size_jmp=1"), "is not a detector; did you mean `size_jump`?"),
        (("--threshold", "luck=1"), "Detectors are broken_segment, stale_data"),
        (("--threshold", "size_jump=0"), "is not above zero"),
        (("--threshold", "size_jump=nan"), "is not above zero"),
        (("--threshold", "size_jump=x"), "is not a number"),
        (("--fdr", "2"), "neither `off` nor a rate"),
    ],
)
def test_a_bad_option_is_refused_with_what_is_right(tmp_path: Path, arguments: tuple[str, str], message: str) -> None:
    result = run(tmp_path, "--input", save(metrics(), tmp_path / "m.csv"), *arguments)
    assert result.exit_code == 2
    assert message in result.output


EVENTS = "starts_on,ends_on,scope,scope_value,reason\n"


def test_days_of_known_events_are_neither_judged_nor_learned_from(tmp_path: Path) -> None:
    source = save(metrics().assign(owner="growth"), tmp_path / "metrics.csv")
    events = tmp_path / "events.csv"
    for line, found in (
        ("2024-04-10,2024-04-10,all,,Closed\n", 0),
        ("2024-04-10,2024-04-10,owner,growth,Closed\n", 0),
        ("2024-04-10,2024-04-10,segment,calm,Closed\n", 1),
        ("2024-04-09,2024-04-09,all,,The day before\n", 1),
    ):
        events.write_text(EVENTS + line)
        result = run(tmp_path, "--input", source, "--known-events", str(events), "--format", "json")
        assert result.exit_code == 0, result.output
        assert len(json.loads(result.stdout)) == found, line
    events.write_text(EVENTS + "2024-04-10,2024-04-10,everyone,,Closed\n")
    refused = run(tmp_path, "--input", source, "--known-events", str(events))
    assert (
        refused.exit_code,
        "line 2: scope 'everyone' is not one of all, entity, segment, owner" in refused.output,
    ) == (1, True)


def test_a_known_event_mutes_distributions_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows = []
    for n, day in enumerate(DAYS):
        web = rng.binomial(2000, 0.2 if n == 100 else 0.6)
        rows += [("vip", day, "device", "web", web), ("vip", day, "device", "app", 2000 - web)]
    columns = ["segment_id", "snapshot_date", "attribute", "bucket", "members"]
    source = save(pd.DataFrame(rows, columns=columns), tmp_path / "shares.csv")
    events = tmp_path / "events.csv"
    events.write_text(EVENTS + "2024-04-10,2024-04-10,all,,A campaign on the web\n")
    plain = run(tmp_path, "--input", source, "--format", "json")
    assert [i["detected_on"] for i in json.loads(plain.stdout)] == ["2024-04-10"]
    muted = run(tmp_path, "--input", source, "--known-events", str(events), "--format", "json")
    assert json.loads(muted.stdout) == []


def test_only_detectors_with_a_material_threshold_are_in_the_table_over_thresholds(tmp_path: Path) -> None:
    shown = run(tmp_path, "--input", save(metrics(), tmp_path / "metrics.csv")).output
    table = shown.split("What each threshold would have done")[1]
    assert "size_jump" in table
    assert "broken_segment" not in table
    assert "stale_data" not in table
