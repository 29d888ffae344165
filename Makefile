# One target for each task; `make help` lists them. Everything is installed into .venv.
.DEFAULT_GOAL := help
.PHONY: run test check fuzz format lint types bench bench-growth drills soak wrk mutants lock clean help

PYTHON := $(shell for p in python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && \
	command -v $$p && break; done)
BIN := .venv/bin
TREE := pricecache_site prices portfolio tests bench manage.py

run: .venv/installed  ## Install what is needed and run the whole system
	@$(BIN)/python manage.py up $(ARGS)

test: check  ## Run all checks: format, lint, imports, types, tests

check: .venv/installed-dev  ## The same as test
	$(BIN)/ruff format --check $(TREE)
	$(BIN)/ruff check $(TREE)
	$(BIN)/lint-imports
	$(BIN)/mypy $(TREE)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

format: .venv/installed-dev  ## Format the code and fix what the linter can fix
	$(BIN)/ruff format $(TREE)
	$(BIN)/ruff check --fix $(TREE)

fuzz: .venv/installed-dev  ## Send thousands of cases to every endpoint of a whole system
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: .venv/installed-dev bench/.peers/installed wrk  ## Compare with other stores; ONLY=reads runs one group
	$(BIN)/python -m bench $(ONLY) $(ARGS)

bench-growth: .venv/installed-dev bench/.peers/installed  ## Compare with up to 5,000 symbols; takes many minutes
	$(BIN)/python -m bench growth --full $(ARGS)

drills: .venv/installed-dev  ## Harm a running system in many ways; takes 50 minutes and needs root
	$(BIN)/python -m tests.drills --write $(ARGS)

soak: .venv/installed-dev  ## Load the system for 30 minutes, and show how memory and open files grow
	$(BIN)/python -m tests.drills.soak --write $(ARGS)

# The client of the HTTP group, which is left out when wrk is missing.
wrk:
	@command -v wrk >/dev/null 2>&1 || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null 2>&1 && \
		apt-get install --yes --quiet wrk >/dev/null; } || \
		echo "wrk is not installed; the HTTP group is left out. On Debian: apt-get install wrk." >&2

# Of the mutants that `make mutants` makes, so many in a hundred must be killed. Of 1,727 of 3,923 it
# was 94, and 90 to 98 in each module; most survivors are equivalent.
MIN_KILLED := 90

mutants: .mutmut/installed  ## Mutate the rules for prices, and list the mutants that no test kills
	rm -rf mutants
	.mutmut/bin/mutmut run
	@.mutmut/bin/mutmut results --all true | awk -v least=$(MIN_KILLED) ' \
		NF { total++; if (/: (killed|timeout)$$/) killed++; else print } \
		END { share = total ? 100 * killed / total : 0; \
			printf "%d of %d mutants killed (%.1f %%); at least %s %% must be killed.\n", \
				killed, total, share, least; \
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
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra sample --group mutants \
		--constraint requirements-dev.lock --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 \
		--quiet --output-file requirements-mutants.lock
	$(BIN)/uv pip compile bench/requirements.in --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 \
		--quiet --output-file bench/requirements.lock

clean:  ## Remove the installation and all caches, but not the data folder
	rm -rf .venv .mutmut mutants bench/.peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 19

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; install it and try again." >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# Packages are installed only if a lock file is newer than its stamp.
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

.mutmut/installed: requirements-mutants.lock
	@test -x .mutmut/bin/python || $(PYTHON) -m venv .mutmut
	.mutmut/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-mutants.lock
	@touch $@
