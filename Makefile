# Billie Servicing. Each target makes the environment that it needs, in .venv.

VENV := .venv
PYTHON = $(VENV)/bin/python
ARGS ?=
# One more than the smallest machine has cores: tests of processes wait now and then. Each file has its servers for itself.
WORKERS ?= 3

# Otherwise each process that the tests and the demo start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo check test test-mongodb test-postgresql chaos fuzz lint proto schemas roles openapi lint-openapi metrics lint-deploy audit licences dictionary bench-ingest bench-workers bench-latency bench-memory bench-ledger bench-api bench-search bench-projections bench-scaling lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 20

demo: $(VENV)/installed ## the whole system, on embedded servers, with a simulated lender
	@$(VENV)/bin/billie demo $(ARGS)

check: lint ## the inner loop: style, types, layers, and the unit tests that what changed since SINCE (HEAD) can break
	@$(PYTHON) -m pytest -q -n $(WORKERS) $$($(PYTHON) -m tools.affected_tests $(SINCE)) $(ARGS)

test: $(VENV)/installed ## all tests: unit, integration, end to end
	@$(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

test-mongodb: $(VENV)/installed ## the integration, console and chaos tests on one MongoDB: MONGO=real, embedded or a URL
	@$(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile --mongo $(or $(MONGO),real) \
		$(or $(TESTS),tests/integration tests/e2e/console tests/chaos) $(ARGS)

test-postgresql: $(VENV)/installed ## the integration and chaos tests with their events in PostgreSQL, which has to be installed
	@$(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile --event-store postgresql \
		$(or $(TESTS),tests/integration tests/chaos) $(ARGS)

chaos: $(VENV)/installed ## the whole system under fire, for an hour; ARGS="--minutes 10 --seed 7" for less, and others
	@$(PYTHON) -m pytest -q -s tests/chaos --minutes 60 $(ARGS)

fuzz: $(VENV)/installed ## 100,000 wild entries, from the stream to the API; wild requests; the oracle; ARGS="--seed 7" draws others
	@$(PYTHON) -m pytest -q -s tests/integration/ingestion/stream/test_fuzz_stream.py --fuzz-entries 100000 $(ARGS)
	@$(PYTHON) -m pytest -q -s tests/e2e/test_openapi_holds.py --api-examples 100 $(ARGS)
	@$(PYTHON) -m pytest -q -s tests/unit/contract/test_oracle.py --oracle-streams 2000 $(ARGS)

lint: $(VENV)/installed ## style, words, types, and the arrows between the folders
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/ruff format -q --check .
	@$(PYTHON) tools/checks/words.py
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-cache > .lint-imports.log || { cat .lint-imports.log; exit 1; }
	@rm -f .lint-imports.log
	@echo "Style, words, types and layers: no findings."

proto: $(VENV)/installed ## generate the ledger's code from the proto file again
	@$(PYTHON) -m grpc_tools.protoc -Iapp/ledger/wire=proto --python_out=. --pyi_out=. --grpc_python_out=. \
		app/ledger/wire/accounting_ledger.proto

schemas: $(VENV)/installed ## write docs/messages again: schemas, AsyncAPI document, table of types
	@$(PYTHON) -m tools.pages.messages_page docs/messages

roles: $(VENV)/installed ## write docs/api-roles.md again: who may call which route
	@$(PYTHON) -m tools.pages.roles_page docs/api-roles.md

openapi: $(VENV)/installed ## write docs/openapi.json again, from the routes
	@$(PYTHON) -m tools.pages.openapi_file docs/openapi.json

lint-openapi: ## lint docs/openapi.json; needs Node.js and npm
	@cd tools/node && npm ci --silent --no-audit --no-fund
	@cd tools/node && REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
		npx --no redocly lint --config redocly.yaml ../../docs/openapi.json

metrics: $(VENV)/installed ## write docs/metrics.md again, from the table of metrics
	@$(PYTHON) -m tools.pages.metrics_page docs/metrics.md

lint-deploy: .venv-checks/installed ## lint Dockerfile, compose files and Kubernetes manifests, each by its own tool
	@sh tools/checks/lint-deploy.sh .venv-checks

audit: .venv-checks/installed ## known vulnerabilities of every pinned package; says loudly where nobody could be asked
	@.venv-checks/bin/python tools/checks/audit.py requirements.lock

licences: $(VENV)/installed ## write docs/licences.md again: every runtime dependency with its licence
	@$(PYTHON) tools/licences.py docs/licences.md

dictionary: $(VENV)/installed ## write docs/data-dictionary.md again, and the collections that analysts may read
	@$(PYTHON) -m tools.pages.dictionary_page

bench-ingest: $(VENV)/installed ## ingestion against a raw floor and a plain consumer
	@$(PYTHON) -m bench.ingest $(ARGS)

bench-workers: $(VENV)/installed ## 1, 2, 4 consumers and 1, 2, 4 projectors on PostgreSQL, which has to be installed
	@$(PYTHON) -m bench.workers $(ARGS)

bench-latency: $(VENV)/installed ## from XADD to readable in MongoDB, at 200 messages a second
	@$(PYTHON) -m bench.latency $(ARGS)

bench-memory: $(VENV)/installed ## an ingest process's memory on a million entries; ARGS="--shape large" for large ones
	@$(PYTHON) -m bench.memory $(ARGS)

bench-ledger: $(VENV)/installed ## what REST adds to a read of the ledger, against a direct gRPC call
	@$(PYTHON) -m bench.ledger_reads $(ARGS)

bench-api: $(VENV)/installed ## the API's reads under load, against a bare route; needs Node.js and npm
	@cd tools/node && npm ci --silent --no-audit --no-fund
	@$(PYTHON) -m bench.api $(ARGS)

bench-projections: $(VENV)/installed ## read models: live, rebuild, verify; ARGS="--most 1000000" for their growth
	@$(PYTHON) -m bench.projections $(ARGS)

bench-scaling: $(VENV)/installed ## what a message and an event cost, and how one worker foretells four: docs/scaling.md
	@$(PYTHON) -m bench.scaling $(ARGS)

bench-search: $(VENV)/installed ## a search of 100,000 customers, against a bare read of one document
	@$(PYTHON) -m bench.search $(ARGS)

COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header
lock: ## pin every dependency again, with hashes: all, those of the image, of its build, and of the tools
	@$(COMPILE) --all-extras pyproject.toml -o requirements.lock
	@$(COMPILE) -c requirements.lock --extra otel pyproject.toml -o deploy/image/runtime.lock
	@echo hatchling | $(COMPILE) -c requirements.lock - -o deploy/image/build.lock
	@$(COMPILE) tools/checks/requirements.txt -o tools/checks/requirements.lock

clean: ## remove the environment and the demo's data
	@rm -rf $(VENV) .venv-checks var

.venv-checks/installed: tools/checks/requirements.lock
	@python3 -m venv --clear .venv-checks
	@.venv-checks/bin/pip install -q --disable-pip-version-check --require-hashes -r tools/checks/requirements.lock
	@touch $@

$(VENV)/installed: requirements.lock pyproject.toml
	@sh tools/make-environment.sh $(VENV)
