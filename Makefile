# SPDX-License-Identifier: MIT
#
#   make            the two programs, in build/release
#   make demo       an app gets its certificate before your eyes (KEEP=1: and stays up to play with)
#   make test       everything that proves it
#   make quick      the part of it that takes under a minute
#   make unit       the unit tests (UNIT=util: of one folder)
#   make bench      measured beside other clients
#   make ledger-trace  the ledger alone, on stdin and stdout
#   make test-kill  killed at every call that changes something, not only at a sample; long races; storms of deploys and domains in full
#   make test-budget  the budget with Let's Encrypt's numbers: 120 apps and three weeks of hourly runs, sixty previews a day
#   make V=1 …      shows each command

BUILD ?= build
CC ?= cc
GCC ?= gcc
JOBS ?= $(shell nproc)
V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' "$(1)" "$(2)")

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' plugin.toml)
LIBRARIES := libcurl jansson libssl libcrypto sqlite3 libpsl

# ---- flags: probed once, since compilers and architectures differ ----
# Written by the rule below; without a compiler it stays missing, and what it defines empty.
-include $(BUILD)/flags.mk

WANTED_HARDENING := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard \
	-ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks
WANTED_WARNINGS := -Warith-conversion -Wjump-misses-init -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wstringop-overflow=4 \
	-Walloc-zero -Wtrampolines -Wformat-overflow=2 -Wformat-truncation=2 -Wcast-align=strict -Wdate-time

CPPFLAGS_ALL := -D_GNU_SOURCE -DOPENSSL_API_COMPAT=30000 -DOPENSSL_NO_DEPRECATED -DVERSION='"$(VERSION)"' -Iplugin -I.
WARNINGS := -Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wcast-qual -Wwrite-strings \
	-Wpointer-arith -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes -Wredundant-decls -Wnull-dereference \
	-Wimplicit-fallthrough -Wswitch-enum
CFLAGS_ALL := -std=c17 $(WARNINGS) -fno-common -fno-strict-aliasing -fPIE -g
CFLAGS_release := -O2 -U_FORTIFY_SOURCE $(HARDENING)
CFLAGS_dev := -O1 -Werror -DCLOCK_FROM_FILE
CFLAGS_san := -O1 -Werror -DCLOCK_FROM_FILE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_plain := -O0 -fno-builtin -w
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed
LDFLAGS_release := -s
LDFLAGS_san := -fsanitize=address,undefined
PKG_CFLAGS := $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null)

