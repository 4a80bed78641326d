# Everything that a person or CI types. Each target makes what it needs; a second run starts at once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo app test check format docs results explanations dist lowest sbom outputs clean

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

docs: $(VENV)/.ready-dev  ## Build the documentation into site/; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

outputs: $(VENV)/.ready-dev  ## Run the code of the documentation, and write anew what it prints (after a model has new weights)
	@$(BIN)/python docs/tools/blocks.py --update README.md $$(find docs -name '*.md' -not -path 'docs/tools/*' | sort)

results: $(VENV)/.ready-dev  ## Write the page of results and the README's block from the kept runs
	@$(BIN)/python docs/tools/results.py
	@$(BIN)/python docs/update_readme.py

dist: $(VENV)/.ready-release  ## Build wheel and source archive, and try both where the source is not
	@$(BIN)/python docs/tools/check_dist.py --python $(BIN)/python

explanations: $(VENV)/.ready-dev  ## Test both models' explanations on DS2, and write the tables (hours; after a model has new weights)
	@$(BIN)/beatlens explain evaluate rhythm-lstm --beats-per-class 60 --out docs/results --log docs/ds2-log.md >/dev/null
	@$(BIN)/beatlens explain evaluate seed-lstm --beats-per-class 8 --out docs/results --log docs/ds2-log.md >/dev/null
	@rm -f docs/results/explanations-*.md
	@$(BIN)/python docs/update_explanations.py

lowest: $(VENV)/.ready-dev  ## Check that the lowest versions that pyproject.toml allows go together
	@$(BIN)/uv pip compile --quiet --resolution lowest-direct --python-version 3.11 --no-header pyproject.toml

sbom: $(VENV)/.ready-release  ## List everything that is installed, as CycloneDX, in dist/sbom.cdx.json
	@mkdir -p dist
	@$(BIN)/cyclonedx-py environment --output-format JSON --output-file dist/sbom.cdx.json $(BIN)/python
	@echo "dist/sbom.cdx.json"

clean:  ## Remove what the other targets made
	rm -rf $(VENV) demo-report .mypy_cache .ruff_cache .pytest_cache .hypothesis dist site

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

$(VENV)/.ready-release: pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[release]' || $(BIN)/python -m pip install --quiet -e '.[release]'
	@touch $@ $(VENV)/.ready
