# Everything is done by Go programs; these are their names.

.PHONY: help up down reset status logs test fmt lint generate console bench fuzz soak rolling bare

# What a command needs is looked for first, in a moment; then its program is built and run.
checked = @sh deploy/prerequisites.sh
run = @sh deploy/start.sh local
check = @sh deploy/start.sh ci

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## start everything and do the main job once
	$(checked) up
	$(run) up

down: ## end everything; the data stays
	$(run) down

reset: ## end everything and delete the data
	$(run) reset

status: ## say how every process is
	$(run) status

logs: ## the last lines of the logs; "make logs of=worker" for one
	$(run) logs $(of)

test: ## run every test but those of "make console"; the long suites as samples
	$(checked) test
	$(check) test

fmt: ## format every file
	$(checked) lint
	$(check) fmt

lint: ## check formatting, contracts, generated code, modules, builds; look for mistakes
	$(checked) lint
	$(check) lint

generate: ## make the code from the contracts and the queries again
	$(checked) lint
	$(check) generate

console: ## test the console in Chromium against the stack that "make up" started; pictures in gateway/web/shots
	$(checked) lint
	$(check) console

bench: ## measure, one line of JSON each; "make bench of=Preview" for some
	$(check) bench '$(of)'

fuzz: ## fuzz every target for ten minutes; goes on after an interruption
	$(check) fuzz $(with)

soak: ## random histories and cut connections at length; goes on after an interruption
	$(check) soak $(with)

rolling: ## replace the programs of the version before one by one, on this version's schema
	$(checked) test
	$(check) rolling $(with)

bare: ## prove "make up" and "make test" on a bare Debian, in a chroot; "make bare ways=user" for one way
	@bash deploy/bare.sh $(ways)
