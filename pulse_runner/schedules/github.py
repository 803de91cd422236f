"""Workflows for GitHub Actions: the daily run, and the review of pull requests."""

from __future__ import annotations

from pulse_runner.schedules.base import Plan, fill, run_arguments

SECRETS = """\
# Put the text of your profiles.yml into the repository secret PULSE_PROFILES_YML, and a secret for each name under env
# that you use. A channel whose secret is not there prints its messages into the job's log.
"""
SETUP = """\
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
"""
DAILY = f"""\
# .github/workflows/pulse.yml: Pulse every day at <<time>> in <<zone>>.
{SECRETS}\
# The warehouse must be one that GitHub reaches: a DuckDB file made here is gone when the job ends.
name: pulse
on:
  schedule:
    - cron: "<<utc_minute>> <<utc_hour>> * * *" # UTC, as <<time>> is now; this clock knows no summer time
  workflow_dispatch: {{}}
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
{SETUP}\
      # exit 3: incidents of severity high or above are open; exit 4: an alert has not arrived
      - name: Run Pulse
        run: pulse <<arguments>>
"""
REVIEW = f"""\
# .github/workflows/pulse-review.yml: what a pull request does to the segments, as a comment that is kept up to date.
{SECRETS}\
# A user who may only read is enough. Pull requests from forks get no secrets of GitHub, so they are not reviewed.
name: pulse review
on:
  pull_request:
    paths:
      - "<<segments>>/**"
concurrency:
  group: pulse-review-${{{{ github.event.number }}}}
  cancel-in-progress: true
permissions:
  contents: read
  pull-requests: write
jobs:
  run:
    if: github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    defaults:
      run:
        working-directory: "<<folder>>"
<<environment>>    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # with the commits that the pull request is compared with
{SETUP}\
      - name: Compare with the base
        run: pulse segments diff --base "origin/$GITHUB_BASE_REF" --format markdown > "$RUNNER_TEMP/review.md"
      - name: Post the comment, or bring it up to date
        env:
          GITHUB_TOKEN: ${{{{ github.token }}}}
          PULL_REQUEST: ${{{{ github.event.number }}}}
        shell: python
        run: |
          import json, os, pathlib, urllib.request

          api = os.environ["GITHUB_API_URL"] + "/repos/" + os.environ["GITHUB_REPOSITORY"] + "/issues"
          review = pathlib.Path(os.environ["RUNNER_TEMP"], "review.md").read_text(encoding="utf-8")

          def call(method, path, body=None):
              request = urllib.request.Request(api + path, body and json.dumps(body).encode(), method=method)
              request.add_header("Authorization", "Bearer " + os.environ["GITHUB_TOKEN"])
              request.add_header("Accept", "application/vnd.github+json")
              return json.load(urllib.request.urlopen(request, timeout=60))

          def comments():
              page = 1
              while found := call("GET", f"/{{os.environ['PULL_REQUEST']}}/comments?per_page=100&page={{page}}"):
                  yield from found
                  page += 1

          mark = review.splitlines()[0] # a comment of HTML, which nobody sees
          own = next((c for c in comments() if (c["body"] or "").startswith(mark)), None)
          if own:
              call("PATCH", f"/comments/{{own['id']}}", {{"body": review}})
          else:
              call("POST", f"/{{os.environ['PULL_REQUEST']}}/comments", {{"body": review}})
"""


def github(plan: Plan) -> dict[str, str]:
    """Return the workflow of the daily run."""
    return {
        "pulse.yml": fill(
            DAILY,
            time=plan.time,
            zone=plan.zone,
            utc_hour=plan.utc[0],
            utc_minute=plan.utc[1],
            folder=plan.folder,
            environment=_environment(plan, plan.secrets),
            requirements=" ".join(plan.requirements),
            arguments=" ".join(run_arguments(plan.day, "--fail-on", "high")),
        )
    }


def github_review(plan: Plan) -> dict[str, str]:
    """Return the workflow that reviews pull requests."""
    return {
        "pulse-review.yml": fill(
            REVIEW,
            folder=plan.folder,
            segments="segments" if plan.folder == "." else f"{plan.folder}/segments",
            environment=_environment(plan, plan.profile_secrets),
            requirements=" ".join(plan.requirements),
        )
    }


def _environment(plan: Plan, secrets: tuple[str, ...]) -> str:
    names = sorted({*secrets, *({"PULSE_TARGET"} if "PULSE_TARGET" in plan.environment else ())})
    values = {name: f"${{{{ secrets.{name} }}}}" for name in names}
    if "PULSE_TARGET" in values:
        values["PULSE_TARGET"] = plan.environment["PULSE_TARGET"]
    lines = "".join(f"      {name}: {value}\n" for name, value in values.items())
    return f"    env:\n{lines}" if lines else ""
