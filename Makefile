# Loginward. `make help` shows the verbs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build run test check format bench detection conformance fuzz sanitize sanitize-stories reload-soak crash-soak deb install uninstall clean

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
CONFDIR ?= /etc/loginward
RELEASE := .build/release
PYTHON := .venv/bin/python
TIME ?= 60s
STORIES ?= Tests/StoryTests
SANITIZERS ?= address thread

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the Debian packages that the build needs (nothing when they are there)
	@.ci/install build

build: setup ## build the daemon and the demo service (release)
	$(SWIFT) build -c release --static-swift-stdlib --product loginward
	$(SWIFT) build -c release --static-swift-stdlib --product loginward-demo

run: build ## build, then guard the demo identity service (or UPSTREAM=http://host:port)
	@.ci/demo $(RELEASE)

.venv/ready: Tests/StoryTests/requirements.txt
	@.ci/install test
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --requirement Tests/StoryTests/requirements.txt
	$(PYTHON) -m pip install --quiet --no-deps --target .venv/datadog ddtrace==4.16.0
	touch $@

test: build ## run every test: Swift Testing, then the stories against the release binary
	@.ci/install test
	@$(MAKE) --no-print-directory .venv/ready
	$(SWIFT) build -c release --static-swift-stdlib --product loginward-evaluate
	$(SWIFT) test
	LOGINWARD=$(CURDIR)/$(RELEASE)/loginward LOGINWARD_DEMO=$(CURDIR)/$(RELEASE)/loginward-demo \
		$(PYTHON) -m pytest -q Tests/StoryTests

