# Everything that a person or CI types. Each target makes what it needs; a second run starts at once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo app test check format clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.ready  ## Analyse five minutes of real ECG, print a summary, write a report with pictures
	@$(BIN)/beatlens analyze --out demo-report --force

app: $(VENV)/.ready-app  ## Review a recording in the browser, on this machine (FILE=... opens it)
	@$(BIN)/beatlens app $(FILE)

test: $(VENV)/.ready-dev  ## Run the tests (those on the real database need BEATLENS_DATA)
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.ready-dev  ## Check style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/.ready-dev  ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## Remove what the other targets made
	rm -rf $(VENV) demo-report .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Beatlens needs Python 3.11 or newer"; echo; echo "hint: make PYTHON=python3.12 ..."; exit 1; }
	@echo "making $(VENV) and installing (a minute or so, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# pip takes over where uv cannot reach the package index that pip is set up for
$(VENV)/.ready: pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -e . || $(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.ready-app: pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[app]' || $(BIN)/python -m pip install --quiet -e '.[app]'
	@touch $@ $(VENV)/.ready

$(VENV)/.ready-dev: pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[dev]' || $(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@ $(VENV)/.ready
