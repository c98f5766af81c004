# weir: `make` builds, `make demo` and `make test` are all a newcomer needs, `make help` lists the rest.
#
# build/ holds the command and the two libraries; build/obj/ mirrors src/ and test/.  Other modes (asan, tsan) have a
# tree of their own, build/MODE/.  CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX and DESTDIR are the user's.

CC       ?= gcc
CFLAGS   ?= -O2 -g
AR       ?= ar
INSTALL  ?= install
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
LIBDIR   ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR  ?=
MODE     ?= release
RUNS     ?= 1000000
CHECKS   ?= test asan tsan lint layers symbols header valgrind fuzz torture
V        ?= 0

ABI      := 0
OUT      := build$(if $(filter-out release,$(MODE)),/$(MODE))
Q        := $(if $(filter 1,$(V)),,@)
say       = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' $(1) $(2))

WARN     := -Wall -Wextra -Wformat=2 -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN   := -fstack-protector-strong -fstack-clash-protection $(if $(filter x86_64,$(shell uname -m)),-fcf-protection=full)
RELRO    := -Wl,-z,relro,-z,now,-z,noexecstack
sanitize_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DWEIR_SANITIZER
sanitize_tsan := -fsanitize=thread -DWEIR_CHECKER -DWEIR_SANITIZER
SANITIZE := $(sanitize_$(MODE))

# Ours, apart from the user's: -fPIC throughout, so that the static library also fits into a host's shared object.
OUR_CPPFLAGS := -Isrc -Iinclude -D_GNU_SOURCE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=3)
OUR_CFLAGS   := -std=c11 -fPIC -fvisibility=hidden -pthread $(WARN) $(HARDEN) $(SANITIZE) $(WERROR)
OUR_LDFLAGS  := -pthread $(RELRO) $(SANITIZE)
LIB_LIBS     := -lcurl -lcjson -lssl -lcrypto
CMD_LIBS     := $(LIB_LIBS) -lmicrohttpd
# FORTIFY needs an optimising build: a user's -O0 would only earn a warning for each file.
ifneq ($(filter -O0 -Og,$(CFLAGS)),)
OUR_CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=3,$(OUR_CPPFLAGS))
endif

