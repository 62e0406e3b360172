# Palisade's commands. `make run` on a fresh machine builds a release and shows a program inside the sandbox.

SWIFT ?= swift
RELEASE_FLAGS = -c release --static-swift-stdlib --product sandbox
SANDBOX = .build/release/sandbox

.PHONY: run build release deps clean install test test-deps lint soak bench

run: release
	@echo "--- this machine"
	@uname -a
	@echo "--- the same command in the sandbox: another kernel answers"
	@$(SANDBOX) run -- uname -a
	@echo "--- sandbox run -- ls /"
	@$(SANDBOX) run -- ls /

build: deps
	$(SWIFT) build

release: deps
	$(SWIFT) build $(RELEASE_FLAGS)

deps:
	@scripts/install-deps.sh

test-deps:
	@scripts/install-test-deps.sh

# Every check at a bounded size; `make test STEPS="lint unit"` runs only these (scripts/test.sh).
test: test-deps release
	@scripts/test.sh $(STEPS)

lint:
	@scripts/test.sh lint

# The full sizes: hard flows for a minute each, ten thousand sleepers, the conformance cases five times over.
soak: test-deps release
	@scripts/soak.sh

# Natively, inside, and under runsc when it is installed; a table of ratios, and out/bench.json (docs/performance.md).
ROUNDS ?= 3
bench: test-deps release
	@command -v runsc >/dev/null || echo "bench: runsc is not installed (apt-get install runsc): its column is left out"
	@benchmarks/bench.py --rounds $(ROUNDS)

PREFIX ?= /usr/local
install: release
	install -m 755 $(SANDBOX) $(DESTDIR)$(PREFIX)/bin/sandbox

clean:
	$(SWIFT) package clean
