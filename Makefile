# Every way of working on Tokenworks, one target each. `make up` needs a Python 3.11 to 3.13 with venv, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ENGINE := $(VENV)/.engine

.DEFAULT_GOAL := help
.PHONY: help venv up test check bench sim kill model lock

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

venv: $(INSTALLED)  ## the environment, from the lock file

$(INSTALLED): requirements.lock pyproject.toml
	@PYTHON=$(PYTHON) tools/preflight.sh venv
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The engine's failure leaves a working install: everything but the embedded model runs without it.
$(ENGINE): requirements-engine.lock $(INSTALLED)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-engine.lock \
	  && touch $@ || tools/no-engine.sh

up: $(INSTALLED)  ## everything on one port (8400), a demo account, a first sale; Ctrl-C ends it
	@$(MAKE) --no-print-directory $(ENGINE)
	@exec $(BIN)/tokenworks up --demo $(ARGS)

test: $(INSTALLED)  ## all tests
	@$(MAKE) --no-print-directory $(ENGINE)
	$(BIN)/python -m pytest $(ARGS)

check: $(INSTALLED)  ## linter, types, floors, house rules: fast
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/test_tidy.py

bench: $(INSTALLED)  ## the figures of docs/reference/performance.md, anew
	$(BIN)/python -m bench $(ARGS)

sim: $(INSTALLED)  ## thousands of seeded days with crashes under a virtual clock
	$(BIN)/python -m tests.sim $(ARGS)

kill: $(INSTALLED)  ## 200 rounds of kill -9 under load
	@$(MAKE) --no-print-directory $(ENGINE)
	$(BIN)/python -m tests.kill $(ARGS)

model:  ## the tiny model, trained anew from its script
	tools/model.sh $(ARGS)

lock:  ## the lock files anew (needs uv)
	tools/lock.sh $(ARGS)
