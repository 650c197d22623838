# `make help` lists the targets. Each makes what it needs: only Python 3.11+, pip, make and git must be there.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help demo app app-frozen app-web browser test test-all faults lint bench pictures screenshots docs clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(VENV)/.made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("embedmig needs Python 3.11 or later; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

demo: $(VENV)/.made ## run the demo app: an older file is brought up to date
	@$(BIN)/python -m demo_app.tour

app: $(VENV)/.made ## the demo app in a window of the browser, with the file of make demo (APP_ARGS="--as-of 2 --db older.db")
	@$(BIN)/python -m demo_app --window --db demo.db $(APP_ARGS)

app-frozen: $(VENV)/.made ## the same as a program that needs no Python, by PyInstaller, and started
	@$(BIN)/python -m demo_app.frozen build/frozen
	@build/frozen/Notes/Notes --db demo.db $(APP_ARGS)

app-web: $(VENV)/.made ## the demo app wholly inside a browser, served on this machine (needs npm: Pyodide comes from there)
	@$(BIN)/python -m demo_app.web $(WEB_ARGS)

lint: $(VENV)/.made ## ruff (lint and format) and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

browser: # Debian's Chromium for the tests in a browser, where it may be installed; elsewhere they are skipped
	@if ! { command -v chromium && command -v chromedriver; } >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		{ apt-get update && apt-get install --yes --no-install-recommends chromium chromium-driver; } >/dev/null \
		|| echo "Chromium could not be installed: the tests in a browser will be skipped."; fi

test: lint browser ## the gates and all tests, with branch coverage
	@rm -f .coverage .coverage.*
	@set -o pipefail; $(BIN)/python -m coverage run -m pytest $(PYTEST_ARGS) 2>&1 | tee .pytest.out
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report --fail-under=95 --skip-covered
	@tail -n 1 .pytest.out

test-all: ## the tests on Python 3.11, 3.12 and 3.13
	@$(PYTHON) tests/every_python.py

faults: $(VENV)/.made ## break real upgrades at every file operation, and the others' too: docs/faults.md
	PYTHONPATH=.:tests $(BIN)/python -m faults $(FAULTS_ARGS)

bench: $(VENV)/.made ## embedmig beside other migrators: docs/performance.md; QUESTIONS="launch fresh" asks some
	$(BIN)/python -m benchmarks $(QUESTIONS)

pictures: $(VENV)/.made ## draw the demo app's schema anew, into docs/
	$(BIN)/python -m demo_app.pictures

screenshots: $(VENV)/.made browser ## take the pictures of the window anew, into docs/pictures/
	PYTHONPATH=.:tests $(BIN)/python -m screenshots

docs: $(VENV)/.made ## write docs/command-line.md anew, from the commands
	$(BIN)/python docs/command_line.py

clean: ## remove what was made
	@if [ -d trouble ]; then chmod -R u+w trouble; fi # one of them is read-only
	rm -rf $(VENV) .venv-* .bench-files .pytest.out .coverage* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis demo.db* big.db* slow.db* older.db* trouble
