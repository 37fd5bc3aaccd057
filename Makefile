# SPDX-License-Identifier: Apache-2.0
#
# make demo      the main job on this machine, told step by step (ARGS=--keep leaves it running)
# make test      all tests
# make verify    test, and everything else that CI checks
# make help      the other targets

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO ?= go
ARGS ?=
N ?= 1000
OUT ?=
SVG ?=

CONTROLLER_GEN := $(GO) run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0
CRD_REF_DOCS := $(GO) run github.com/elastic/crd-ref-docs@v0.3.0
GOLANGCI_LINT := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# Modules of their own, for their dependencies are not those of the product. go.work holds all of them.
MODULES := . cmd/release test/alerts test/chart test/docs test/page
IN_CHART := cd test/chart &&
IN_ALERTS := cd test/alerts &&
IN_PAGE := cd test/page &&
IN_DOCS := cd test/docs &&
IN_RELEASE := cd cmd/release &&
PLATFORMS ?=
IMAGE ?=
GOVULNCHECK := $(GO) run golang.org/x/vuln/cmd/govulncheck@latest

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: servers ## Show the main job on real servers; see ARGS=--help
	$(GO) build -tags demo -o bin/apisix-certs-demo ./cmd/apisix-certs
	bin/apisix-certs-demo demo $(ARGS)

.PHONY: build
build: ## Build bin/apisix-certs
	$(GO) build -o bin/apisix-certs ./cmd/apisix-certs

.PHONY: image
image: ## Write the image as an OCI archive and its SBOM to bin; PLATFORMS=linux/amd64,linux/arm64
	$(IN_RELEASE) $(GO) run . image -platforms "$(PLATFORMS)"

.PHONY: kind
kind: ## Make a kind cluster with the image in it: see docs/quickstart.md
	kind get clusters | grep -qx kind || kind create cluster
	$(IN_RELEASE) $(GO) run . image -tag quickstart
	kind load image-archive bin/apisix-certs-linux-$$($(GO) env GOARCH).oci.tar

.PHONY: push
push: ## Build the image and push it: make push IMAGE=REGISTRY/apisix-certs:TAG
	$(IN_RELEASE) $(GO) run . push -image "$(IMAGE)" -platforms "$(PLATFORMS)"

.PHONY: image-check
image-check: ## Build the image twice, in two folders: the same digest, and it runs
	$(IN_RELEASE) $(GO) run . check

.PHONY: release
release: ## Write archives, checksums and a krew manifest to dist; URL=https://... is where they will be
	$(IN_RELEASE) $(GO) run . archives $(if $(URL),-url "$(URL)") -platforms "$(PLATFORMS)"

.PHONY: servers
servers: tools ## Build the real servers of tests and demo into the cache (about 15 minutes, once)
	test/servers/build.sh

.PHONY: tools
tools: ## Install what a fresh machine lacks
	@test/tools.sh

.PHONY: test
test: servers ## Run all tests
	$(GO) test -timeout 20m ./...
	$(IN_RELEASE) $(GO) test ./...
	$(MAKE) chart alerts page docs

.PHONY: tidy
tidy: ## Bring the modules to the same versions, after a change of one
	$(GO) work sync
	for module in $(MODULES); do (cd $$module && GOWORK=off $(GO) mod tidy) || exit; done

.PHONY: unit
unit: ## Run the tests that need no servers
	$(GO) test ./api/... ./apisix/... ./certs/... ./cmd/... ./controllers/... ./handshake/... ./internal/... ./test/cases/... ./test/stability
	@test -d "$$(test/servers/build.sh --print-dir)" || echo "unit: skipped what needs servers, a part of these and all of test/e2e, attacks, coexistence, faults: run make servers"

.PHONY: e2e
e2e: servers ## Run the journeys on the real servers; RUN=TestName takes some
	$(GO) test -count=1 -timeout 20m ./test/e2e $(if $(RUN),-run '$(RUN)' -v)

