"""`pulse segments diff`: every number is one that can be counted on paper from the table of `reviewed_shop`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reviewed_shop import FIELDS, Repository, make_repository

GERMAN = '{field: country, operator: "=", value: DE}'

ROOT = Path(__file__).parents[3]


def worth(value: int) -> str:
    return f'{{field: ltv, operator: ">", value: {value}}}'


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return make_repository(tmp_path, monkeypatch)


def test_the_example_of_the_docs_to_the_letter(repo: Repository) -> None:
    repo.segment("germans", f"[{GERMAN}]")
    repo.segment("rich", f"[{worth(500)}, {GERMAN}]")
    repo.commit()
    commit = repo.git("rev-parse", "--short=7", "HEAD")
    repo.segment("rich", f"[{GERMAN}, {worth(840)}]")
    page = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    example = page.split("-->\n```\n")[1].split("```")[0]
    assert repo.diff() == example.replace("3f2a9c1", commit)


def test_who_enters_and_who_leaves_at_once(repo: Repository) -> None:
    repo.segment("rich", f"[{worth(900)}, {{field: quiet_days, operator: '<=', value: 4}}]")
    repo.commit()
    repo.segment("rich", f"[{worth(880)}, {{field: quiet_days, operator: '<=', value: 2}}]")
    rich = repo.data()["rich"]
    # above 900: 100, of whom half were seen within 4 days; above 880: 120, of whom three in ten within 2
    assert rich["size"] == {"before": 50, "after": 36, "enter": 6, "leave": 20, "stay": 30}
    assert rich["enter_by"] == [{"condition": "ltv > 900", "first": 6, "failing": 6}]
    assert rich["leave_by"] == [{"condition": "quiet_days <= 2", "first": 20, "failing": 20}]


def test_a_condition_that_fails_second_is_not_the_first(repo: Repository) -> None:
    repo.segment("everybody", "[{field: country, operator: is_not_null}]")
    repo.commit()
    repo.segment("everybody", f"[{worth(900)}, {GERMAN}]")
    found = repo.data()["everybody"]
    assert found["size"] == {"before": 1000, "after": 50, "enter": 0, "leave": 950, "stay": 50}
    # 900 are not worth it (of these 450 are not German either), 50 French are
    assert found["leave_by"] == [
        {"condition": "ltv > 900", "first": 900, "failing": 900},
        {"condition": "country = DE", "first": 50, "failing": 500},
    ]
    assert "condition     first  fail it at all" in repo.diff()


def test_a_moved_condition_changes_nothing_and_is_said_to(repo: Repository) -> None:
    repo.segment("rich", f"[{worth(500)}, {GERMAN}]")
    repo.commit()
    repo.segment("rich", f"[{GERMAN}, {worth(500)}]", "alerts: []\n")
    told = repo.diff()
    assert "rich     settings only     100    100  same        0      0  same" in told
    assert "The rule is written in another way and means the same." in told
    assert "  - ltv > 500 and country = DE\n  + country = DE and ltv > 500" in told
    assert "Size on 2026-06-10: 100. The members stay the same." in told


def test_an_alternative_that_went(repo: Repository) -> None:
    either = "[{any: [%s, {field: country, operator: '=', value: FR}]}]"
    repo.segment("some", either % worth(950))
    repo.commit()
    repo.segment("some", f"[{worth(950)}]")
    some = repo.data()["some"]
    # 500 French, and of the 50 best the German half
    assert some["size"] == {"before": 525, "after": 50, "enter": 0, "leave": 475, "stay": 50}
    assert some["leaves"] == [{"leaf": "country = FR", "side": "before", "leaving": 475, "entering": 0}]
    assert "-  country = FR         0      475" in repo.diff()


def test_new_removed_switched_and_owned_by_another(repo: Repository) -> None:
    repo.segment("old", f"[{worth(990)}]")
    repo.segment("calm", f"[{worth(990)}]")
    repo.commit()
    (repo.shop.root / "segments" / "old.yml").unlink()
    repo.segment("new", f"[{worth(500)}]")
    repo.segment("rich", f"[{worth(500)}]", "enabled: false\n")
    repo.segment("calm", f"[{worth(990)}]", "label: Calm\n")
    told, data = repo.diff(), repo.data()
    assert [line.split("  ")[0] for line in told.splitlines()[4:8]] == ["new", "old", "calm", "rich"]
    assert data["old"]["size"] == {"before": 10, "after": None, "enter": None, "leave": None, "stay": None}
    assert data["new"]["size"]["after"] == 200
    assert [o["segment"] for o in data["new"]["overlaps"]] == ["calm"]  # rich is disabled now
    assert "calm     settings only      10     10  same        0      0  same" in told
    assert "rich     settings only     200    200  same        0      0  1 → off" in told
    assert "Incidents after the edit: disabled, it is disabled: no detector looks at it." in told
    assert data["new"]["fired"]["after"]["incidents"][0]["observed"] == 200
    assert "before" not in data["new"]["fired"]


def test_thresholds_decide_what_would_have_fired(repo: Repository) -> None:
    repo.commit()
    repo.segment("rich", f"[{worth(500)}]", "thresholds: {size_jump: 0.7}\n")
    rich = repo.data()["rich"]
    assert rich["edit"] == "settings"
    assert rich["settings"] == [{"name": "thresholds.size_jump", "before": "default", "after": "0.7"}]
    assert [len(rich["fired"][side]["incidents"]) for side in ("before", "after")] == [1, 0]


def test_an_edited_entity_moves_the_segments_that_read_what_was_edited(repo: Repository) -> None:
    repo.segment("quiet", "[{field: quiet_days, operator: '>', value: 4}]")
    repo.commit()
    repo.entity("days_since: seen_at", "days_since: paid_at")
    repo.entity("key: customer_id", "key: customer_id\nconversion: {event_at: paid_at}")
    data, told = repo.data(), repo.diff()
    assert list(data) == ["quiet"]
    # seen n % 10 days ago: half are quiet; paid n % 20 days ago: 15 of 20; who was quiet before is so now
    assert data["quiet"]["size"] == {"before": 500, "after": 750, "enter": 250, "leave": 0, "stay": 500}
    assert data["quiet"]["because"] == ["entity customers: quiet_days is days since paid_at, before days since seen_at"]
    assert "Entity customers: edited\n\n  - conversion: none\n  + conversion: paid_at\n" in told
    assert "  - fields.quiet_days: days since seen_at\n  + fields.quiet_days: days since paid_at" in told


def test_an_entity_that_reads_another_relation(repo: Repository) -> None:
    repo.shop.write(
        "models/sources.yml",
        "version: 2\nsources:\n  - {name: shop, schema: shop, tables: [{name: customers}, {name: clients}]}\n",
    )
    repo.shop.sql(
        "create table shop.clients as select * from shop.customers where customer_id <= 950 and customer_id > 20"
    )
    repo.commit()
    repo.entity("source('shop', 'customers')", "source('shop', 'clients')")
    rich = repo.data()["rich"]
    assert rich["because"] == [
        "entity customers: relation is source('shop', 'clients'), before source('shop', 'customers')"
    ]
    assert rich["size"] == {"before": 200, "after": 150, "enter": 0, "leave": 50, "stay": 150}
    assert rich["funnel"] == [{"condition": "ltv > 500", "before": 200, "after": 150}]
    assert rich["everybody"] == 930


def test_a_segment_that_another_refers_to(repo: Repository) -> None:
    repo.segment("rich_germans", f"[{{segment: rich, operator: in_segment}}, {GERMAN}]")
    repo.commit()
    repo.segment("rich", f"[{worth(900)}]")
    found = repo.data()["rich_germans"]
    assert found["because"] == ["segment rich, which the rule refers to, was edited"]
    assert found["size"] == {"before": 100, "after": 50, "enter": 0, "leave": 50, "stay": 50}
    assert found["leave_by"] == [{"condition": "ltv > 900", "first": 50, "failing": 50}]


def test_events(repo: Repository) -> None:
    repo.shop.write(
        "models/sources.yml",
        "version: 2\nsources:\n  - {name: shop, schema: shop, tables: [{name: customers}, {name: orders}]}\n",
    )
    # the first hundred order on each of n % 5 of the last days, for n; later orders do not count yet
    repo.shop.sql(
        "create table shop.orders as select i as customer_id, date '2026-06-10' - cast(d as integer) as at, i as amount"
        " from range(1, 101) r(i), range(-3, 4) t(d) where d < i % 5"
    )
    repo.entity(
        "fields:\n",
        "events:\n  orders: {relation: \"source('shop', 'orders')\", key: customer_id, at: at, fields: {amount: number}}\nfields:\n",
    )
    event = "{event: orders, operator: performed, count: {operator: '>=', value: %d}, in_last: 30}"
    repo.segment("buyers", f"[{event % 2}]")
    repo.segment("others", "[{event: orders, operator: not_performed}]")
    repo.commit()
    repo.segment("buyers", f"[{event % 3}]")
    repo.segment(
        "others",
        "[{event: orders, operator: performed, aggregate: {function: sum, field: amount, operator: '>', value: 150}}]",
    )
    data = repo.data()
    assert data["buyers"]["size"] == {"before": 60, "after": 40, "enter": 0, "leave": 20, "stay": 40}
    # n in 51..100: n twice or more is above 150 when n > 75, thrice when n > 50, four times when n > 37
    above = sum(n * (n % 5) > 150 for n in range(1, 101))
    assert data["others"]["size"] == {"before": 920, "after": above, "enter": above, "leave": 920, "stay": 0}
    assert "performed orders at least 2 times in the last 30 days" in repo.diff("buyers")
    preview = repo.shop.pulse("segments", "preview", "buyers").output
    assert "buyers has 40 members on 2026-06-10." in preview


def test_an_earlier_date_and_one_that_has_not_come(repo: Repository) -> None:
    repo.commit()
    repo.segment("rich", f"[{worth(900)}]")
    rich = repo.data("--date", "2026-06-07")["rich"]
    assert (rich["date"], rich["size"]["before"], rich["size"]["after"]) == ("2026-06-07", 500, 100)
    assert rich["fired"]["before"]["incidents"] == []
    assert "Nothing would have fired in the 90 days to 2026-06-07 under either rule. Judged: size." in repo.diff(
        "--date", "2026-06-07"
    )
    assert "2026-06-11 has not come yet" in repo.diff("--date", "2026-06-11", code=2)


def test_the_company_of_a_segment_is_read_from_its_snapshots(repo: Repository) -> None:
    repo.segment("germans", f"[{GERMAN}]")
    repo.commit()
    repo.shop.pulse("compile")
    repo.shop.pulse("snapshot", "--from", "2026-05-25", "--to", "2026-06-10")
    repo.segment("rich", f"[{worth(900)}]")
    fired = repo.data()["rich"]["fired"]
    assert {i["segment_id"] for i in fired["before"]["incidents"]} == {"rich"}
    assert fired["before"]["days"] == 90


def test_an_entity_without_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = make_repository(tmp_path, monkeypatch, FIELDS.replace("history: {as_of: day}\n", ""))
    repo.shop.sql("delete from shop.customers where day < date '2026-06-10'")
    repo.commit()
    repo.segment("rich", f"[{worth(900)}]")
    told, rich = repo.diff(), repo.data()["rich"]
    assert rich["size"] == {"before": 200, "after": 100, "enter": 0, "leave": 100, "stay": 100}
    why = "customers knows today only: what the rule took on earlier days cannot be counted"
    assert {f["status"] for f in rich["fired"].values()} == {"not_reconstructable"}
    assert f"Incidents before the edit: not_reconstructable, {why}." in told
    assert f"Incidents after the edit: not_reconstructable, {why}." in told
    assert "? → ?" in told
    repo.shop.pulse("compile")
    repo.segment("rich", f"[{worth(500)}]")
    repo.shop.pulse("compile")
    repo.shop.pulse("run")
    repo.segment("rich", f"[{worth(900)}]")
    fired = repo.data()["rich"]["fired"]  # the snapshot of the rule before is used, one day of it
    assert fired["before"]["status"] == "too_short"
    assert fired["before"]["reason"] == "1 day with rows; detectors need 8 before the one that they judge"
    assert fired["after"]["status"] == "not_reconstructable"
    assert "it shows 2026-06-10 only" in repo.diff("--date", "2026-06-01")


def test_a_column_that_is_gone_takes_nothing_else_with_it(repo: Repository) -> None:
    repo.segment("germans", f"[{GERMAN}]")
    repo.commit()
    repo.shop.sql("alter table shop.customers rename column ltv to ltv_eur")
    repo.entity("ltv: number", "ltv_eur: number")
    repo.segment("rich", '[{field: ltv_eur, operator: ">", value: 500}]')
    repo.segment("germans", "[{field: country, operator: in, value: [DE, AT]}]")
    data = repo.data()
    assert data["rich"]["size"] == {"before": None, "after": 200, "enter": None, "leave": None, "stay": None}
    assert data["rich"]["troubles"] == ["The rule before the edit cannot be counted: customers has no column ltv"]
    assert data["rich"]["fired"]["before"]["status"] == "not_reconstructable"
    assert data["germans"]["size"]["stay"] == 500
    told = repo.diff("rich")
    assert "Size on 2026-06-10: 200 after, 20 % of all." in told
    assert "The rule before the edit cannot be counted: customers has no column ltv." in told


def test_a_rule_that_the_warehouse_refuses_takes_nothing_else_with_it(repo: Repository) -> None:
    repo.segment("germans", f"[{GERMAN}]")
    repo.commit()
    repo.segment("rich", '[{sql: "sqrt(country) > 2"}]')
    repo.segment("germans", "[{field: country, operator: in, value: [DE, AT]}]")
    data = repo.data()
    assert data["germans"]["size"]["stay"] == 500
    (trouble,) = data["rich"]["troubles"]
    assert trouble.startswith("The rule after the edit cannot be counted: duckdb refused `with dated as")
    assert data["rich"]["size"]["before"] == 200
    assert data["rich"]["fired"]["before"]["status"] == "replayed"
    assert data["rich"]["fired"]["after"]["status"] == "not_reconstructable"
    assert data["germans"]["fired"]["after"]["status"] == "replayed"


def test_events_of_a_relation_that_dbt_does_not_know(repo: Repository) -> None:
    repo.commit()
    repo.entity(
        "fields:\n",
        "events:\n  visits: {relation: ref('visits'), key: customer_id, at: at, fields: {page: text}}\nfields:\n",
    )
    repo.segment("rich", "[{event: visits, operator: performed}]")
    rich = repo.data()["rich"]
    assert rich["size"]["before"] == 200
    (trouble,) = rich["troubles"]
    assert trouble.startswith("The rule after the edit cannot be counted: dbt knows no ref('visits')")


def test_a_rule_in_sql_over_a_clock_that_counts_from_another_column_now(repo: Repository) -> None:
    repo.segment("quiet", '[{sql: "quiet_days * 2 > 8"}]')
    repo.commit()
    repo.entity("days_since: seen_at", "days_since: paid_at")
    quiet = repo.data()["quiet"]
    assert quiet["edit"] == "edited"
    assert quiet["size"] == {"before": 500, "after": 750, "enter": 250, "leave": 0, "stay": 500}


def test_markdown_is_a_comment(repo: Repository) -> None:
    repo.segment("odd", "[{sql: \"country = '<b>|`x`' or ltv > 900\"}]", 'label: "<script> | odd"\n')
    repo.commit()
    repo.segment("odd", "[{sql: \"country = '<b>|`x`' or ltv > 950\"}]", 'label: "<script> | odd"\n')
    told = repo.diff("--format", "markdown")
    assert told.startswith("<!-- pulse segments diff -->\n\n### Pulse: 1 segment differs from main (")
    assert "| `odd` | rule edited | 100 | 50 | -50 % | 0 | 50 | 0 → 0 |" in told
    assert "<summary><b>&lt;script&gt; | odd (odd)</b>: rule edited</summary>" in told
    assert "| + | ``country = '<b>\\|`x`' or ltv > 950`` | - | 50 |" in told
    assert "```diff\n- country" in told
    assert told.count("<details") == told.count("</details>") == 1


def test_nothing_differs_and_no_warehouse_is_opened(repo: Repository) -> None:
    repo.commit()
    (repo.shop.root / "pulse.duckdb").unlink()
    commit = repo.git("rev-parse", "--short=7", "HEAD")
    assert repo.diff() == f"No segment differs from main ({commit}).\n"
    assert json.loads(repo.diff("--format", "json"))["segments"] == []
    assert not (repo.shop.root / "pulse.duckdb").exists()
