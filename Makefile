# Everything a developer types. Each target sets up what it needs; second runs reuse it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.DEFAULT_GOAL := help
.PHONY: help run test check lint types imports migrations judges simulate sabotage bench fmt lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "clm needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps -e .
	@touch $@

run: $(STAMP) ## the main job: server, worker, demo shop, one lifecycle run; stays until Ctrl-C
	@$(BIN)/clm up --demo

test: $(STAMP) ## all tests
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types imports migrations ## lint, types, import contracts, migrations, fast tests on SQLite
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" -k "not postgresql and not test_migrations" $(ARGS)

lint: $(STAMP) ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict
	@$(BIN)/mypy

imports: $(STAMP) ## who may import whom
	@$(BIN)/lint-imports

migrations: $(STAMP) ## the migrations arrive at the schema in code
	@$(BIN)/python -m pytest -q tests/store/test_migrations.py

judges: $(STAMP) ## a spam filter and MJML's own validator on every shipped mail (needs spamassassin and npx)
	@$(BIN)/python -m tests.judges.mjml $(MJML)
	@$(BIN)/python -m tests.judges.spam

simulate: $(STAMP) ## more stories for the simulation of sending; SEEDS=how many
	@$(BIN)/python -m tests.reliability.simulation --seeds $(or $(SEEDS),2000)

sabotage: $(STAMP) ## take each guard out in turn, and see the tests notice
	@$(BIN)/python -m tests.reliability.sabotage

bench: $(STAMP) ## figures, limits and ratios; N=contacts, DB=url
	@$(BIN)/python -m benchmarks.ingest --contacts $(or $(N),100000) $(if $(DB),--database $(DB))
	@$(BIN)/python -m benchmarks.tick --contacts $(or $(N),100000) $(if $(DB),--database $(DB))
	@$(BIN)/python -m benchmarks.full --contacts $(or $(N),100000) $(if $(DB),--database $(DB))
	@$(BIN)/python -m benchmarks.dispatch $(if $(DB),--database $(DB))
	@$(BIN)/python -m benchmarks.webhook $(if $(DB),--database $(DB))

fmt: $(STAMP) ## format and mend what ruff can mend
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lock: ## pin the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