.PHONY: run
run: build ## Run the controller against the cluster of your kubeconfig; ARGS for its flags
	bin/apisix-certs controller $(ARGS)

.PHONY: fmt
fmt: ## Format all Go files
	gofmt -w $$(git ls-files '*.go')

.PHONY: chart
chart: servers ## Run the tests of the Helm chart and the plain manifests, in a module of their own
	$(IN_CHART) $(GO) test -timeout 20m ./...

.PHONY: alerts
alerts: tools ## Run the tests of the alerts and the dashboard, in a module of their own
	$(IN_ALERTS) $(GO) test ./...

.PHONY: page
page: servers ## Run the tests of the status page in Chromium, in a module of their own
	@test/tools.sh page
	$(IN_PAGE) $(GO) test -timeout 20m ./...

.PHONY: docs
docs: servers ## Run the commands that the docs show, and hold the pages to the code
	$(IN_DOCS) $(GO) test -timeout 20m .

.PHONY: race
race: servers ## Run the tests where concurrency matters under the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./apisix/... ./certs/... ./controllers/... ./internal/...

.PHONY: generate
generate: ## Write the generated code and manifests
	$(CONTROLLER_GEN) object:headerFile=test/licence.txt paths=./api/... crd output:crd:dir=manifests/crds paths=./api/...
	$(IN_CHART) $(GO) run ./generate
	$(CRD_REF_DOCS) --source-path=api/v1alpha1 --config=docs/reference/config.yaml --templates-dir=docs/reference/templates \
	  --renderer=markdown --output-path=docs/reference/api.md --log-level=ERROR

.PHONY: verify
verify: test race lint house-check clean-generated image-check vulnerabilities ## Everything that CI checks

.PHONY: lint
lint: tools words ## Run the linters, which also check the import directions
	$(GOLANGCI_LINT) run ./...
	$(IN_CHART) $(GOLANGCI_LINT) run ./...
	$(IN_ALERTS) $(GOLANGCI_LINT) run ./...
	$(IN_PAGE) $(GOLANGCI_LINT) run ./...
	$(IN_DOCS) $(GOLANGCI_LINT) run ./...
	$(IN_RELEASE) $(GOLANGCI_LINT) run ./...

.PHONY: words
words: ## Fail where a word of test/words/words.txt is used
	@$(GO) run ./test/words

.PHONY: house
house: ## Measure how the packages are built: size, cycles of files; ARGS=-check holds them to the bounds
	@$(GO) run ./test/house $(ARGS)

.PHONY: house-check
house-check: ## Fail where a package is built otherwise than the bounds of test/house allow
	@$(GO) run ./test/house -check > /dev/null

.PHONY: clean-generated
clean-generated: generate ## Fail where generated files are not up to date
	@git diff --exit-code -- api manifests charts docs/reference || { echo "generated files are not up to date: commit what make generate writes"; exit 1; }

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities, where the database can be reached
	@test/vulnerabilities.sh $(GOVULNCHECK)

.PHONY: measures
measures: servers ## Run every measure and print the lines, last
	test/measures.sh

.PHONY: bench
bench: servers ## Measure speed and cost with N certificates (N=1000); OUT=FILE for JSON, ARGS for a real gateway and more
	@$(GO) run ./test/bench -n $(N) $(if $(OUT),-out $(OUT)) $(if $(SVG),-svg $(SVG)) $(ARGS)

.PHONY: faults
faults: servers ## Inject every fault into the running whole and print the measures; ARGS=-update writes docs/faults.md
	test/faults/run.sh $(ARGS)

.PHONY: coexistence
coexistence: servers ## Play each source beside ingress controllers; at a real gateway: see test/coexistence/doc.go
	$(GO) test -count=1 -v -timeout 60m ./test/coexistence $(ARGS)

.PHONY: attacks
attacks: servers ## Let one tenant try what it can against another and print the measures; ARGS=-run=... takes a part
	test/attacks/run.sh $(ARGS)

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (10s)
	test/fuzz.sh