check: ## formatting, lint, shell scripts, units
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift
	@for script in .ci/*; do bash -n "$$script"; done
	@if command -v shellcheck >/dev/null; then shellcheck --severity warning .ci/*; else echo "shellcheck is not installed: scripts were only parsed"; fi
	@if command -v systemd-analyze >/dev/null; then \
		systemd-analyze security --offline=yes --threshold=16 systemd/loginward.service | tail -n 1; \
	else echo "systemd-analyze is not installed: the unit was not looked at"; fi

format: ## format the sources in place
	$(SWIFT) format --in-place --recursive Sources Tests Package.swift

conformance: build ## play hostile requests and answers through Loginward, nginx and HAProxy, side by side
	@.ci/install bench
	python3 Tests/Conformance/conformance.py --loginward $(RELEASE)/loginward --json .build/conformance.json

bench: build ## compare CPU per request with a blind relay, nginx and HAProxy; memory; allocations
	@.ci/install bench
	LOGINWARD_BENCH=1 $(SWIFT) build -c release --static-swift-stdlib --product loginward-lists
	python3 Tests/Bench/bench.py --loginward $(RELEASE)/loginward --lists $(RELEASE)/loginward-lists --json .build/bench.json

SEEDS ?= 3
SCALE ?= 0.2
detection: build ## replay campaigns and honest disturbances (SEEDS of each, at SCALE of 500 000 attempts): targets met, others' rules beside
	python3 Tests/Detection/detection.py --loginward $(RELEASE)/loginward --seeds $(SEEDS) --scale $(SCALE) --json .build/detection.json

fuzz: setup ## fuzz every parser, file and whole exchanges for TIME each, 60s when not given (FUZZ=name for one)
	@.ci/fuzz $(TIME) $(FUZZ)

# XCTest, which holds no test here, leaks a little of its own: it is left out.
sanitize: setup ## run the Swift tests under the address and the thread sanitizer
	for sanitizer in $(SANITIZERS); do $(SWIFT) test --disable-xctest --sanitize $$sanitizer --scratch-path .build-$$sanitizer; done

sanitize-stories: setup .venv/ready ## run the stories against daemons built with the address and the thread sanitizer
	for sanitizer in $(SANITIZERS); do .ci/sanitize-stories $$sanitizer $(STORIES); done

REQUESTS ?= 1000000
RELOADS ?= 100
reload-soak: build .venv/ready ## RELOADS reloads during REQUESTS requests, tunnels and downloads: nothing may fail or leak
	LOGINWARD=$(CURDIR)/$(RELEASE)/loginward $(PYTHON) Tests/StoryTests/reload_soak.py --supervise --requests $(REQUESTS) --reloads $(RELOADS)

KILLS ?= 1000
crash-soak: build .venv/ready ## kill the daemon KILLS times under logins: nobody is refused, no written event is lost
	LOGINWARD=$(CURDIR)/$(RELEASE)/loginward $(PYTHON) Tests/StoryTests/crash_soak.py --kills $(KILLS)

install: setup ## install below DESTDIR and PREFIX (static Swift runtime; existing configuration stays)
	$(SWIFT) build -c release --static-swift-stdlib --product loginward --scratch-path .build-install
	install -D -m 0755 .build-install/release/loginward '$(DESTDIR)$(PREFIX)/bin/loginward'
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system'
	sed 's|/usr/bin/loginward|$(PREFIX)/bin/loginward|; s|/etc/loginward/|$(CONFDIR)/|; s|/usr/share/|$(PREFIX)/share/|' \
		systemd/loginward.service > '$(DESTDIR)$(PREFIX)/lib/systemd/system/loginward.service'
	install -m 0644 systemd/loginward.socket '$(DESTDIR)$(PREFIX)/lib/systemd/system/loginward.socket'
	install -D -m 0644 systemd/sysusers.conf '$(DESTDIR)$(PREFIX)/lib/sysusers.d/loginward.conf'
	install -D -m 0644 systemd/tmpfiles.conf '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/loginward.conf'
	install -D -m 0644 packaging/man/loginward.8 '$(DESTDIR)$(PREFIX)/share/man/man8/loginward.8'
	install -d '$(DESTDIR)$(PREFIX)/share/man/man5' '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' \
		'$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions' '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d'
	.ci/man5 config/reference.yaml > '$(DESTDIR)$(PREFIX)/share/man/man5/loginward.yaml.5'
	.build-install/release/loginward --generate-completion-script bash | sed '1{/^#!/d}' > '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/loginward'
	.build-install/release/loginward --generate-completion-script zsh > '$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_loginward'
	.build-install/release/loginward --generate-completion-script fish > '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/loginward.fish'
	install -d '$(DESTDIR)$(PREFIX)/share/loginward'
	.build-install/release/loginward schema > '$(DESTDIR)$(PREFIX)/share/loginward/schema.json'
	.build-install/release/loginward schema --rules > '$(DESTDIR)$(PREFIX)/share/loginward/rules.schema.json'
	install -d '$(DESTDIR)$(PREFIX)/share/doc/loginward/examples/rules'
	install -m 0644 README.md LICENSE '$(DESTDIR)$(PREFIX)/share/doc/loginward/'
	install -m 0644 config/*.yaml config/denylist.txt '$(DESTDIR)$(PREFIX)/share/doc/loginward/examples/'
	install -m 0644 config/rules/*.yaml '$(DESTDIR)$(PREFIX)/share/doc/loginward/examples/rules/'
	install -d '$(DESTDIR)$(PREFIX)/share/loginward/logins'
	install -m 0644 config/logins/*.yaml '$(DESTDIR)$(PREFIX)/share/loginward/logins/'
	install -d '$(DESTDIR)$(CONFDIR)/rules'
	for file in loginward.yaml denylist.txt $(patsubst config/%,%,$(wildcard config/rules/*.yaml)); do \
		[ -e "$(DESTDIR)$(CONFDIR)/$$file" ] || install -m 0644 "config/$$file" "$(DESTDIR)$(CONFDIR)/$$file"; \
	done
	@[ -n '$(DESTDIR)' ] || echo "Now, as root: systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload && systemctl enable --now loginward"

deb: setup ## make the Debian package .build/loginward_VERSION_ARCH.deb and have lintian look at it
	@.ci/install deb
	rm -rf .build/deb
	$(MAKE) --no-print-directory install DESTDIR=.build/deb PREFIX=/usr CONFDIR=/etc/loginward
	install -D -m 0644 packaging/logrotate/loginward .build/deb/etc/logrotate.d/loginward
	install -D -m 0644 packaging/deb/lintian-overrides .build/deb/usr/share/lintian/overrides/loginward
	.ci/deb .build/deb .build
	lintian --fail-on error .build/loginward_*.deb

uninstall: ## remove what install put there; configuration, state and logs stay
	rm -f '$(DESTDIR)$(PREFIX)/bin/loginward' \
		'$(DESTDIR)$(PREFIX)/lib/systemd/system/loginward.service' '$(DESTDIR)$(PREFIX)/lib/systemd/system/loginward.socket' \
		'$(DESTDIR)$(PREFIX)/lib/sysusers.d/loginward.conf' '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/loginward.conf' \
		'$(DESTDIR)$(PREFIX)/share/man/man8/loginward.8' '$(DESTDIR)$(PREFIX)/share/man/man5/loginward.yaml.5' \
		'$(DESTDIR)$(PREFIX)/share/bash-completion/completions/loginward' '$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_loginward' \
		'$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/loginward.fish'
	rm -rf '$(DESTDIR)$(PREFIX)/share/loginward' '$(DESTDIR)$(PREFIX)/share/doc/loginward'

clean: ## remove everything that was built or downloaded
	rm -rf .build .build-address .build-thread .build-fuzz .build-install .venv
