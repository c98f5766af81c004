#!/usr/bin/env bash
# The types and functions of libweir.so are those of test/data/libweir.abi, or more functions.
# Usage: test/lint/abi.sh OUT; test/lint/abi.sh --update OUT
#
# The dump has what the exported functions reach and nothing of the machine that it was made on.  Every change that a
# program built before could notice fails here; one that is meant is renewed with `make abi-update`.
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"
dump=test/data/libweir.abi

# Writes what a library offers, as XML.  The library is compiled with -g.
describe() { # LIBRARY HEADERS DUMP
    if ! readelf -SW "$1" | grep -q '\.debug_info'; then
        echo "$1 was built without -g, which is where its types are"
        return 1
    fi
    abidw --headers-dir "$2" --drop-private-types --exported-interfaces-only --no-show-locs --no-corpus-path \
        --no-comp-dir-path --no-architecture --no-elf-needed --no-parameter-names --type-id-style hash \
        --out-file "$3" "$1"
}

# Says what changed from one dump to another; added functions are no change.
compare() { # OLD NEW
    abidiff --no-added-syms "$1" "$2"
}

# Each line is a header and a library; all but the last one's difference from the first must be noticed.
self_test() {
    local header function missed=0 count=0
    mkdir "$work/h"
    while IFS='|' read -r header function; do
        count=$((count + 1))
        printf '#include <stdint.h>\n%b\n' "$header" >"$work/h/a.h"
        printf '#include "a.h"\n%b\n' "$function" >"$work/a.c"
        gcc -g -shared -fPIC -I"$work/h" -o "$work/a$count.so" "$work/a.c" || return 1
        describe "$work/a$count.so" "$work/h" "$work/a$count.abi" || return 1
    done <<'END'
struct s { int32_t a; int32_t b; };\nint f(struct s *s);|int f(struct s *s) { return s->b; }
struct s { int32_t b; int32_t a; };\nint f(struct s *s);|int f(struct s *s) { return s->b; }
struct s { int32_t a; int64_t b; };\nint f(struct s *s);|int f(struct s *s) { return (int)s->b; }
struct s { int32_t a; int32_t b; int32_t c; };\nint f(struct s *s);|int f(struct s *s) { return s->b; }
struct s { int32_t a; int32_t b; };\nint f(struct s *s, int a);|int f(struct s *s, int a) { return s->b + a; }
struct s { int32_t a; int32_t b; };\nint g(struct s *s);|int g(struct s *s) { return s->b; }
struct s { int32_t a; int32_t b; };\nint f(struct s *s);\nint g(void);|int f(struct s *s) { return s->b; }\nint g(void) { return 1; }
END
    for ((i = 2; i < count; i++)); do
        if compare "$work/a1.abi" "$work/a$i.abi" >/dev/null; then echo "passed unseen: change $((i - 1))" && missed=1; fi
    done
    compare "$work/a1.abi" "$work/a$count.abi" || missed=1
    return $missed
}

if [ "${1:-}" = --update ]; then
    describe "${2:?usage: abi.sh --update OUT}/libweir.so" include "$work/new.abi" && cat "$work/new.abi" >"$dump"
    exit
fi
out=${1:?usage: abi.sh OUT}

self_test >"$work/log" 2>&1
result $? 'abi: the check finds what is planted'
describe "$out/libweir.so" include "$work/now.abi" >"$work/log" 2>&1 && [ -s "$dump" ] &&
    compare "$dump" "$work/now.abi" >"$work/log" 2>&1
status=$?
[ $status -eq 0 ] || echo 'If the change is meant: make abi-update' >>"$work/log"
result $status "abi: libweir.so fits programs that were built for $dump"
! grep -nE "$PWD|/(home|root|tmp|usr)/" "$dump" >"$work/log"
result $? "abi: $dump names no path of a machine"
finish
