# One command a task; `make help` lists them. Everything is installed into .venv.
.DEFAULT_GOAL := help
.PHONY: run test check format lint types bench bench-growth wrk mutants lock clean help

PYTHON := $(shell for p in python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && \
	command -v $$p && break; done)
BIN := .venv/bin
TREE := pricecache_site prices portfolio tests bench manage.py

run: .venv/installed  ## Install what is needed and run the whole system
	@$(BIN)/python manage.py up $(ARGS)

test: check  ## Everything that must hold: format, lint, imports, types, tests

check: .venv/installed-dev  ## The same as test
	$(BIN)/ruff format --check $(TREE)
	$(BIN)/ruff check $(TREE)
	$(BIN)/lint-imports
	$(BIN)/mypy $(TREE)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

format: .venv/installed-dev  ## Put the code into shape
	$(BIN)/ruff format $(TREE)
	$(BIN)/ruff check --fix $(TREE)

bench: .venv/installed-dev bench/.peers/installed wrk  ## Measure beside other stores; ONLY=reads: a part of it
	$(BIN)/python -m bench $(ONLY) $(ARGS)

bench-growth: .venv/installed-dev bench/.peers/installed  ## Measure with up to 5,000 symbols: many minutes
	$(BIN)/python -m bench growth --full $(ARGS)

# The client of the HTTP measures; without it they are left out.
wrk:
	@command -v wrk >/dev/null 2>&1 || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null 2>&1 && \
		apt-get install --yes --quiet wrk >/dev/null; } || \
		echo "wrk is not installed: the HTTP part is left out (Debian: apt-get install wrk)." >&2

mutants: .venv/installed-dev  ## Mutate the decision modules, and list the mutants that no test kills
	rm -rf mutants
	$(BIN)/mutmut run
	@$(BIN)/mutmut results --all true | awk -v least=$(MIN_KILLED) ' \
		NF { total++; if (/: (killed|timeout)$$/) killed++; else print } \
		END { share = total ? 100 * killed / total : 0; \
			printf "%d of %d mutants killed (%.1f %%), %d not; at least %s %% must be killed.\n", \
				killed, total, share, total - killed, least; \
			exit share < least }'

lock: .venv/installed-dev  ## Write the lock files from pyproject.toml and bench/requirements.in
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra sample --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 \
		--quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra sample --group dev \
		--constraint requirements.lock --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 \
		--quiet --output-file requirements-dev.lock
	$(BIN)/uv pip compile bench/requirements.in --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 \
		--quiet --output-file bench/requirements.lock

clean:  ## Remove the installation and all caches; the data folder stays
	rm -rf .venv bench/.peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 19

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; install it and try again." >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# The stamps are older than a changed lock file, and only then is anything installed.
.venv/installed: requirements.lock | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

bench/.peers/installed: bench/requirements.lock
	@test -x bench/.peers/bin/python || $(PYTHON) -m venv bench/.peers
	bench/.peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.lock
	@touch $@
