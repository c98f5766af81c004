# weir: `make` builds, `make demo` and `make test` are all a newcomer needs, `make help` lists the rest.
#
# build/ holds the command and the two libraries; build/obj/ mirrors src/ and test/.  Other modes (asan, tsan) have a
# tree of their own, build/MODE/.  CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX, DESTDIR and their kin are the user's.

CC       ?= gcc
CFLAGS   ?= -O2 -g
CXXFLAGS ?= -O2 -g
AR       ?= ar
INSTALL  ?= install
LDCONFIG ?= ldconfig
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
LIBDIR   ?= $(PREFIX)/lib
EXECDIR  ?= $(PREFIX)/lib/weir
INCLUDEDIR ?= $(PREFIX)/include
DATADIR  ?= $(PREFIX)/share
MANDIR   ?= $(DATADIR)/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR ?= $(LIBDIR)/cmake/weir
BASHDIR  ?= $(DATADIR)/bash-completion/completions
ZSHDIR   ?= $(DATADIR)/zsh/site-functions
DESTDIR  ?=
MODE     ?= release
RUNS     ?= 1000000
CHECKS   ?= test asan tsan lint layers symbols abi header valgrind fuzz torture
V        ?= 0

VERSION  := $(shell sed -n 's/^\#define WEIR_VERSION "\(.*\)"/\1/p' include/weir.h)
ABI      := $(firstword $(subst ., ,$(VERSION)))
OUT      := build$(if $(filter-out release,$(MODE)),/$(MODE))
Q        := $(if $(filter 1,$(V)),,@)
, := ,
from      = $(shell realpath -ms --relative-to='$(1)' '$(2)')
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
CMD_LIBS     := $(LIB_LIBS) -lmicrohttpd -lm
# What a shared object of ours leaves open is a mistake; a sanitizer's runtime may come with the program.
CLOSED       := $(if $(SANITIZE),,-Wl$(,)-z$(,)defs)
# Where `weir exec` looks for its library, seen from the command and from the root.
CMD_CPPFLAGS := -DWEIR_EXECDIR='"$(EXECDIR)"' -DWEIR_EXECDIR_FROM_BINDIR='"$(call from,$(BINDIR),$(EXECDIR))"'
# FORTIFY needs an optimising build: a user's -O0 would only earn a warning for each file.
ifneq ($(filter -O0 -Og,$(CFLAGS)),)
OUR_CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=3,$(OUR_CPPFLAGS))
endif

