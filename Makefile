# Everything here creates what it needs: a virtual environment in .venv, by uv (from the PATH, or fetched into .bootstrap/).
# Needs Python >= 3.11, git and make. Written for GNU make 3.81, which is what macOS has.

SHELL = /bin/sh
BIN = .venv/bin
PYTEST = $(BIN)/python -m pytest
JOBS ?= auto

.DEFAULT_GOAL := help
.PHONY: help env demo test check fix bench docs serve clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

env: .venv/.made ## Create the virtual environment with all extras

.venv/.made: pyproject.toml uv.lock
	@echo "Making the virtual environment .venv …"
	@uv="$$(scripts/get-uv)" && "$$uv" sync --locked --quiet --all-extras
	@touch $@

demo: env ## Run a real workflow on a small repository made for it
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo/demo

test: env ## Run all tests
	$(PYTEST) -n $(JOBS) --dist worksteal

check: env ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: env ## Repair what ruff can repair by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: env ## Measure speed against make, ninja, just, doit and go-task (those that are installed)
	@uv="$$(scripts/get-uv)" && "$$uv" sync --locked --quiet --all-extras --inexact --group bench
	$(BIN)/python benchmarks/run.py

docs: env ## Build the documentation into site/
	$(BIN)/zensical build --clean

serve: env ## Show the documentation at http://localhost:8000 and follow edits
	$(BIN)/zensical serve

clean: ## Remove everything that make created
	rm -rf .venv .bootstrap site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
