# make run      the example: three replicas of the Retail API behind one load balancer
# make test     everything that must hold: format, vet, tests, race detector, scripts, macOS build
# make flaky    the tests of each package, 30 times beside four busy processes (FLAKY_COUNT, FLAKY_LOAD, PACKAGES=./internal/proxy)
# make bench    nginx, HAProxy, httputil.ReverseProxy and albatross side by side
# make load     ab, wrk and artillery against the example (and through nginx); fails on a failed request
# make fuzz     each fuzz target for FUZZTIME
# make train    train the Retail API's models anew from Debian's r-cran-bayesm, and print their errors
#
# Ports and folders are variables: make run HTTP=9080 HTTPS=9443 ADMIN=9902 API=9001 STATE=elsewhere

GO       ?= go
HTTP     ?= 8080
HTTPS    ?= 8443
ADMIN    ?= 9901
API      ?= 8001
BIND     ?=
STATE    ?= state
ROUNDS   ?= 5
DURATION ?= 5s
# Of make bench: some rows only (http,tlsnew,...), other builds beside Debian's; see bench/README.md.
WORK     ?=
NEWER    ?=
FUZZTIME ?= 20s
# Of make flaky.
FLAKY_COUNT ?= 30
FLAKY_LOAD  ?= 4
PACKAGES    ?= ./...
# Of make load: how much faster than written artillery's four minutes pass, how often ab and wrk run, what else to go through
# (THROUGH=albatross,nginx).
SPEED    ?= 1
REPEAT   ?= 1
THROUGH  ?= albatross
FOLDERS   = bench cmd deploy internal lb retail test

# What runs without the race detector: what has no goroutines to race, and would only be slower with it, and
# tests that start the product as processes without it (those of script and wire build it with the detector).
PLAIN = ./lb ./bench/... ./internal/explain ./internal/http1 ./internal/manifest ./internal/match ./retail/model ./retail/request ./retail/train ./cmd/retail-train
PROCESSES = ./deploy/... ./test/acme ./test/house ./test/rollout

.PHONY: run build test format vet darwin unit race conformance grpc flaky bench load fuzz train clean

run: build
	@exec bin/retail-run --albatross bin/albatross --retail-api bin/retail-api --state '$(STATE)' \
		--http $(HTTP) --https $(HTTPS) --admin $(ADMIN) --api $(API) --bind '$(BIND)'

build:
	$(GO) build -o bin/albatross ./cmd/albatross
	$(GO) build -o bin/retail-api ./cmd/retail-api
	$(GO) build -o bin/retail-run ./deploy/examples/retail/run

test: format vet darwin unit race conformance grpc

format:
	@unformatted=$$(gofmt -l $(FOLDERS)); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...

# The portable path behind the build tags must compile; its tests run on Linux only.
darwin:
	GOOS=darwin $(GO) build ./...

# Tests that start processes always run: Go's cache does not see that what those do has changed. Allocations are
# counted without the race detector.
unit:
	$(GO) test $(PLAIN)
	$(GO) test -count=1 $(PROCESSES)
	$(GO) test -run Allocat ./internal/...

race:
	$(GO) test -race $$($(GO) list ./... | grep -vxF "$$($(GO) list $(PLAIN) $(PROCESSES) ./test/conformance ./test/script ./test/wire)")
	$(GO) test -count=1 -race ./test/script ./test/wire

# How many of the conformance cases come out equal; needs the folder in
# ALBATROSS_CONFORMANCE (default ../shared/conformance) and says so where it is absent.
conformance:
	$(GO) test -count=1 -v ./test/conformance/...

# Each package's tests many times, beside processes that keep all processors busy. The two modules one after the other.
flaky:
	$(GO) build -o bin/flaky ./test/flaky
	bin/flaky -count $(FLAKY_COUNT) -load $(FLAKY_LOAD) $(PACKAGES)
	$(if $(filter ./...,$(PACKAGES)),cd test/grpc && ../../bin/flaky -count $(FLAKY_COUNT) -load $(FLAKY_LOAD) ./...)

# A module of its own, so that the load balancer does not depend on grpc.
grpc:
	@cd test/grpc && $(GO) vet ./... && { lines=$$($(GO) test -count=1 -v ./... 2>&1); failed=$$?; echo "$$lines" | grep -v '^20'; exit $$failed; }

bench: build
	bench/tools.sh wrk ab h2load nginx haproxy
	$(GO) run ./bench --albatross bin/albatross --rounds $(ROUNDS) --duration $(DURATION) $(if $(WORK),--work $(WORK)) $(if $(NEWER),--newer '$(NEWER)')

load: build
	bench/tools.sh ab wrk artillery $(if $(findstring nginx,$(THROUGH)),nginx)
	$(GO) run ./bench/load --speed $(SPEED) --rounds $(REPEAT) --through $(THROUGH)

fuzz:
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

train:
	bench/tools.sh bayesm xgboost
	mkdir -p .cache
	Rscript retail/train/export.R .cache/orange-juice.csv
	$(GO) run ./cmd/retail-train -data .cache/orange-juice.csv -out retail/model -plots .cache
	/usr/bin/python3 retail/train/plot.py .cache docs

clean:
	rm -rf bin .cache
