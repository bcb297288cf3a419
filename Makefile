# Everything here does its own set-up. Python 3.11 or newer and make are all that must be there.
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
# One hop for everything: `uv pip` never asks for a hash that the lock files don't hold.
SYNC := $(UV) pip install -q --python $(BIN)/python --require-hashes --no-deps

.PHONY: run test fuzz lint bench simulate features chaos screenshots lock dev clean

run: $(STAMP)
	@exec $(BIN)/python -m embedded

# Three on two cores: a good part of the time a test waits for processes.
test: $(DEV_STAMP)
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

fuzz: $(DEV_STAMP)
	REQUESTS=$${REQUESTS:-100000} $(BIN)/python -m pytest -n 2 tests/pages/test_hostile.py $(ARGS)

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV_STAMP)
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m benchmarks.fairness
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.viewers

chaos: $(DEV_STAMP)
	$(BIN)/python -m tests.chaos $(ARGS)

features: $(DEV_STAMP)
	$(BIN)/python -m tests.engine.pairs
# SEEDS=n plays so many seeds (FIRST=k: from there on); SEED=k plays one and tells what happens, STEPS=3,8,9 of it only these.
simulate: $(DEV_STAMP)
	$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED) $(if $(STEPS),--steps $(STEPS)),--seeds $(or $(SEEDS),300) --first $(or $(FIRST),0))

screenshots: $(DEV_STAMP)
	$(BIN)/python -m tests.browser.screenshots
	$(BIN)/python -m tests.browser.pictures

dev: $(DEV_STAMP)

lock: $(UV)
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --universal pyproject.toml -o requirements.txt
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --universal pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(UV):
	@echo "Making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("Cartwheel needs Python 3.11 or newer; PYTHON=... names another one." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { echo "Making $(VENV) failed. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv

$(STAMP): requirements.txt | $(UV)
	@echo "Installing what Cartwheel needs into $(VENV)"
	@$(SYNC) -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements-dev.txt | $(UV)
	@echo "Installing what development needs into $(VENV)"
	@$(SYNC) -r requirements-dev.txt
	@touch $@ $(STAMP)

.PHONY: replay
# Plays the CASE that `flask case` printed, and holds its calls against those that were made.
replay: $(DEV_STAMP)
	@$(BIN)/python -m simulation.replay $(CASE)

.PHONY: bench-search
bench-search: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.search $(ARGS)

.PHONY: bench-year
bench-year: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.year $(ARGS)
