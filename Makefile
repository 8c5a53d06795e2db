.DEFAULT_GOAL := help
.PHONY: help demo test check bench conformance clean

PYTHON ?= python3
BIN := .venv/bin
# The CPU build of faiss unless told otherwise: `make demo EXTRA=gpu` on a machine with CUDA.
EXTRA ?= cpu

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# torch first and by its pin: a range would let another package pull a newer build.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[$(EXTRA)]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[$(EXTRA),dev]'
	@touch $@

demo: .venv/installed ## Set up and open the pretend hospital
	$(BIN)/sidenote demo

test: .venv/installed-dev ## Set up, run all checks and all tests
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/test

check: .venv/installed-dev ## Format, lint, types, import rules
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

bench: .venv/installed-dev ## Measure, and write bench/RESULTS.md
	$(BIN)/python -m bench

conformance: .venv/installed-dev ## Show which statement of the standards is proved by which test
	@$(BIN)/python scripts/conformance.py

clean: ## Remove what make created
	rm -rf .venv build dist *.egg-info node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
