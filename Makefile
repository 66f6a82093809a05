# The project's commands; "make" lists them. What they do is in local/ (Go).
.DEFAULT_GOAL := help
SHELL := /bin/bash -euo pipefail
.PHONY: help start stop status clean demo test check bench invoke assets build

# All Go is compiled as the functions are: what they share with the rest is then compiled once.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath

# Ports of "make start": the local AWS with the portal, the mailbox's page, its mail server.
export PORT MAIL_PORT SMTP_PORT

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

start: ## Start everything on this machine: local AWS, portal, mailbox, sample clinic (PORT=, MAIL_PORT=, SMTP_PORT=)
	@go run ./local start

stop: ## Stop what "make start" has started; its data is gone then
	@go run ./local stop

status: ## Say where the running stack is
	@go run ./local status

clean: ## Stop, and remove state and built functions (installed tools stay in .tools)
	@go run ./local clean

demo: ## Walk through one bulk operation on the running stack, from choosing patients to the audit record
	@go run ./test/demo

test: ## Run every test; needs no running stack and does not disturb one
	@go run ./local assets
	@go run ./local tools test
	go vet ./...
	go test -count=1 -timeout 14m -p 2 ./...

check: ## Look for mistakes beyond the tests: format, lint, drawn inputs, known weaknesses, template
	@go run ./local assets
	@go run ./local tools check
	@go run ./local check

bench: ## Measure cost, speed, memory and size; the figures of docs/performance.md (PARTS="units speed plan visits audit files export deployed binaries")
	@go run ./test/bench $(PARTS)

invoke: ## Run one function once in a container, with its event: make invoke FUNCTION=execute
	@go run ./local invoke $(FUNCTION)

assets: ## Fetch the portal's styles, scripts and fonts
	@go run ./local assets

build: ## Build the functions for AWS into .aws-sam/build
	@go run ./local build
