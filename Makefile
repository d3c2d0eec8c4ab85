# Two commands matter: `make demo` shows the main job, `make test` proves it. `make help` lists the others.
# A bare Debian 12 or Ubuntu with python3.11, make and root is enough: what is missing is installed first.
.POSIX:
SHELL = /bin/sh
PYTHON = python3.11
VENV = .venv
UV = $(PYTHON) -m uv
# openssl makes the certificates of the test servers; the tests start each server themselves, on free ports.
SERVERS = dovecot-imapd dovecot-lmtpd dovecot-managesieved dovecot-sieve postfix postgresql openssl
SECONDS = 60
# Tests wait for servers most of the time: more of them at once than there are cores.
WORKERS = 3
PIP = $(VENV)/bin/pip install -qq --disable-pip-version-check --no-input
EXPORT = $(UV) export --quiet --frozen --format requirements.txt --no-emit-project --no-header --no-default-groups

demo: $(VENV)/demo.stamp ## play the main job on embedded mail servers; no configuration
	@$(VENV)/bin/mailwatch demo

test: $(VENV)/dev.stamp servers ## run the tests, against real Dovecot, Postfix and PostgreSQL
	@$(VENV)/bin/python -m pytest -m "not nightly" -n $(WORKERS) --dist worksteal

check: $(VENV)/dev.stamp servers ## lint, format, types, import contracts, migrations = schema on both databases
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	MYPYPATH=tests $(VENV)/bin/mypy --strict --follow-imports silent mailwatch bench tools tests/torture
	$(VENV)/bin/lint-imports --no-cache
	PYTHONPATH=tests $(VENV)/bin/python -m tools.alembic_check

nightly: $(VENV)/dev.stamp servers ## the tests that are too long for every run
	@$(VENV)/bin/python -m pytest -m nightly

fuzz: $(VENV)/dev.stamp ## damage messages at random for SECONDS; what breaks a promise is kept in tests/fuzz/found
	PYTHONPATH=tests $(VENV)/bin/python -m fuzz --seconds $(SECONDS)

bench: $(VENV)/dev.stamp servers ## measure against the floors; writes bench/RESULTS.md
	PYTHONPATH=tests $(VENV)/bin/python -m bench --write

torture: $(VENV)/dev.stamp servers ## kill it 200 times under load on each database, and try every fault of docs/reliability.md (10 minutes, root)
	@PYTHONPATH=tests $(VENV)/bin/python -m torture

pictures: servers.chromium ## draw the golden digests as PNG files into build/pictures, for people to look at
	$(PYTHON) tools/pictures

lock: ## resolve again and write the hash-pinned requirements (needs uv)
	$(UV) lock --quiet
	$(EXPORT) --extra postgres --output-file requirements.txt
	$(EXPORT) --extra demo --group build --output-file requirements-demo.txt
	$(EXPORT) --all-extras --all-groups --output-file requirements-dev.txt

clean: ## remove what make made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile

.PHONY: demo test check nightly fuzz bench torture pictures lock clean help servers servers.chromium

servers:
	@sh tools/install-servers $(SERVERS)
	@sh tools/unpack-servers build/servers

servers.chromium:
	@sh tools/install-servers chromium

# Debian keeps ensurepip in a package of its own.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { apt-get update -q && apt-get install -y -q --no-install-recommends $(PYTHON)-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(VENV)/bin/python requirements-demo.txt pyproject.toml
	$(PIP) --require-hashes -r requirements-demo.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# The development set holds the demo's, so one installation serves both.
$(VENV)/dev.stamp: $(VENV)/bin/python requirements-dev.txt pyproject.toml
	$(PIP) --require-hashes -r requirements-dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/demo.stamp
