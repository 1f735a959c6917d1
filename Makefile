# Every command outsiders rely on. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
NODE_CLIENTS := tests/clients/node
NODE_STAMP := $(NODE_CLIENTS)/node_modules/.installed
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm
CONSOLE_STAMP := console/node_modules/.installed
CONSOLE_STATIC := src/tokenmill/admin/static
CONSOLE_BUILT := $(CONSOLE_STATIC)/.built
# Directories are among them, so that a file that is gone counts as a change.
CONSOLE_SOURCES := $(wildcard console/*.html console/*.mjs console/*.ts console/*.json) $(shell find console/src console/public)

.DEFAULT_GOAL := help
.PHONY: help install dev serve test check format bench proof test-model test-agents lock transcript guides screenshots api-types browser clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(STAMP) $(CONSOLE_BUILT) ## set up .venv with the `tokenmill` command, and build the console
dev: $(DEV_STAMP) $(CONSOLE_BUILT) ## set up the tools for tests and checks as well

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "TokenMill needs Python 3.11 or newer; '$(PYTHON)' is older. Set PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(STAMP): requirements/base.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): $(STAMP) requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(NODE_STAMP): $(NODE_CLIENTS)/package.json $(NODE_CLIENTS)/package-lock.json | $(DEV_STAMP)
	$(BIN)/npm ci --silent --prefix $(NODE_CLIENTS)
	@touch $@

$(CONSOLE_BUILT): $(CONSOLE_SOURCES) | $(CONSOLE_STAMP)
	$(NPM) run --silent --prefix console build
	@touch $@

$(CONSOLE_STAMP): console/package-lock.json | $(STAMP)
	$(NPM) ci --silent --ignore-scripts --prefix console
	@touch $@

serve: install ## run the platform on http://127.0.0.1:8080 with the embedded model
	@$(BIN)/tokenmill serve

test: dev $(NODE_STAMP) browser ## run every test but those of the 1.5B model
	$(BIN)/tokenmill models fetch smollm2-135m
	$(BIN)/pytest -n 3 --dist loadgroup -m "not model and not proof and not agents" tests

check: dev ## format, lint, types, import floors, and the same of the console
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/api_types.py --check
	$(NPM) run --silent --prefix console check

browser: ## set up Chromium, which tests of the console drive
	@tools/browser.sh

format: dev ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev ## measure speed; prints a table
	$(BIN)/python -m tests.bench

proof: dev browser ## the long proofs; FUZZ_SECONDS (600) and FUZZ_SEED steer the hunt for hostile input
	$(BIN)/pytest -m proof -s -n 0 --timeout 86400 tests

test-model: dev ## tools and Chinese on the 1.5B model, with figures
	$(BIN)/tokenmill models fetch
	$(BIN)/pytest -m model -s -p no:xdist --timeout 1800 tests/model

test-agents: dev ## the real coding agents, each installed once; AGENTS=codex,cline selects
	$(BIN)/pytest -m agents -s -p no:xdist tests/agents

transcript: install ## run a fresh platform and write the session into the READMEs
	$(BIN)/python tools/transcript.py

guides: install ## write docs/guides/connect from the templates of `tokenmill connect`
	$(BIN)/python tools/guides.py

screenshots: dev browser ## take the pictures of the console in docs/pictures
	$(BIN)/python -m tools.screenshots

api-types: dev $(CONSOLE_STAMP) ## write the console's types of the admin API
	$(BIN)/python tools/api_types.py

lock: dev ## re-resolve requirements/*.txt (hashes, no registry addresses)
	tools/lock.sh

clean: ## remove what the build made; keeps ./data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(NODE_CLIENTS)/node_modules \
	  console/node_modules $(CONSOLE_STATIC) build
