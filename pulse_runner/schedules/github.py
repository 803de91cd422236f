"""A workflow for GitHub Actions."""

from __future__ import annotations

from pulse_runner.schedules.base import Plan, fill, run_arguments

TEXT = """\
# .github/workflows/pulse.yml: Pulse every day at <<time>> in <<zone>>.
# Put the text of your profiles.yml into the repository secret PULSE_PROFILES_YML, and a secret for each name under env.
# The warehouse must be one that GitHub reaches: a DuckDB file made here is gone when the job ends.
name: pulse
on:
  schedule:
    - cron: "<<utc_minute>> <<utc_hour>> * * *" # UTC, as <<time>> is now; this clock knows no summer time
  workflow_dispatch: {}
concurrency: pulse # one run at a time
permissions:
  contents: read
jobs:
  run:
    runs-on: ubuntu-latest
    defaults:
      run:
        working-directory: "<<folder>>"
<<environment>>    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Write the profile
        env:
          PULSE_PROFILES_YML: ${{ secrets.PULSE_PROFILES_YML }}
        run: |
          if [ -z "$PULSE_PROFILES_YML" ]; then
            echo "::error::The secret PULSE_PROFILES_YML is empty: put the text of your profiles.yml into it."
            exit 1
          fi
          mkdir -p "$RUNNER_TEMP/dbt"
          printf '%s\\n' "$PULSE_PROFILES_YML" > "$RUNNER_TEMP/dbt/profiles.yml"
          echo "DBT_PROFILES_DIR=$RUNNER_TEMP/dbt" >> "$GITHUB_ENV"
      - name: Install Pulse
        run: python -m pip install <<requirements>>
      - name: Install the dbt package
        run: dbt deps
      - name: Check that the models are compiled
        run: pulse compile --check
      - name: Run Pulse
        run: pulse <<arguments>>
"""


def github(plan: Plan) -> dict[str, str]:
    """Return the workflow."""
    names = sorted({*plan.secrets, *({"PULSE_TARGET"} if "PULSE_TARGET" in plan.environment else ())})
    values = {name: f"${{{{ secrets.{name} }}}}" for name in names}
    if "PULSE_TARGET" in values:
        values["PULSE_TARGET"] = plan.environment["PULSE_TARGET"]
    lines = "".join(f"      {name}: {value}\n" for name, value in values.items())
    return {
        "pulse.yml": fill(
            TEXT,
            time=plan.time,
            zone=plan.zone,
            utc_hour=plan.utc[0],
            utc_minute=plan.utc[1],
            folder=plan.folder,
            environment=f"    env:\n{lines}" if lines else "",
            requirements=" ".join(plan.requirements),
            arguments=" ".join(run_arguments(plan.day, "--fail-on", "high")),
        )
    }
