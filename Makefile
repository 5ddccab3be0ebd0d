# Two commands do all of their own set-up: `make demo` and `make test`. `make help` lists the rest.
# Needs make, a Python 3.11-3.13 with venv, and a package index. Nothing is installed outside $(VENV),
# except that `make test` asks apt for a Chromium where none is found.

VENV ?= .venv
OUT ?= demo-output
# Test files that run side by side; 0 runs them one after the other.
WORKERS ?= 2
# PYTHON=/path/to/python chooses the interpreter of a new environment.
PYTHON ?=

BIN := $(VENV)/bin
# The pins of the Binder image: two people, or one of them next year, get the same numbers, and mypy
# meets the same numpy. That the newest releases work is what tests/test_packaging.py finds out.
PINS := binder/requirements.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(PINS)
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3 python)
# Commands on PATH may be shims of a version that is not active: run them instead of looking for them.
PROBE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.DEFAULT_GOAL := help
.PHONY: help demo lab test lint types format bench docs binder-check clean

help:  ## show this list
	@echo "usage: make <target> [PYTHON=python3.12] [VENV=.venv] [OUT=demo-output] [ARGS=...]"
	@sed -n 's/^\([a-z-]*\):.*## /  \1	/p' Makefile | expand -t 16

demo: $(VENV)/.installed  ## set up, run the main job on the built-in phantom, say where the results are
	$(BIN)/socwidgets demo -o "$(OUT)"
	@echo
	@echo "To look further, in a browser:  make lab   (opens the explorer on the same phantom)"

# On a copy of the notebook, in my-notebooks/: it is the user's to change, and git stays clean.
lab: $(VENV)/.installed  ## open JupyterLab on a copy of the first notebook
	$(BIN)/socwidgets lab -- $(AS_ROOT) $(ARGS)

test: $(VENV)/.installed-test  ## set up with the test extra, then lint, type-check and run every test
	@failed=""; \
	{ $(BIN)/ruff check . && $(BIN)/ruff format --check .; } || failed="$$failed lint"; \
	$(BIN)/python -m mypy || failed="$$failed types"; \
	sh tests/ensure_chromium.sh $(BIN)/python; \
	[ -z "$$failed" ] || echo "FAILED above:$$failed (the tests run all the same)"; \
	$(BIN)/python -m pytest -n "$(WORKERS)" --dist loadfile $(ARGS) || failed="$$failed tests"; \
	[ -z "$$failed" ] || { echo "FAILED:$$failed"; exit 1; }

lint: $(VENV)/.installed-test  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test  ## mypy
	$(BIN)/python -m mypy

format: $(VENV)/.installed-test  ## let ruff repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-bench  ## time every kernel against named alternatives; writes docs/performance.md
	$(BIN)/python tests/bench/run.py $(ARGS)

docs: $(VENV)/.installed-docs  ## build the site with warnings as errors, into docs/_build/html
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html
	@echo "open docs/_build/html/index.html"

binder-check: $(VENV)/.installed-test  ## build what Binder builds, from nothing; measure its memory and its first map
	$(BIN)/python tests/studies/replay_binder.py

clean:  ## remove the environment, caches and artifacts; results and notebook copies are kept
	rm -rf "$(VENV)" build dist docs/_build docs/api test-artifacts .pytest_cache .mypy_cache .ruff_cache .benchmarks
	find socwidgets tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "kept: $(OUT)/ and my-notebooks/ (your results and notebook copies), if they are there"

# -- the environment ------------------------------------------------------------------------------
# One stamp per state, so that a second run starts at once; a change in pyproject.toml or in the pins
# installs again.
# The install is editable: a checkout is what the user has, and its edits shall count at once. That
# the built wheel works is what tests/test_packaging.py checks.

$(VENV)/.created:
	@if [ -e "$(BIN)/python" ] && $(BIN)/python -c '$(PROBE)' 2>/dev/null \
	    && $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  echo "using the environment that is already in $(VENV)"; touch $@; exit 0; fi; \
	for candidate in $(CANDIDATES); do \
	  "$$candidate" -c '$(PROBE)' >/dev/null 2>&1 || continue; \
	  echo "making $(VENV) with $$candidate ($$("$$candidate" -c 'import sys; print(sys.version.split()[0])'))"; \
	  "$$candidate" -m venv --clear "$(VENV)" && touch $@ && exit 0; \
	done; \
	echo "No usable Python was found."; \
	echo "  expected: Python 3.11, 3.12 or 3.13 with the venv and ensurepip modules"; \
	echo "  found:    $$(for c in $(CANDIDATES); do "$$c" --version 2>/dev/null; done | sort -u | paste -sd ' ' -)"; \
	echo "  to do:    apt-get install python3-venv, or name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python"; \
	exit 1

$(VENV)/.installed: $(VENV)/.created pyproject.toml $(PINS)
	@echo "installing socwidgets and what it needs into $(VENV) (a minute or two the first time)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.created pyproject.toml $(PINS)
	@echo "installing socwidgets with the test extra into $(VENV) (a minute or two the first time)"
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(VENV)/.created pyproject.toml $(PINS)
	@echo "installing socwidgets with the docs extra into $(VENV) (a minute or two the first time)"
	@$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: $(VENV)/.installed-test
	@$(PIP) --editable '.[test,bench]'
	@touch $@
