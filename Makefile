# `make` lists the targets. Only Python 3.11+ and make are needed; everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-matrix test-dbt soak lint bench docs pictures site lock sbom audit clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Pulse needs Python 3.11 or newer; name one with: make PYTHON=python3.12 demo"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' 2>pip.err || { cat pip.err; rm -f pip.err; exit 1; }
	@rm -f pip.err; touch $(READY)

install: $(READY) ## Make .venv with the versions that were tested

demo: $(READY) ## Run the demo shop from seeds to alerts on an embedded DuckDB file
	@cd demo && ../$(BIN)/pulse demo .

test: $(READY) ## Run the tests: Python, dbt, DuckDB and Postgres
	@$(BIN)/python -m pytest -n auto --dist loadgroup

test-matrix: $(READY) ## Run the further cases that `make test` leaves out: more schedulers, and Postgres beside DuckDB
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m matrix

test-dbt: $(READY) ## Walk dbt 1.10, 1.11, 1.12 and v2 over the demo, each in an environment of its own
	@$(BIN)/python tests/python/dbt_versions/matrix.py

soak: $(READY) ## Run 200 days of the demo with kills, dead channels, locks and full disks, and compare (an hour or two)
	@$(BIN)/python tests/python/soak/soak.py --warehouse duckdb
	@$(BIN)/python tests/python/soak/soak.py --warehouse postgres

lint: $(READY) ## Check style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(READY) ## Measure speed, as ratios against a baseline in the same run
	@for name in snapshots detectors_speed report; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

docs: $(READY) ## Rewrite the generated docs (CLI reference, schema, detectors' pictures) and make the dbt docs page
	@$(BIN)/python -m pulse_runner.publish
	@$(BIN)/python docs/detectors/make_pictures.py
	@cd demo && ../$(BIN)/pulse compile && ../$(BIN)/dbt deps --quiet && ../$(BIN)/dbt docs generate --static --profiles-dir target/embedded_profile

pictures: $(READY) ## Take the docs' pictures of messages, report and terminal from the demo (after `make demo`; needs Chromium)
	@$(BIN)/python -m tools.pictures

site: $(READY) ## Build the docs as a site in out/site; a dead link is an error
	@$(BIN)/python -m sphinx -q -n -W --keep-going -b html -d out/.site docs out/site && echo "Open out/site/index.html"

lock: $(READY) ## Write requirements-hashed.txt: what is installed, with the hashes of its files
	@$(BIN)/python -m tools.lock

sbom: $(READY) ## Print a bill of materials of what is installed (CycloneDX, JSON)
	@$(BIN)/python -m tools.sbom

audit: $(READY) ## Ask a public database for known holes of the pinned versions; needs a network
	@test -x .audit/bin/pip-audit || { $(PYTHON) -m venv .audit && .audit/bin/python -m pip install --quiet pip-audit; }
	@.audit/bin/pip-audit --requirement requirements-hashed.txt --require-hashes --disable-pip

clean: ## Remove what was made, except .venv
	@rm -rf target logs dist demo/target demo/logs demo/dbt_packages demo/pulse.duckdb demo/pulse.duckdb.wal