SOURCES := $(filter-out plugin/cli/main.c,$(wildcard plugin/*/*.c))
BASE_SOURCES := $(wildcard plugin/util/*.c plugin/sys/*.c)
HOOK_SOURCES := $(wildcard hooks/*.c)
PROGRAM_SOURCES := $(wildcard plugin/*/*.c) $(HOOK_SOURCES)
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
TRACE_SOURCES := $(wildcard tests/trace/*.c)
E2E := $(wildcard tests/e2e/*.bats)
FORCE:

.PHONY: all programs unit quick test demo bench test-kill test-budget prepare results quick-results clean
.PHONY: layers names readme headers symbols unused hardening shellcheck analyzer tidy cppcheck valgrind
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/release/letsencrypt $(BUILD)/release/letsencrypt-hook

# $(call accepted,COMPILER,FLAGS): those that it takes without a word.
accepted = $$(for flag in $(2); do \
	printf '%sinclude <string.h>\n' '\#' | $(1) -Werror -O2 -U_FORTIFY_SOURCE $$flag -x c - -S -o /dev/null 2>/dev/null && printf ' %s' $$flag; done)
$(BUILD)/flags.mk: Makefile
	@mkdir -p $(@D)
	@command -v $(CC) >/dev/null || exit 0; \
	{ echo "HARDENING :=$(call accepted,$(CC),$(WANTED_HARDENING))"; echo "GCC_WARNINGS :=$(call accepted,$(GCC),$(WANTED_WARNINGS))"; } >$@

# ---- one object tree a flavour: release, dev (test clock, -Werror), san (sanitizers), plain (nothing inlined: only read by nm) ----
# $(BUILD)/flags.mk is order-only: an edit of this file does not build everything anew. `install` builds in an empty folder anyway.
define flavour
$(BUILD)/$(1)/%.o: %.c plugin.toml | $(BUILD)/flags.mk
	$$(call say,CC,$$< [$(1)])
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) $$(PKG_CFLAGS) $$(CFLAGS_ALL) $$(CFLAGS_$(1)) -MMD -MP -c $$< -o $$@
$(BUILD)/$(1)/plugin.a: $(SOURCES:%.c=$(BUILD)/$(1)/%.o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
$(BUILD)/$(1)/letsencrypt: $(BUILD)/$(1)/plugin/cli/main.o $(BUILD)/$(1)/plugin.a
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) $$(LDFLAGS_$(1)) $$^ $$(PKG_LIBS) -o $$@
# From the lowest layers and without the libraries: what a hook may not use does not link.
$(BUILD)/$(1)/base.a: $(BASE_SOURCES:%.c=$(BUILD)/$(1)/%.o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
$(BUILD)/$(1)/letsencrypt-hook: $(HOOK_SOURCES:%.c=$(BUILD)/$(1)/%.o) $(BUILD)/$(1)/base.a
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) $$(LDFLAGS_$(1)) $$^ -o $$@
$(BUILD)/$(1)/tests/unit/%: $(BUILD)/$(1)/tests/unit/%.o $(BUILD)/$(1)/plugin.a
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) $$(LDFLAGS_$(1)) $$^ $$(PKG_LIBS) -lcmocka -o $$@
-include $(patsubst %.c,$(BUILD)/$(1)/%.d,$(PROGRAM_SOURCES) $(UNIT_SOURCES) $(TRACE_SOURCES))
endef
$(foreach f,release dev san plain,$(eval $(call flavour,$(f))))

programs: $(foreach f,san dev,$(BUILD)/$(f)/letsencrypt $(BUILD)/$(f)/letsencrypt-hook)

# ---- the ledger alone, on stdin and stdout: against a model of the CA that shares no code with it, by random traces; and how fast it is ----
.PHONY: ledger-trace model model-kill bench-ledger
ledger-trace: $(BUILD)/ledger-trace
$(BUILD)/ledger-trace: $(TRACE_SOURCES:%.c=$(BUILD)/release/%.o) $(BUILD)/release/plugin.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(LDFLAGS_release) $^ $(PKG_LIBS) -o $@
# It finds the limits of this tree.
$(BUILD)/%/tests/trace/main.o: CPPFLAGS_ALL += -DSOURCE_FOLDER='"$(CURDIR)"'
SEED ?= 1
model: $(BUILD)/ledger-trace
	$(Q)tests/model/compare $< /usr/share/publicsuffix/public_suffix_list.dat $(SEED) 8 131072
# It with a store: killed in the middle of operations, and resumed.
ROUNDS ?= 25
model-kill: $(BUILD)/ledger-trace
	$(Q)tests/model/kill $< /usr/share/publicsuffix/public_suffix_list.dat $(SEED) $(ROUNDS)
# The book on a disk, and where fsync is free.
bench-ledger: $(BUILD)/ledger-bench $(BUILD)/book-bench
	$(Q)$(BUILD)/ledger-bench
	$(Q)$(BUILD)/book-bench $(abspath $(BUILD))
	$(Q)$(BUILD)/book-bench /dev/shm
$(BUILD)/%-bench: $(BUILD)/release/tests/bench/%.o $(BUILD)/release/plugin.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(LDFLAGS_release) $^ $(PKG_LIBS) -o $@

# ---- the CA that the tests ask, in front of Pebble; written in Go, which is installed where there is none ----
.PHONY: relay relay-tests
RELAY := $(BUILD)/tools/relay
GO_PACKAGES := $(shell command -v go >/dev/null || command -v /usr/local/go/bin/go >/dev/null || echo tests/ca/packages.txt)
relay: $(RELAY)
$(RELAY): $(wildcard tests/ca/*.go) tests/ca/go.mod
	$(call say,GO,$@)
	$(Q)tests/ca/build $@
relay-tests:
	$(Q)tests/ca/build --test

UNIT ?= *
unit: $(patsubst %.c,$(BUILD)/san/%,$(wildcard tests/unit/$(UNIT)/test_*.c))
	$(Q)for t in $^; do $$t || exit 1; done

# ---- rules of the house ----
PLAIN_OBJECTS := $(PROGRAM_SOURCES:%.c=$(BUILD)/plain/%.o)
PLAIN_TESTS := $(UNIT_SOURCES:%.c=$(BUILD)/plain/%.o) $(TRACE_SOURCES:%.c=$(BUILD)/plain/%.o)
layers names readme:
	$(Q)tests/check/$@.sh
headers:
	$(Q)tests/check/headers.sh $(CC) $(CPPFLAGS_ALL) $(PKG_CFLAGS) -std=c17 $(WARNINGS) -Werror
symbols: $(PLAIN_OBJECTS)
	$(Q)tests/check/symbols.sh $(BUILD)/plain
unused: $(PLAIN_OBJECTS) $(PLAIN_TESTS)
	$(Q)tests/check/unused.sh $(BUILD)/plain
hardening: all
	$(Q)tests/check/hardening.sh $(BUILD)/release

# ---- analysers: a stamp a file, as old as the object that its last clean reading belongs to ----
# gcc's own idea of leaks loses sight of what is stored through a pointer: leaks are found by LeakSanitizer and valgrind instead.
SCRIPTS := $(shell grep -srlE -m 1 '^#!.*[/ ](sh|bash|bats)$$|^# shellcheck shell=' commands install update uninstall dependencies .ci tests)
analyzer: $(PROGRAM_SOURCES:%.c=$(BUILD)/analyzer/%.ok)
tidy: $(PROGRAM_SOURCES:%.c=$(BUILD)/tidy/%.ok)
cppcheck: $(PROGRAM_SOURCES:%.c=$(BUILD)/cppcheck/%.ok)
shellcheck: $(SCRIPTS:%=$(BUILD)/shellcheck/%.ok)
# Under valgrind the primes of RSA keys would take minutes to find.
VALGRIND_SOURCES := $(filter-out tests/unit/crypto/test_generate.c,$(UNIT_SOURCES))
valgrind: $(VALGRIND_SOURCES:%.c=$(BUILD)/valgrind/%.ok)

$(BUILD)/analyzer/%.ok: %.c $(BUILD)/dev/%.o
	$(call say,ANALYZE,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(GCC) $(CPPFLAGS_ALL) $(PKG_CFLAGS) -std=c17 $(WARNINGS) $(GCC_WARNINGS) -O2 -fanalyzer -Wno-analyzer-malloc-leak -Werror -S $< -o /dev/null
	$(Q)touch $@
$(BUILD)/tidy/%.ok: %.c $(BUILD)/dev/%.o .clang-tidy
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- $(CPPFLAGS_ALL) $(PKG_CFLAGS) -std=c17 2>$(@:.ok=.log)
	$(Q)touch $@
$(BUILD)/cppcheck/%.ok: %.c $(BUILD)/dev/%.o
	$(call say,CPPCHK,$<)
	$(Q)mkdir -p $(@D)
	$(Q)cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,performance,portability --inconclusive --inline-suppr --error-exitcode=1 \
		-D_GNU_SOURCE -DVERSION='""' -Iplugin -I. $<
	$(Q)touch $@
$(BUILD)/shellcheck/%.ok: %
	$(call say,SHELLCHK,$<)
	$(Q)mkdir -p $(@D)
	$(Q)shellcheck $<
	$(Q)touch $@
$(BUILD)/valgrind/%.ok: $(BUILD)/dev/%
	$(call say,VALGRIND,$*)
	$(Q)mkdir -p $(@D)
	$(Q)tests/check/valgrind.sh $< $(@:.ok=.log)
	$(Q)touch $@

# ---- make test: one result for each check and for each test of a runner ----
CHECKS := model model-kill relay-tests layers names readme headers symbols unused hardening shellcheck cppcheck analyzer tidy valgrind
QUICK_CHECKS := layers names readme headers shellcheck
UNIT_RESULTS := $(UNIT_SOURCES:tests/%.c=$(BUILD)/results/%.tap)
E2E_RESULTS := $(E2E:tests/%.bats=$(BUILD)/results/%.tap)
# Long lives without sanitizers, which see the same code in the other suites: they would take half of the time.
LIVES := stories stories_around storm many together race
# Where whole runs find the programs of flavour $(1), and the CA.
found = TEST_PROGRAMS=$(abspath $(BUILD))/$(1) RELAY_PROGRAM=$(abspath $(RELAY))

# The checks last: they split into small jobs that fill the time until the longest test is done.
results: $(UNIT_RESULTS) $(E2E_RESULTS) $(CHECKS:%=$(BUILD)/results/%.tap)
quick-results: $(UNIT_RESULTS) $(QUICK_CHECKS:%=$(BUILD)/results/%.tap)
# What their own makes would build is there before: two at once would write the same files.
$(BUILD)/results/symbols.tap $(BUILD)/results/unused.tap: $(PLAIN_OBJECTS) $(PLAIN_TESTS)
$(BUILD)/results/hardening.tap: all
$(BUILD)/results/model.tap: $(BUILD)/ledger-trace
$(patsubst %,$(BUILD)/results/%.tap,cppcheck analyzer tidy): $(PROGRAM_SOURCES:%.c=$(BUILD)/dev/%.o)
$(BUILD)/results/valgrind.tap: $(VALGRIND_SOURCES:%.c=$(BUILD)/dev/%)
$(CHECKS:%=$(BUILD)/results/%.tap): $(BUILD)/results/%.tap: FORCE
	+$(Q)tests/run-one $@ $* $(MAKE) --no-print-directory -k $*
$(BUILD)/results/unit/%.tap: $(BUILD)/san/tests/unit/% FORCE
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP tests/run-one --tap $@ unit/$* $<
$(BUILD)/results/e2e/%.tap: tests/e2e/%.bats programs $(RELAY) FORCE
	$(Q)$(call found,$(if $(filter $(LIVES),$*),dev,san)) tests/run-one --twice $@ e2e/$* bats --tap $<

# The packages may just have been installed: a second make looks at them anew.
second_make = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))
test: prepare
	$(Q)rm -rf $(BUILD)/results
	+$(Q)status=0; $(second_make) -k results || status=$$?; tests/summary $(BUILD)/results $$status
quick: prepare
	$(Q)rm -rf $(BUILD)/results
	+$(Q)status=0; $(second_make) -k quick-results || status=$$?; tests/summary $(BUILD)/results $$status
demo:
	$(Q)tests/prepare tests/demo/packages.txt
	$(Q)KEEP=$(KEEP) tests/demo/run
bench:
	$(Q)tests/prepare tests/packages.txt tests/bench/packages.txt
	+$(Q)$(second_make) all
	$(Q)$(call found,release) tests/bench/run
test-kill: prepare
	+$(Q)$(second_make) $(BUILD)/san/tests/unit/platform/test_tls $(BUILD)/san/tests/unit/store/test_book programs $(RELAY)
	$(Q)TLS_ROUNDS=400 $(BUILD)/san/tests/unit/platform/test_tls
	$(Q)BOOK_RACERS=32 $(BUILD)/san/tests/unit/store/test_book
	$(Q)$(call found,san) KILLS=all RACE_ROUNDS=10 TOGETHER=100 STORM=full bats tests/e2e/kill.bats tests/e2e/race.bats tests/e2e/together.bats \
		tests/e2e/storm.bats
test-budget: prepare
	+$(Q)$(second_make) $(BUILD)/dev/letsencrypt $(RELAY)
	$(Q)$(call found,dev) BUDGET=full bats --timing tests/e2e/budget.bats
prepare:
	$(Q)tests/prepare tests/packages.txt $(GO_PACKAGES)

clean:
	rm -rf $(BUILD)
