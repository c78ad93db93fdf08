# make run starts the app; make help lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test check lint fix bench sample-store clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.run ## start the app on localhost with the sample loaded
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

test: $(VENV)/.dev ## all tests, in WORKERS processes (2); browser tests need Chromium
	$(BIN)/python -m pytest -m "not alone" --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -m alone

check: lint ## lint, then the fast tests
	$(BIN)/python -m pytest -m "not slow and not browser"

lint: $(VENV)/.dev ## format, lint, strict types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## the table of speeds, as ratios in one run, on the real rows
	$(BIN)/python -m benchmarks

sample-store: $(VENV)/.run ## compute the sample's artefacts that ship in data/store
	$(BIN)/python -m benchmarks.sample_store

clean: ## remove the environment and what was computed
	rm -rf $(VENV) .winnow

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Winnow needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.run
