# The two commands to begin with: `make demo` and `make test`. Each installs what it lacks.

CARGO ?= cargo

.PHONY: help demo test lint unit build install bench fuzz deps clean

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

deps: ## Install what the build needs and this machine lacks
	@scripts/install-deps.sh

demo: deps ## Sync a generated chain from four local peers and follow one more block (no internet needed)
	$(CARGO) run --release --locked --package tipward -- demo

test: lint unit ## Everything that must hold: format, clippy, house rules, all tests

lint: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) xtask check

unit: deps
	$(CARGO) test --workspace --locked

build: deps ## The optimised binary, target/release/tipward
	$(CARGO) build --release --locked --package tipward

install: deps ## Install the binary into cargo's bin folder
	$(CARGO) install --locked --path crates/node

bench: deps ## Benchmarks of the stages (criterion), then of a whole download
	$(CARGO) bench --workspace --locked
	$(CARGO) run --release --locked --package tipward -- bench download

fuzz: ## Run every fuzz target for FUZZ_SECONDS seconds (needs nightly and cargo-fuzz)
	@scripts/fuzz.sh

clean: ## Remove what the build made
	$(CARGO) clean
