# One line per command; what each does is written beside it and printed by `make`.
.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint openapi synth bench verify-ledger verify-audit lock deploy logs psql clean

# Without bytecode caches the CDK library alone takes 20 s to import, every time.
unexport PYTHONDONTWRITEBYTECODE

PYTHON_IN_VENV := .venv/bin/python
CDK := PATH="$(CURDIR)/.venv/bin:$$PATH" infra/node_modules/.bin/cdk

help: ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s%s\n", $$1, $$2 }'

setup: ## Install everything into this folder (the other commands do it when needed)
	@tools/bootstrap

run: setup ## Start the whole product on this machine; PORT=… EMULATOR_PORT=… SANDBOX_PORT=… change its ports
	@$(PYTHON_IN_VENV) -m infra.local.run

demo: setup ## Play the journey of creator and reader against the running product
	@$(PYTHON_IN_VENV) -m infra.local.demo

# The end-to-end ring mostly waits for schedules of a minute, so it runs beside the others; what it says comes last.
test: lint ## Every check: style, types, boundaries, all rings of tests
	@mkdir -p build
	@.venv/bin/pytest tests/e2e >build/e2e.txt 2>&1 & end_to_end=$$!; \
	.venv/bin/pytest tests -n 2 --ignore=tests/e2e; inner=$$?; \
	wait $$end_to_end; outer=$$?; cat build/e2e.txt; exit $$((inner + outer))

lint: setup ## Style, types and import boundaries
	.venv/bin/ruff check .
	.venv/bin/ruff format --check --quiet .
	.venv/bin/mypy events functions infra shared tests
	.venv/bin/lint-imports --no-logo

openapi: setup ## Write build/openapi.json
	$(PYTHON_IN_VENV) -m infra.openapi build/openapi.json

synth: setup ## Synthesize a cloud stage with cdk-nag: STAGE=prod (default) or small
	$(CDK) synth --quiet --context stage=$(or $(STAGE),prod) --output build/cdk.out

bench: setup ## Measure the budgets, print the ratios, write build/bench.json
	$(PYTHON_IN_VENV) -m tests.bench

verify-ledger: setup ## Recompute the ledger of the running product from its postings
	$(PYTHON_IN_VENV) -m infra.local.verify_ledger

verify-audit: setup ## Recompute both audit logs of the running product, and hold them against their anchors
	$(PYTHON_IN_VENV) -m infra.local.verify_audit

lock: setup ## Resolve all dependencies again and write locks/
	tools/lock

deploy: setup ## Deploy to AWS with your own credentials: STAGE=small or STAGE=prod
	@test -n "$(STAGE)" || { echo "name a stage: make deploy STAGE=small"; exit 1; }
	@$(PYTHON_IN_VENV) -m infra.preflight $(STAGE)
	$(CDK) deploy --all --context stage=$(STAGE) --output build/cdk.out

logs: setup ## Follow what a function writes: FN=payments-http (any part of its name), STAGE=small for AWS
	@$(PYTHON_IN_VENV) -m infra.local.logs "$(FN)" "$(or $(STAGE),local)"

psql: setup ## Open psql on the running product's database
	@$(PYTHON_IN_VENV) -m infra.local.psql

clean: ## Forget all local data and build output (not the installed tools)
	@tools/clean
