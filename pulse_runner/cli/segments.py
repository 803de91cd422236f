"""`pulse segments`: the definition files, from the command line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from pulse_runner.cli.completion import complete_segments
from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.errors import UsageError

LIST_COLUMNS = ("segment", "entity", "owner", "enabled", "alerts", "rule")
FUNNEL_COLUMNS = ("step", "condition", "alone", "remaining", "share")


@click.group("segments")
def segments_group() -> None:
    """List, show and edit segments. An edit changes the file in segments/; run `pulse compile` afterwards.

    \b
    Example:
      pulse segments list
    """


@segments_group.command("list")
@format_option
@pass_pulse
def list_command(pulse: PulseContext, fmt: str) -> None:
    """List all segments with their rules.

    \b
    Example:
      pulse segments list --format json
    """

    rows = [_row(s) for _, s in sorted(pulse.project().segments.items())]
    pulse.echo_rows(rows, LIST_COLUMNS, fmt)


@segments_group.command("show")
@click.argument("segment", shell_complete=complete_segments)
@format_option
@pass_pulse
def show_command(pulse: PulseContext, segment: str, fmt: str) -> None:
    """Show one segment: rule, owner, thresholds, routes, the file that it is in, and what it can see.

    What it can see is the smallest fall that would be found with 80 % chance, tried out on its own snapshots.

    \b
    Example:
      pulse segments show high_value_active_users
    """
    from pulse_runner.segments.edit import find_segment
    from pulse_runner.segments.text import settings_text

    found = find_segment(pulse.root, pulse.schema, segment)
    row = _row(found) | {
        "label": found.label,
        "description": found.description,
        "thresholds": "; ".join(f"{n} {settings_text(t)}" for n, t in sorted(found.thresholds.items())) or "defaults",
        "file": found.file,
    }
    columns = ("segment", "label", "description", "entity", "owner", "enabled", "rule", "thresholds", "alerts", "file")
    if fmt == "table":
        for name in columns:
            click.echo(f"{name + ':':<13} {row[name]}")
        for n, line in enumerate(_can_see(pulse, found.name)):
            click.echo(f"{'' if n else 'can see:':<13} {line}")
    else:
        pulse.echo_rows([row], columns, fmt)


@segments_group.command("create")
@click.argument("segment")
@click.option("--entity", required=True, help="The entity that it selects from.")
@click.option("--owner", required=True, help="Who is told.")
@click.option("--rule", "rules", multiple=True, required=True, help="A condition as YAML; repeatable, all must hold.")
@click.option("--label", help="A name for people.")
@click.option("--description", help="What it is for.")
@click.option("--alert", "alerts", multiple=True, help="An alert route; repeatable.")
@click.option("--dry-run", is_flag=True, help="Print the file as a diff; write nothing.")
@pass_pulse
def create_command(pulse: PulseContext, /, segment: str, dry_run: bool, **options: Any) -> None:
    """Write the file of a new segment.

    \b
    Example:
      pulse segments create big_spenders --entity customers --owner crm-team \\
        --rule '{field: ltv, operator: ">", value: 2000}' --alert growth
    """
    from pulse_runner.segments import edit

    rules = options.pop("rules")
    change = edit.create(
        pulse.root, pulse.schema, segment, options.pop("entity"), options.pop("owner"), rules, **options
    )
    _finish(pulse, change, dry_run)


@segments_group.command("update")
@click.argument("segment", shell_complete=complete_segments)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="owner=x, label=x, thresholds.size_jump=0.2 ..."
)
@click.option("--add-rule", "add", multiple=True, help="A condition as YAML, added to the list.")
@click.option("--remove-rule", "remove", multiple=True, type=int, help="The number of a condition; 1 is the first.")
@click.option("--dry-run", is_flag=True, help="Print the change as a diff; write nothing.")
@pass_pulse
def update_command(
    pulse: PulseContext,
    segment: str,
    settings: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[int, ...],
    dry_run: bool,
) -> None:
    """Change settings or conditions of a segment; comments and order of the file stay.

    \b
    Example:
      pulse segments update students --set owner=crm-team --add-rule '{field: country, operator: "=", value: DE}'
    """
    from pulse_runner.segments import edit

    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting}: write KEY=VALUE, such as owner=crm-team.")
        pairs[key] = value
    if not pairs and not add and not remove:
        raise UsageError("Nothing to change; give --set, --add-rule or --remove-rule.")
    _finish(pulse, edit.update(pulse.root, pulse.schema, segment, pairs, add, remove), dry_run)


@segments_group.command("delete")
@click.argument("segment", shell_complete=complete_segments)
@click.option("--dry-run", is_flag=True, help="Print the change as a diff; remove nothing.")
@pass_pulse
def delete_command(pulse: PulseContext, segment: str, dry_run: bool) -> None:
    """Remove a segment's file. Its snapshots and incidents stay in the warehouse.

    \b
    Example:
      pulse segments delete students --dry-run
    """
    from pulse_runner.segments import edit

    _finish(pulse, edit.delete(pulse.root, pulse.schema, segment), dry_run)


@segments_group.command("enable")
@click.argument("segment", shell_complete=complete_segments)
@click.option("--dry-run", is_flag=True, help="Print the change as a diff; write nothing.")
@pass_pulse
def enable_command(pulse: PulseContext, segment: str, dry_run: bool) -> None:
    """Switch a segment on.

    \b
    Example:
      pulse segments enable students
    """
    from pulse_runner.segments import edit

    _finish(pulse, edit.enable(pulse.root, pulse.schema, segment, True), dry_run)


@segments_group.command("disable")
@click.argument("segment", shell_complete=complete_segments)
@click.option("--dry-run", is_flag=True, help="Print the change as a diff; write nothing.")
@pass_pulse
def disable_command(pulse: PulseContext, segment: str, dry_run: bool) -> None:
    """Switch a segment off: no snapshots, no findings, no alerts; its history stays.

    \b
    Example:
      pulse segments disable students
    """
    from pulse_runner.segments import edit

    _finish(pulse, edit.enable(pulse.root, pulse.schema, segment, False), dry_run)


@segments_group.command("preview")
@click.argument("segment", required=False, shell_complete=complete_segments)
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file not saved in segments/ yet.",
)
@click.option("--date", "day", type=DAY, help="As of this date; the latest that the entity has when left out.")
@format_option
@pass_pulse
def preview_command(pulse: PulseContext, segment: str | None, file: Path | None, day: date | None, fmt: str) -> None:
    """Show the size of a segment now, condition by condition, without building anything.

    \b
    Example:
      pulse segments preview high_value_active_users
      pulse segments preview --file draft.yml
    """
    from pulse_runner.compile.preview import count_funnel, parts_of
    from pulse_runner.compile.tally import Tally
    from pulse_runner.compile.write import used_columns
    from pulse_runner.segments.edit import find_segment
    from pulse_runner.segments.load import build_project, read_texts
    from pulse_runner.segments.text import rule_text
    from pulse_runner.snapshot.read import counted, disagreement, shown_day

    if (segment is None) == (file is None):
        raise UsageError("Give the name of a segment, or --file.")
    texts = read_texts(pulse.root)
    if file is not None:
        known = set(build_project(texts, pulse.schema).segments)
        texts = texts | {f"segments/{file.name}": file.read_text(encoding="utf-8")}
        project = build_project(texts, pulse.schema)
        chosen = next(
            (s for s in project.segments.values() if s.name not in known or s.file == f"segments/{file.name}"), None
        )
    else:
        project = build_project(texts, pulse.schema)
        chosen = find_segment(pulse.root, pulse.schema, segment or "")
    if chosen is None:
        raise UsageError(f"{file} does not define a segment.")
    entity = project.entities[chosen.entity]
    rules = {s.name: s.rule for s in project.segments.values()}
    with pulse.warehouse() as warehouse:
        relation = warehouse.relation(entity.relation.function, *entity.relation.arguments)
        latest = shown_day(warehouse, entity, relation, day, pulse.today, pulse.present)
        order = used_columns(project, entity, pulse.root)
        tally = Tally(
            entity, relation, warehouse.dialect, latest, latest, order,
            lambda e: warehouse.relation(e.relation.function, *e.relation.arguments),
        )  # fmt: skip
        count_funnel(tally, chosen.name, chosen.rule, entity, rules)
        counts = counted(warehouse, tally).get(latest, {})
        all_rows = warehouse.query(tally.rows_sql())[0]["all_rows"]
        members = counts.get((chosen.name, "upto", len(parts_of(chosen.rule))), 0)
        unlike = disagreement(warehouse, chosen, entity, latest, members)
    everybody = counts.get("everybody", 0)
    rows: list[dict[str, Any]] = [
        {
            "step": 0,
            "condition": f"all {entity.name} on {latest}",
            "alone": everybody,
            "remaining": everybody,
            "share": "100.0%",
        }
    ]
    for n, part in enumerate(parts_of(chosen.rule), 1):
        left = counts.get((chosen.name, "upto", n), 0)
        share = f"{left / everybody:.1%}" if everybody else "-"
        rows.append(
            {
                "step": n,
                "condition": rule_text(part),
                "alone": counts.get((chosen.name, "alone", n), 0),
                "remaining": left,
                "share": share,
            }
        )
    pulse.echo_rows(rows, FUNNEL_COLUMNS, fmt)
    pulse.log(f"{chosen.name} has {members:,} members on {latest}.")
    if all_rows > everybody:
        pulse.log(
            f"{entity.name} has {all_rows:,} rows for {everybody:,} keys on {latest}: each key counts once, by one row."
            + (
                f" If older rows are in it, name `history` in the definition of {entity.name}."
                if entity.history.kind == "none"
                else ""
            )
        )
    if unlike:
        pulse.log(unlike)


@segments_group.command("diff")
@click.argument("segments", metavar="[SEGMENT]...", nargs=-1)
@click.option("--base", required=True, metavar="REF", help="A branch, tag or commit of git to compare with.")
@click.option("--date", "day", type=DAY, help="As of this date; the latest that each entity has when left out.")
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="Text for a terminal, data, or the comment of a pull request.",
)
@pass_pulse
def diff_command(pulse: PulseContext, segments: tuple[str, ...], base: str, day: date | None, fmt: str) -> None:
    """Show what an edit does before it is merged: sizes, who enters and leaves, and what would have fired.

    The definitions here are compared with those of the commit that this branch left REF at. Nothing is written.

    \b
    Example:
      pulse segments diff --base main
      pulse segments diff --base main high_value_active_users --format markdown
    """
    import json

    from pulse_runner.review.data import data_of
    from pulse_runner.review.markdown import markdown_page
    from pulse_runner.review.page import page_of
    from pulse_runner.review.review import Review, difference, review
    from pulse_runner.review.text import text_page

    asked = pulse.past(day) if day else None
    found = difference(pulse.root, pulse.schema, base, segments)
    if found.changes:
        with pulse.warehouse() as warehouse:
            done = review(found, warehouse, pulse.root, asked=asked, today=pulse.today, present=pulse.present)
    else:
        done = Review(found.base.name, found.base.commit, (), found.entities)
    if fmt == "json":
        click.echo(json.dumps(data_of(done), indent=2, default=str, ensure_ascii=False))
    else:
        click.echo((text_page if fmt == "table" else markdown_page)(page_of(done)))


def _can_see(pulse: PulseContext, segment: str) -> list[str]:
    """Return what a segment can see, or why that is not known: the definition is shown without a warehouse, too."""
    from pulse_runner.backtest.warehouse import segment_sights
    from pulse_runner.errors import PulseError

    try:
        with pulse.warehouse() as warehouse:
            days = warehouse.query(
                f"select max(snapshot_date) as day from {warehouse.table('pulse_segment_snapshots')} where segment_id = ?",
                [segment],
            )
            if days[0]["day"] is None:
                return ["not known: there are no snapshots yet"]
            return [s.sentence() for s in segment_sights(warehouse, pulse.project(), days[0]["day"], [segment])]
    except PulseError as error:
        return [f"not known: {error.what}"]


def _row(segment: Any) -> dict[str, Any]:
    from pulse_runner.segments.text import rule_text

    return {
        "segment": segment.name, "entity": segment.entity, "owner": segment.owner, "enabled": segment.enabled,
        "alerts": ", ".join(segment.alerts), "rule": rule_text(segment.rule),
    }  # fmt: skip


def _finish(pulse: PulseContext, change: Any, dry_run: bool) -> None:
    if not change.diff:
        pulse.log("Nothing changes.")
        return
    if dry_run:
        click.echo(change.diff, nl=False)
        return
    change.write()
    click.echo(f"{'removed' if change.text is None else 'wrote'} {change.file}")
    pulse.log("Run `pulse compile` to bring the models up to date.")
