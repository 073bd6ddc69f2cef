# Every command of this project. `make demo` and `make test` need only Python 3.11 with venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RESULTS := benchmarks/results
COMPILED_ROOMS := $(addprefix tests/unit/,api http mms/worker serving workers)

.PHONY: demo test test-compiled test-compiled-rooms check format docs site bench bench-curves bench-guard-record compiled fuzz parity-record wheel clean

demo: $(VENV)/.demo
	@$(BIN)/mms demo

test: $(VENV)/.dev
	$(BIN)/pytest -n 2

# The rooms that `make wheel` compiles, as that wheel has them.
test-compiled: compiled
	.venv-compiled/bin/pytest -n 2 $(COMPILED_ROOMS) tests/e2e

# Of whole servers only what a request costs: two minutes less.
test-compiled-rooms: compiled
	.venv-compiled/bin/pytest -n 2 $(COMPILED_ROOMS) tests/e2e/test_guard.py::test_a_request_costs_what_was_recorded

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vermin --quiet --no-tips --violations --target=3.8- --exclude typing.TypeGuard src/mms

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(BIN)/python -m mms_server.config.reference docs/configuration.md
	PYTHONPATH=.:tests $(BIN)/python -m parity.migration docs/migration-from-mms.md

site: $(VENV)/.docs
	$(BIN)/python -m website.pages build/pages
	$(BIN)/sphinx-build --fresh-env --fail-on-warning --quiet -c website build/pages build/site
	@echo build/site/index.html

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks --json $(RESULTS)/overhead.json
	$(BIN)/python -m benchmarks.charts $(RESULTS)/overhead.json --into $(RESULTS)

bench-curves: $(VENV)/.dev
	$(BIN)/python -m benchmarks.curves --json $(RESULTS)/curves.json
	$(BIN)/python -m benchmarks.charts $(RESULTS)/curves.json --into $(RESULTS)

# What tests/e2e/test_guard.py compares the cost of a request with.
bench-guard-record: $(VENV)/.dev compiled
	$(BIN)/python -m benchmarks.guard --record
	.venv-compiled/bin/python -m benchmarks.guard --record

compiled: wheel
	$(PYTHON) -m venv --clear .venv-compiled
	.venv-compiled/bin/pip install --quiet --disable-pip-version-check "$$(ls -t dist/*.whl | head -n 1)[dev]"

# Needs a C compiler.
wheel: $(VENV)/bin/python
	HATCH_BUILD_HOOKS_ENABLE=true $(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls -t dist/*.whl | head -n 1

fuzz: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m fuzz

# Needs Java 17: asks the real Multi Model Server 1.1.11 what tests/parity compares this server with.
parity-record: $(VENV)/.dev
	PYTHONPATH=.:tests $(BIN)/python -m parity.record $(CASES)

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Try: make PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[zoo]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@
