# Every target sets up what it needs. PYTHON is any Python 3.11 or later.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
VENV := .venv
STAMP := $(VENV)/.set-up
INSTALLED := $(VENV)/.installed
RUN := $(VENV)/bin/
ROUNDS ?= 30
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help install setup demo serve test test-faults lint format bench clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Without uv, pip installs the very versions that uv.lock names. What is there stays: make setup
# adds to make install.
ifdef UV
SYNC := uv sync --quiet --locked --inexact --compile-bytecode
else
OWN_UV := $(RUN)uv
SYNC := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(OWN_UV) sync --quiet --locked --inexact --active --compile-bytecode

$(OWN_UV):
	@$(RUN)python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(RUN)python -m pip install --quiet --disable-pip-version-check uv
endif

install: ## Install the program into .venv; EXTRAS="s3 postgresql" adds optional parts
	@rm -f $(INSTALLED)
	@$(MAKE) --no-print-directory $(INSTALLED)

setup: $(STAMP) ## Install what tests, checks and benchmarks need as well

$(INSTALLED): pyproject.toml uv.lock | $(OWN_UV)
	@echo "Installing Everlake and its libraries into $(VENV), about 800 MB. The first time takes a minute or two."
	@$(SYNC) --no-dev $(EXTRAS:%=--extra %)
	@touch $@

$(STAMP): pyproject.toml uv.lock | $(OWN_UV)
	@echo "Installing Everlake and what its tests need into $(VENV), about 2.5 GB. The first time takes some minutes."
	@$(SYNC)
	@touch $@ $(INSTALLED)

demo: $(INSTALLED) ## Start on sample data and show what comes out
	@$(RUN)everlake demo

serve: $(INSTALLED) ## Start on an empty data directory
	@$(RUN)everlake serve

# Containers often set it, and then each of the processes of the tests compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

# In their own order: by number of tests, the few that take minutes would come last.
PYTEST := $(RUN)pytest -n 4 --dist loadfile --no-loadscope-reorder

test: $(STAMP) ## Run the tests, four files at a time
	@$(PYTEST) tests/unit tests/integration tests/acceptance

test-faults: $(STAMP) ## Run the fault suites: kills, power cuts, damaged data, lost servers, hostile clients; ROUNDS=30 SEED=1
	@EVERLAKE_CHAOS_ROUNDS=$(ROUNDS) EVERLAKE_CHAOS_SEED=$(SEED) $(PYTEST) tests/faults

lint: $(STAMP) ## Check style, types and layers
	@$(RUN)ruff check .
	@$(RUN)ruff format --check .
	@$(RUN)pyright
	@$(RUN)lint-imports

format: $(STAMP) ## Put the code into form
	@$(RUN)ruff check --fix .
	@$(RUN)ruff format .

bench: $(STAMP) ## Measure, and write bench/RESULTS.md; PARTS="accept merge" measures only those
	@$(SYNC) --group bench
	@$(RUN)python -m bench $(PARTS)

clean: ## Remove what the other targets made
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis everlake-demo bench/.work