EXEC_SRC := $(sort $(wildcard src/http/preload*.c))
LIB_SRC  := $(filter-out $(EXEC_SRC),$(sort $(wildcard $(patsubst %,src/%/*.c,base policy pool http core json))))
CMD_SRC  := $(sort $(wildcard src/cli/*.c))
CURL_SRC := $(sort $(wildcard test/support/exec_*.c))
SUP_SRC  := $(filter-out $(CURL_SRC),$(sort $(wildcard test/support/*.c)))
UNIT_SRC := $(sort $(wildcard test/unit/*.c))
# What is compiled and run a second time, with the async engine as weir.h's default.
ASYNC_SRC := $(sort $(wildcard $(patsubst %,test/unit/test_%.c,core_* host_* http_cancel public_dispatcher public_limits)))
SIM_SRC  := $(sort $(wildcard test/sim/*.c))
SCOPE_SRC := $(sort $(wildcard test/scope/*.c))
STARVE_SRC := $(sort $(wildcard test/torture/starve*.c))
BENCH_SRC := $(sort $(wildcard test/bench/*.c))
EXAMPLE_C := $(sort $(wildcard test/examples/*.c))
EXAMPLE_CC := $(sort $(wildcard test/examples/*.cc))
FUZZ_SRC := $(sort $(wildcard test/fuzz/fuzz_*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/obj/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$(OUT)/obj/%.o)
SUP_OBJ  := $(SUP_SRC:%.c=$(OUT)/obj/%.o)
EXEC_OBJ := $(EXEC_SRC:%.c=$(OUT)/obj/%.o)
UNITS    := $(patsubst test/%.c,$(OUT)/test/%,$(UNIT_SRC) $(SIM_SRC) $(SCOPE_SRC)) $(ASYNC_SRC:test/unit/%.c=$(OUT)/test/async/%)
BASELINES := $(patsubst test/%.c,$(OUT)/test/%,$(filter %/bare.c %/bare_multi.c,$(BENCH_SRC)) $(CURL_SRC))
BENCHES  := $(filter-out $(BASELINES),$(BENCH_SRC:test/%.c=$(OUT)/test/%))
EXAMPLES := $(EXAMPLE_C:%.c=$(OUT)/%) $(EXAMPLE_CC:%.cc=$(OUT)/%)
PRODUCTS := $(patsubst %,$(OUT)/%,weir libweir.a libweir.so libweir-exec.so)
FUZZED   := $(patsubst %.c,$(OUT)/fuzz/obj/%.o,$(sort $(wildcard $(patsubst %,src/%/*.c,base policy json))))
FUZZERS  := $(FUZZ_SRC:test/fuzz/fuzz_%.c=$(OUT)/fuzz/%)
ALL_C    := $(LIB_SRC) $(EXEC_SRC) $(CMD_SRC) $(SUP_SRC) $(CURL_SRC) $(UNIT_SRC) $(SIM_SRC) $(SCOPE_SRC) $(BENCH_SRC) $(FUZZ_SRC) \
            $(EXAMPLE_C) $(sort $(wildcard test/torture/*.c test/install/*.c))
ALL_CC   := $(EXAMPLE_CC) $(sort $(wildcard test/install/*.cc))
ALL_H    := $(sort $(wildcard include/*.h src/*/*.h test/*/*.h))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps demo test units examples check asan tsan lint fmt bench fuzz torture layers symbols abi abi-update header \
        valgrind help install uninstall clean FORCE

all: $(PRODUCTS) ## build the command and the libraries

$(OUT)/weir: $(CMD_OBJ) $(OUT)/libweir.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(CMD_LIBS)

$(OUT)/libweir.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# A worker may still run when a host unloads what it was loaded with: so it stays (nodelete).
$(OUT)/libweir.so: $(LIB_OBJ) src/libweir.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(OUR_LDFLAGS) $(CLOSED) -shared -Wl,-soname,libweir.so.$(ABI) -Wl,-z,nodelete \
	  -Wl,--version-script=src/libweir.map $(LDFLAGS) -o $@ $(LIB_OBJ) $(LIB_LIBS)
	$(Q)ln -sf libweir.so $@.$(ABI)

# What `weir exec` puts before a program's libcurl, whichever that is: it is linked with none.
$(OUT)/libweir-exec.so: $(EXEC_OBJ) $(OUT)/libweir.a src/libweir-exec.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(OUR_LDFLAGS) $(CLOSED) -shared -Wl,--version-script=src/libweir-exec.map -Wl,--as-needed \
	  $(LDFLAGS) -o $@ $(EXEC_OBJ) $(OUT)/libweir.a

MORE_CPPFLAGS = $(if $(filter src/cli/%,$<),$(CMD_CPPFLAGS)) $(if $(filter test/%,$<),-Itest) \
                $(if $(findstring /async/,$@),-DWEIR_ENGINE_DEFAULT=WEIR_ENGINE_ASYNC)
COMPILE   = mkdir -p $(@D) && $(CC) $(OUR_CPPFLAGS) $(MORE_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(OUT)/obj/%.o: %.c $(OUT)/flags
	$(call say,CC,$<)
	$(Q)$(COMPILE)

$(OUT)/obj/test/async/%.o: test/unit/%.c $(OUT)/flags
	$(call say,CC,$@)
	$(Q)$(COMPILE)

# The command without its main(), for tests of its parts.
$(OUT)/obj/test/command.a: $(filter-out %/main.o,$(CMD_OBJ)) $(SUP_OBJ)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(UNITS): $(OUT)/test/%: $(OUT)/obj/test/%.o $(OUT)/obj/test/command.a $(OUT)/libweir.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(CMD_LIBS) -lcmocka

$(BENCHES): $(OUT)/test/%: $(OUT)/obj/test/%.o $(OUT)/libweir.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

# A baseline has nothing of weir in it, nor has a program that `weir exec` is shown with.
$(BASELINES): $(OUT)/test/%: $(OUT)/obj/test/%.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -lcurl

# As a user of the library would build them: from weir.h and libweir.so alone.
EXAMPLE_WARN := -Iinclude -Wall -Wextra -Wpedantic -Werror -pthread
EXAMPLE_LIBS  = -pthread -L$(OUT) -lweir -Wl,-rpath,'$$ORIGIN/../..' -Wl,--as-needed -lcurl
$(EXAMPLE_C:%.c=$(OUT)/%): $(OUT)/%: %.c include/weir.h $(OUT)/libweir.so $(OUT)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=c99 $(EXAMPLE_WARN) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $< $(EXAMPLE_LIBS)
$(EXAMPLE_CC:%.cc=$(OUT)/%): $(OUT)/%: %.cc include/weir.h $(OUT)/libweir.so $(OUT)/flags
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D) && $(CXX) -std=c++11 $(EXAMPLE_WARN) $(CPPFLAGS) $(CXXFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $< $(EXAMPLE_LIBS)

# Whatever starve.c defines as __wrap_NAME, or as WRAPPED(type, NAME, ...), takes the place of NAME.
STARVED   = $(shell grep -ohE '\b__wrap_[a-z0-9_]+|^WRAPPED.[^,]*, [a-z0-9_]+' $(STARVE_SRC) | sed 's/^__wrap_//; s/^WRAPPED.*, //; s/^/-Wl,--wrap=/' | sort -u)
$(OUT)/test/torture/starve: $(STARVE_SRC:%.c=$(OUT)/obj/%.o) $(OUT)/obj/test/command.a $(OUT)/libweir.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(OUR_LDFLAGS) -pie $(STARVED) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(CMD_LIBS) -lcmocka

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

# Objects are made anew when the compiler or a flag changes; but not by `make install`, which takes what is there.
KEEP     := $(if $(filter-out install,$(MAKECMDGOALS)),,$(if $(filter install,$(MAKECMDGOALS)),$(wildcard $(OUT)/flags)))
$(OUT)/flags: $(if $(KEEP),,FORCE)
	$(Q)mkdir -p $(@D) && echo '$(CC) $(CPPFLAGS) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
	  echo '$(CC) $(CPPFLAGS) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) $(LDFLAGS)' > $@

-include $(patsubst %.c,$(OUT)/obj/%.d,$(ALL_C)) $(ASYNC_SRC:test/unit/%.c=$(OUT)/obj/test/async/%.d) $(FUZZED:.o=.d) $(FUZZ_SRC:%.c=$(OUT)/fuzz/obj/%.d)

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

units: $(UNITS) $(BENCHES) $(BASELINES) $(if $(STARVE_SRC),$(OUT)/test/torture/starve) examples
	@:

examples: $(EXAMPLES) ## build test/examples, which show the library's use
	@:

check: ## everything: test, asan, tsan, lint, layers, symbols, abi, header, valgrind, fuzz, torture
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

lint: all ## gcc and clang without a warning, clang-tidy, cppcheck, shellcheck, formatting; manual and completions
	$(Q)export LINT_FLAGS='$(OUR_CPPFLAGS) $(subst ',,$(CMD_CPPFLAGS)) -std=c11 -pthread $(WARN)'; failed=0; \
	test/lint/lint.sh $(ALL_C) $(ALL_CC) -- $(ALL_H) || failed=1; \
	test/lint/man.sh $(OUT) || failed=1; test/lint/completion.sh $(OUT) || failed=1; exit $$failed

fuzz: ## what reads headers, JSON, job lines and journals, on RUNS generated inputs for each reader
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) $(FUZZERS)
	$(Q)OUT=$(OUT) RUNS=$(RUNS) test/fuzz/run $(notdir $(FUZZERS))

layers: ## the includes keep the directions between the parts
	$(Q)test/lint/layers.sh

symbols: all ## the libraries export what they should, and keep no variables of their own
	$(Q)failed=0; test/lint/symbols.sh $(OUT) || failed=1; test/lint/globals.sh $(OUT) || failed=1; exit $$failed

abi: all ## libweir.so still fits the programs that were built for it (test/data/libweir.abi)
	$(Q)test/lint/abi.sh $(OUT)

abi-update: $(OUT)/libweir.so ## take the library's types and functions as they are now for that
	$(Q)test/lint/abi.sh --update $(OUT)

header: ## weir.h alone compiles as C99 to C17 and C++11 to C++20
	$(Q)test/lint/header.sh

fmt: ## format every source file
	$(Q)clang-format -i $(ALL_C) $(ALL_CC) $(ALL_H)

# Each counts its own results.
torture: all $(if $(STARVE_SRC),$(OUT)/test/torture/starve) ## batches and scopes killed 1,000 times, disks and allocations that fail; takes minutes
	$(Q)failed=; for part in test/torture/run $(wildcard test/torture/starve test/scope/run); do \
	  OUT=$(OUT) $$part $(TORTURE) || failed="$$failed $$part"; done; [ -z "$$failed" ]

bench: ## weir beside a bare libcurl loop, in turns; takes some minutes
	$(Q).ci/deps build test
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all units
	$(Q)OUT=$(OUT) test/bench/bench

# What is installed: mode, from where, to where.  In what ends in .in, @NAME@s are filled in.  Links: what they name, where.
INSTALLED = 755:$(OUT)/weir:$(BINDIR)/weir \
            644:$(OUT)/libweir.a:$(LIBDIR)/libweir.a \
            755:$(OUT)/libweir.so:$(LIBDIR)/libweir.so.$(VERSION) \
            755:$(OUT)/libweir-exec.so:$(EXECDIR)/libweir-exec.so \
            644:include/weir.h:$(INCLUDEDIR)/weir.h \
            644:src/weir.pc.in:$(PKGCONFIGDIR)/weir.pc \
            644:src/weirConfig.cmake.in:$(CMAKEDIR)/weirConfig.cmake \
            644:src/weirConfigVersion.cmake.in:$(CMAKEDIR)/weirConfigVersion.cmake \
            644:src/cli/weir.1:$(MANDIR)/man1/weir.1 \
            644:include/weir.3:$(MANDIR)/man3/weir.3 \
            644:conf/weir.conf.5:$(MANDIR)/man5/weir.conf.5 \
            644:src/cli/weir.bash:$(BASHDIR)/weir \
            644:src/cli/_weir:$(ZSHDIR)/_weir
FUNCTIONS = $(shell sed -n '/^WEIR_EXPORT/s/.*[ *]\(weir_[a-z0-9_]*\)\x28.*/\1/p' include/weir.h)
INSTALLED_LINKS = libweir.so.$(VERSION):$(LIBDIR)/libweir.so.$(ABI) libweir.so.$(ABI):$(LIBDIR)/libweir.so \
            $(FUNCTIONS:%=weir.3:$(MANDIR)/man3/%.3)
fill      = -e 's|@$(1)@|$(2)|'
in_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
FILLED    = $(call fill,VERSION,$(VERSION)) $(call fill,ABI,$(ABI)) $(call fill,PREFIX,$(PREFIX)) $(call fill,LIBDIR,$(call in_prefix,$(LIBDIR))) \
            $(call fill,INCLUDEDIR,$(call in_prefix,$(INCLUDEDIR))) \
            $(call fill,CMAKEDIR_TO_LIBDIR,$(call from,$(CMAKEDIR),$(LIBDIR))) \
            $(call fill,CMAKEDIR_TO_INCLUDEDIR,$(call from,$(CMAKEDIR),$(INCLUDEDIR)))

# Programs find a new library by the system's cache, which only root can renew, and which has nothing of a DESTDIR.
REFRESH   = $(if $(DESTDIR),:,[ "$$(id -u)" -ne 0 ] || $(LDCONFIG) || true)

# Often it is another user's, whose flags are others: so it makes nothing anew where something is there.
install: $(if $(KEEP),,all) ## what is built, into DESTDIR and PREFIX
	$(Q)$(MAKE) -q --no-print-directory KEEP=1 all || { echo 'install: $(OUT) is not up to date: make, then try again' >&2; exit 1; }
	$(Q)set -e; for each in $(INSTALLED); do \
	  mode=$${each%%:*} from=$${each#*:} to='$(DESTDIR)'$${each##*:}; from=$${from%:*}; \
	  printf '  INST  %s\n' "$$to"; $(INSTALL) -d "$${to%/*}"; case $$from in \
	  *.in) sed $(FILLED) $$from | $(INSTALL) -m $$mode /dev/stdin "$$to" ;; \
	  *) $(INSTALL) -m $$mode $$from "$$to" ;; esac; done; \
	for each in $(INSTALLED_LINKS); do ln -sf "$${each%%:*}" '$(DESTDIR)'"$${each#*:}"; done
	$(Q)$(REFRESH)

uninstall: ## what install put there, with the same DESTDIR and PREFIX
	$(Q)for each in $(INSTALLED) $(INSTALLED_LINKS); do rm -f '$(DESTDIR)'"$${each##*:}"; done
	$(Q)for each in '$(DESTDIR)$(EXECDIR)' '$(DESTDIR)$(CMAKEDIR)'; do \
	  [ ! -d "$$each" ] || rmdir --ignore-fail-on-non-empty "$$each"; done
	$(Q)$(REFRESH)

clean: ## remove build/
	rm -rf build

help: ## this list
	$(Q)sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20
