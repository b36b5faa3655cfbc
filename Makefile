# Two commands are enough: `make run` and `make test`. Each does all of its own set-up.

PORT ?= 8000
DATA ?= ./tocsin-data
ARGS ?=
ONLY ?=

# Tests start these programs. command:Debian package; a command found on PATH is left as it is.
PACKAGES = curl:curl node:nodejs strace:strace faketime:faketime mkfs.ext4:e2fsprogs losetup:mount unshare:util-linux
PACKAGES += pg_ctlcluster:postgresql redis-server:redis-server chromium-headless-shell:chromium-headless-shell
# Not nginx and Caddy: their packages start a web server on port 80. tests/deploy runs where they are installed.

# Not from the caller's shell: another project's Python, or options that would hide pytest's closing line.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTEST_ADDOPTS PYTHONDONTWRITEBYTECODE

# What a sender, a reader or an operator sees of the server, wherever it keeps things.
BEHAVIOUR = tests/test_path.py tests/send tests/inbox tests/live tests/api tests/documents tests/client tests/cli tests/attacks

.PHONY: help run test test-postgresql test-nodes soak check audit bench bench-check screenshots format setup packages clean
.NOTPARALLEL:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

run: ## start the server for trying out; PORT=8000 DATA=./tocsin-data
	@scripts/setup.sh run
	@exec .venv/bin/tocsin serve --dev --host 127.0.0.1 --port "$(PORT)" --data "$(DATA)"

test: setup packages node_modules/.package-lock.json ## run the tests; ARGS="-k word" or ARGS=tests/test_tree.py goes to pytest
	@.venv/bin/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder -m "not soak" $(ARGS)

test-postgresql: setup packages ## the tests of behaviour, on PostgreSQL
	@TOCSIN_TEST_STORE=postgresql .venv/bin/python -m pytest -n 3 --dist loadfile -m "not soak" $(or $(ARGS),$(BEHAVIOUR))

test-nodes: setup packages ## the same on PostgreSQL with three nodes behind a balancer: an hour
	@TOCSIN_TEST_STORE=postgresql TOCSIN_TEST_NODES=3 .venv/bin/python -m pytest -m "not soak" $(or $(ARGS),$(BEHAVIOUR))

soak: setup packages node_modules/.package-lock.json ## the same tests with larger numbers, and the long ones: hours; docs/howto/soak.md
	@TOCSIN_SOAK=1 .venv/bin/python -m pytest -o faulthandler_timeout=36000 $(ARGS)

check: setup node_modules/.package-lock.json ## style, types (also of the scripts in the web app) and the import rules
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	node_modules/.bin/tsc --project tsconfig.json
	.venv/bin/python -m pytest tests/test_tree.py

audit: setup ## look for known weaknesses in what the lock file brings
	@uv=$$(scripts/setup.sh uv) && "$$uv" export --quiet --frozen --all-extras --no-dev --no-emit-project \
		--output-file .venv/audited.txt >/dev/null
	.venv/bin/pip-audit --strict --disable-pip --requirement .venv/audited.txt

bench: setup ## measure, and write README's figures anew; ONLY=name measures a part and writes none; ARGS="…" go to bench
	@.venv/bin/python -m bench $(if $(ONLY),--only "$(ONLY)",--publish) $(ARGS)

bench-check: setup ## what got worse than in the last committed result; ARGS="RUN.json --against EARLIER.json"
	@.venv/bin/python -m bench.check $(ARGS)

screenshots: setup packages ## take the pictures of docs/images anew
	@command -v chromium >/dev/null 2>&1 || scripts/debian.sh chromium
	@fc-list 2>/dev/null | grep -q Inter || scripts/debian.sh fontconfig fonts-inter || true
	@.venv/bin/python scripts/screenshots.py

format: setup ## rewrite the code to the house's format
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

node_modules/.package-lock.json: package.json package-lock.json
	@command -v npm >/dev/null 2>&1 || scripts/debian.sh nodejs npm
	@npm ci --silent --no-audit --no-fund --ignore-scripts && touch $@

setup:
	@scripts/setup.sh test

# A package that cannot be had is said and not fatal: the rest of the tests still tell something.
packages:
	@missing=; for pair in $(PACKAGES); do \
		PATH="$$PATH:/usr/sbin:/sbin" command -v "$${pair%%:*}" >/dev/null 2>&1 || missing="$$missing $${pair#*:}"; \
	done; \
	[ -z "$$missing" ] || scripts/debian.sh $$missing || echo "Tests that need$$missing cannot do their work." >&2

clean: ## remove what was built; tocsin-data stays
	rm -rf .venv .venv-uv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist bench/build node_modules
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
