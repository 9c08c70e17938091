# Lectern. `make` alone lists the targets; the README says more.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

UI      := web/ui
UI_SRC  := $(shell find $(UI) -name node_modules -prune -o -type f -print 2>/dev/null)
GO_SRC  := $(shell find . -name node_modules -prune -o -name '*.go' -print) go.mod go.sum
TOOL    := go tool -modfile=.ci/tools.mod
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
ARGS    ?=

.PHONY: help run test lint build web dev e2e drill soak bench fuzz fmt clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: need-run build ## install what is missing, build, and run everything with a demo programme
	@bin/lectern serve -demo $(ARGS)

test: need-test web ## install what is missing and pass every test: lint, UI, Go, fuzz and browsers
	@$(MAKE) --no-print-directory lint
	cd $(UI) && npm test
	go test -race -p 4 -timeout 15m ./web ./... # web, which takes longest, begins first; most tests wait more than they work
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory e2e

lint: node_modules ## formats, vet, staticcheck, tidy, eslint, svelte-check, prettier
	@test -z "$$($(TOOL) gofumpt -l $$(git ls-files '*.go'))" || { echo "run 'make fmt': gofumpt wants these:"; $(TOOL) gofumpt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...
	go mod tidy -diff
	cd $(UI) && npm run lint && npm run check && npm run format

build: web bin/lectern ## build the pages and the binary bin/lectern

web: web/dist/player.html ## build the pages into web/dist

dev: node_modules ## rebuild the pages at every change (run `bin/lectern serve` beside it)
	cd $(UI) && npm run dev

e2e: need-test build ## a whole lecture in real Chromium; screenshots land in shots/
	cd $(UI) && npm run e2e

drill: need-drill build ## bad networks and Firefox: real browsers on both ends of a link with faults (root, Linux, minutes)
	go build -o bin/loadtest ./cmd/loadtest
	cd $(UI) && ../../bin/loadtest link -- npm run drill

soak: need-test ## the long drills: the object store gone for ten minutes (LECTERN_OUTAGE), an hour of lecture (LECTERN_SOAK)
	LECTERN_OUTAGE=$${LECTERN_OUTAGE:-10m} go test -count=1 -timeout 40m -v -run '^TestMirrorOutage$$' ./media/hls
	LECTERN_SOAK=$${LECTERN_SOAK:-60m} go test -count=1 -timeout 60m -v -run '^TestSoak$$' ./media/hls

bench: ## Go benchmarks of the live path, the packager, the ledger and the socket
	go test -run '^$$' -bench . -benchmem ./media/... ./lms/... ./signaling/... ./storage/...

FUZZTIME ?= 20s
fuzz: ## every fuzz target for FUZZTIME (20s), some at a time; FUZZ= names some
	@.ci/fuzz $(FUZZTIME) $(FUZZ)

fmt: node_modules ## format Go and UI sources
	$(TOOL) gofumpt -w $$(git ls-files '*.go')
	cd $(UI) && npm run format:write

clean: ## remove what was built (not the data folder)
	rm -rf bin shots $(UI)/node_modules
	find web/dist -mindepth 1 ! -name .gitignore -delete

.PHONY: need-run need-test need-drill node_modules
need-run:
	@.ci/need postgresql ffmpeg fonts-noto-core
need-test:
	@.ci/need postgresql ffmpeg bwrap pdftoppm chromium versitygw redis-server pdftotext qpdf zbarimg fonts-noto-core fonts-noto-cjk
need-drill:
	@.ci/need postgresql ffmpeg chromium firefox-esr nsenter versitygw
node_modules: $(UI)/node_modules/.package-lock.json

bin/lectern: $(GO_SRC) web/dist/player.html
	go build -ldflags '-X main.version=$(VERSION)' -o $@ ./cmd/lectern

web/dist/player.html: $(UI)/node_modules/.package-lock.json $(UI_SRC)
	cd $(UI) && npm run build
	@touch $@

$(UI)/node_modules/.package-lock.json: $(UI)/package-lock.json
	cd $(UI) && npm ci --no-audit --no-fund
	@touch $@
