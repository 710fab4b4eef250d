# Everything is done by Go programs; these are their names.

.PHONY: help up down reset status logs test fmt lint generate bench fuzz

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## start everything and do the main job once
	@go run ./deploy/local up

down: ## end everything; the data stays
	@go run ./deploy/local down

reset: ## end everything and delete the data
	@go run ./deploy/local reset

status: ## say how every process is
	@go run ./deploy/local status

logs: ## the last lines of the logs; "make logs of=worker" for one
	@go run ./deploy/local logs $(of)

test: ## everything that CI runs
	@go run ./deploy/local test

fmt: ## format every file
	@go run ./deploy/local fmt

lint: ## look for mistakes
	@go run ./deploy/local lint

generate: ## make the code from the contracts and the queries again
	@go run ./deploy/local generate

bench: ## measure, one line of JSON each; "make bench of=Preview" for some
	@go run ./deploy/local bench $(of)

fuzz: ## fuzz every target for ten minutes; goes on after an interruption
	@go run ./deploy/local fuzz $(with)
