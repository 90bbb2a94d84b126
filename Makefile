# make demo    build, start the service, send it a network with curl, show what comes back
# make test    everything that must hold: layout, imports, unit tests, the program against ONNX Runtime
# make check   the quick half of it: layout and imports
# make format  lay the sources out
# make install put the program on PATH: below PREFIX, /usr/local by default
# make bench   side by side with PyTorch and ONNX Runtime; BENCH='--only vit-ti --rounds 3' for one network

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := demo
.PHONY: demo test check format install bench program packages swift

SOURCES := Sources Tests Package.swift
PROGRAM := .build/release/layercollapse
LIBRARIES := libdnnl-dev libopenblas-openmp-dev libsqlite3-dev libssl-dev pkg-config zlib1g-dev

# A target must declare each of its own targets that it imports.
BUILD_FLAGS := --explicit-target-dependency-import-check error

# Those that compute for minutes would hold up those that wait for sockets and processes: the two run one after the other.
QUICK_TESTS := ^(ByteText|House|HTTP|JobContract|Jobs|Service|SystemCalls)Tests\.

demo: program
	@.ci/packages curl jq
	@Examples/digits/demo $(PROGRAM)

test: check program
	swift build --build-tests $(BUILD_FLAGS)
	swift test --skip-build $(BUILD_FLAGS) --filter '$(QUICK_TESTS)'
	swift test --skip-build $(BUILD_FLAGS) --skip '$(QUICK_TESTS)'
	@.ci/python .build/test-python 'onnx>=1.17,<2' 'onnxruntime>=1.20,<2'
	@.ci/packages curl
	.build/test-python/bin/python Tests/EndToEnd/run.py $(PROGRAM)

check: packages
	swift format lint --strict --recursive $(SOURCES)
	swift build $(BUILD_FLAGS)

format: swift
	swift format --in-place --recursive $(SOURCES)

PREFIX ?= /usr/local

install: program
	install -D -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/layercollapse'

bench: program
	@if [[ -z "$${BENCH_PYTHON:-}" ]]; then .ci/python .build/bench-python onnx onnxruntime timm torch torchvision transformers; fi
	@"$${BENCH_PYTHON:-.build/bench-python/bin/python}" Benchmarks/run.py $(PROGRAM) $(BENCH)

program: packages
	swift build -c release --product layercollapse

packages: swift
	@.ci/packages $(LIBRARIES)

swift:
	@command -v swift >/dev/null \
	    || { echo 'swift is not on PATH: install Swift 6.3 or later from https://www.swift.org/install/linux' >&2; exit 1; }