LIB_SRC  := $(sort $(wildcard $(patsubst %,src/%/*.c,base policy pool http core json)))
CMD_SRC  := $(sort $(wildcard src/cli/*.c))
SUP_SRC  := $(sort $(wildcard test/support/*.c))
UNIT_SRC := $(sort $(wildcard test/unit/*.c))
SIM_SRC  := $(sort $(wildcard test/sim/*.c))
BENCH_SRC := $(sort $(wildcard test/bench/*.c))
FUZZ_SRC := $(sort $(wildcard test/fuzz/fuzz_*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/obj/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$(OUT)/obj/%.o)
SUP_OBJ  := $(SUP_SRC:%.c=$(OUT)/obj/%.o)
UNITS    := $(patsubst test/%.c,$(OUT)/test/%,$(UNIT_SRC) $(SIM_SRC))
BENCHES  := $(BENCH_SRC:test/%.c=$(OUT)/test/%)
FUZZED   := $(patsubst %.c,$(OUT)/fuzz/obj/%.o,$(sort $(wildcard $(patsubst %,src/%/*.c,base policy json))))
FUZZERS  := $(FUZZ_SRC:test/fuzz/fuzz_%.c=$(OUT)/fuzz/%)
ALL_C    := $(LIB_SRC) $(CMD_SRC) $(SUP_SRC) $(UNIT_SRC) $(SIM_SRC) $(BENCH_SRC) $(FUZZ_SRC) $(sort $(wildcard test/torture/*.c))
ALL_H    := $(sort $(wildcard include/*.h src/*/*.h test/*/*.h))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps demo test units check asan tsan lint fmt bench fuzz torture layers symbols header valgrind help install uninstall clean FORCE

all: $(OUT)/weir $(OUT)/libweir.a $(OUT)/libweir.so ## build the command and both libraries

$(OUT)/weir: $(CMD_OBJ) $(OUT)/libweir.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(CMD_LIBS)

$(OUT)/libweir.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/libweir.so: $(LIB_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(OUR_LDFLAGS) -shared -Wl,-soname,libweir.so.$(ABI) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)
	$(Q)ln -sf libweir.so $@.$(ABI)

$(OUT)/obj/%.o: %.c $(OUT)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(OUR_CPPFLAGS) $(if $(filter test/%,$<),-Itest) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The command without its main(), for tests of its parts.
$(OUT)/obj/test/command.a: $(filter-out %/main.o,$(CMD_OBJ)) $(SUP_OBJ)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(UNITS): $(OUT)/test/%: $(OUT)/obj/test/%.o $(OUT)/obj/test/command.a $(OUT)/libweir.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(CMD_LIBS) -lcmocka

# A baseline has nothing of weir in it.
$(BENCHES): $(OUT)/test/%: $(OUT)/obj/test/%.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -lcurl

# Fuzz targets are clang's, whatever CC is, and have objects of their own.
FUZZ_CC  := clang -std=c11 -O1 -g -Isrc -Iinclude -Itest -D_GNU_SOURCE $(WARN) -fno-sanitize-recover=all
$(OUT)/fuzz/obj/%.o: %.c $(OUT)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

# In an archive, so that each target has in it only what it reads with.
$(OUT)/fuzz/obj/fuzzed.a: $(FUZZED)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# jansson is the second parser beside the scanner; no other target needs it.
$(FUZZERS): $(OUT)/fuzz/%: $(OUT)/fuzz/obj/test/fuzz/fuzz_%.o $(OUT)/fuzz/obj/fuzzed.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ -Wl,--as-needed -ljansson -lcjson

# Objects are made anew when the compiler or a flag changes.
$(OUT)/flags: FORCE
	$(Q)mkdir -p $(@D) && echo '$(CC) $(CPPFLAGS) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
	  echo '$(CC) $(CPPFLAGS) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) $(LDFLAGS)' > $@

-include $(patsubst %.c,$(OUT)/obj/%.d,$(ALL_C)) $(FUZZED:.o=.d) $(FUZZ_SRC:%.c=$(OUT)/fuzz/obj/%.d)

deps: ## install what building, testing and checking need (Debian packages)
	$(Q).ci/deps build test check

# The packages come first and the sources are compiled by a second make, whose paths and rules then see them.
demo: ## the whole story in some seconds, on the built-in target
	$(Q).ci/deps build
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)$(OUT)/weir demo

test: ## build and run every test; T=name runs those whose name has it
	$(Q).ci/deps build test
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all units
	$(Q)OUT=$(OUT) test/run '$(T)'

units: $(UNITS) $(BENCHES)
	@:

check: ## everything: test, asan, tsan, lint, layers, symbols, header, valgrind, fuzz, torture
	$(Q).ci/deps build test check
	$(Q)failed=; for part in $(CHECKS); do \
	  echo "== $$part"; $(MAKE) --no-print-directory $$part RUNS=20000 TORTURE=--short || failed="$$failed $$part"; done; \
	  if [ -n "$$failed" ]; then echo "check: failed:$$failed"; exit 1; fi; echo "check: all parts passed"

asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) MODE=asan CFLAGS='-O1 -g' all units
	$(Q)OUT=build/asan test/run '$(T)'

tsan: ## the tests under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) MODE=tsan CFLAGS='-O1 -g' all units
	$(Q)OUT=build/tsan test/run '$(T)'

valgrind: all units ## memcheck on the unit tests' short ones and on a short run
	$(Q)OUT=$(OUT) test/lint/valgrind.sh

lint: ## gcc and clang without a warning, clang-tidy, cppcheck, shellcheck, formatting
	$(Q)LINT_FLAGS='$(OUR_CPPFLAGS) -std=c11 -pthread $(WARN)' test/lint/lint.sh $(ALL_C) -- $(ALL_H)

fuzz: ## what reads headers, JSON, job lines and journals, on RUNS generated inputs for each reader
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) $(FUZZERS)
	$(Q)OUT=$(OUT) RUNS=$(RUNS) test/fuzz/run $(notdir $(FUZZERS))

layers: ## the includes keep the directions between the parts
	$(Q)test/lint/layers.sh

symbols: all ## the libraries export weir_* alone
	$(Q)test/lint/symbols.sh $(OUT)

header: ## weir.h alone compiles as C99 to C17 and C++11 to C++20
	$(Q)test/lint/header.sh

fmt: ## format every source file
	$(Q)clang-format -i $(ALL_C) $(ALL_H)

torture: all ## batches killed 1,000 times and resumed, and with disks that fail; takes minutes
	$(Q)OUT=$(OUT) test/torture/run $(TORTURE)

bench: ## weir beside a bare libcurl loop, in turns; takes some minutes
	$(Q).ci/deps build test
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all units
	$(Q)OUT=$(OUT) test/bench/bench

install: all ## into DESTDIR and PREFIX
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 755 $(OUT)/weir $(DESTDIR)$(BINDIR)/weir
	$(INSTALL) -m 644 $(OUT)/libweir.a $(DESTDIR)$(LIBDIR)/libweir.a
	$(INSTALL) -m 755 $(OUT)/libweir.so $(DESTDIR)$(LIBDIR)/libweir.so.$(ABI)
	ln -sf libweir.so.$(ABI) $(DESTDIR)$(LIBDIR)/libweir.so
	$(INSTALL) -m 644 include/weir.h $(DESTDIR)$(INCLUDEDIR)/weir.h

uninstall: ## what install put there
	rm -f $(DESTDIR)$(BINDIR)/weir $(DESTDIR)$(LIBDIR)/libweir.a $(DESTDIR)$(LIBDIR)/libweir.so.$(ABI) \
	  $(DESTDIR)$(LIBDIR)/libweir.so $(DESTDIR)$(INCLUDEDIR)/weir.h

clean: ## remove build/
	rm -rf build

help: ## this list
	$(Q)sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20
