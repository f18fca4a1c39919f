# Every way of working on Tokenworks, one target each; ARGS="..." hands words on. `make up` needs a Python 3.11 to 3.13
# with venv, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ENGINE := $(VENV)/.engine

.DEFAULT_GOAL := help
.PHONY: help venv up test test-clients test-agents check bench bench-peers sim kill model docs lock

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

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

test: $(INSTALLED)  ## all tests, and the pure floors covered by their own
	@$(MAKE) --no-print-directory $(ENGINE)
	$(BIN)/python -m pytest -p tests.coverage_gate $(ARGS)

test-clients: $(INSTALLED)  ## real SDKs, installed from locks into .clients, against deployments of every dialect
	@$(MAKE) --no-print-directory $(ENGINE)
	$(BIN)/python -m tests.clients $(ARGS)

test-agents: $(INSTALLED)  ## real coding agents (1.8 GB), installed from locks into .clients, do their work through it
	@$(MAKE) --no-print-directory $(ENGINE)
	$(BIN)/python -m tests.agents $(ARGS)

check: $(INSTALLED)  ## linter, types, floors, house rules, pages made from the code: fast
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.docs --check
	$(BIN)/python -m pytest tests/test_tidy.py

bench: $(INSTALLED)  ## the figures of docs/explanation/performance.md, anew (ARGS=--docs writes them there)
	$(BIN)/python -m bench $(ARGS)

bench-peers: $(INSTALLED)  ## the same against gateways of others, each installed from its lock (ARGS=--docs)
	$(BIN)/python -m bench --with direct nginx tokenworks vllm-router sglang-router litellm --name peers $(ARGS)

sim: $(INSTALLED)  ## thousands of seeded days with crashes under a virtual clock
	$(BIN)/python -m tests.sim $(ARGS)

kill: $(INSTALLED)  ## 200 rounds of kill -9 under load
	@$(MAKE) --no-print-directory $(ENGINE)
	$(BIN)/python -m tests.kill $(ARGS)

model:  ## the tiny model, trained anew from its scripts
	tools/model.sh $(ARGS)

docs: $(INSTALLED)  ## the reference pages that are made from the code
	$(BIN)/python -m tools.docs

lock:  ## the lock files anew (needs uv)
	tools/lock.sh $(ARGS)
