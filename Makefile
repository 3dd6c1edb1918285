# Every target makes what it needs; `make demo` and `make test` start from a bare Python 3.11 or 3.12.
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow coverage lint format bench lock check-dockerfile clean
VENV ?= .venv
export VENV
BIN := $(VENV)/bin

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1|/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: ## a pipeline watches twelve months of real flights
	@scripts/environment.sh demo
	@$(BIN)/calmops demo

test: ## static checks and all tests that are not slow
	@scripts/test.sh -m "not slow"

test-slow: ## the tests marked slow
	@scripts/environment.sh test
	@scripts/system.sh
	@$(BIN)/python -m pytest -m slow

coverage: ## tests with branch coverage
	@scripts/environment.sh test
	@scripts/system.sh
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow" --cov --cov-report=term-missing:skip-covered

lint: ## static checks only
	@scripts/environment.sh test
	@scripts/static.sh

format: ## rewrite the code in the project's format
	@scripts/environment.sh test
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: ## print the figures that the project promises
	@scripts/environment.sh test
	@$(BIN)/python benchmarks/run_all.py

lock: ## pin the newest versions that the bounds allow
	@scripts/environment.sh test
	@scripts/lock.sh

check-dockerfile: ## run the RUN lines of the image and start its services, also without a container engine
	@scripts/environment.sh test
	@$(BIN)/python scripts/check_dockerfile.py

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
