#!/usr/bin/env bash
# The shared library exports what weir.h declares and nothing else; the static one adds only weir__ names to a program.
# Usage: test/lint/symbols.sh OUT
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"
out=${1:?usage: symbols.sh OUT}

exported() { nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sort -u; }
globals() { nm -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u; }
declared() { grep -ohE '\bweir_[a-z0-9_]+\(' "$1" | tr -d '(' | sort -u; }

# Prints how a shared library's exports differ from the functions that a header marks for export.
check_shared() { # LIBRARY HEADER
    exported "$1" >"$work/exported"
    grep '^WEIR_EXPORT' "$2" >"$work/marked"
    declared "$work/marked" >"$work/declared"
    [ -s "$work/exported" ] || echo "$1 exports nothing"
    comm -23 "$work/exported" "$work/declared" | sed 's/^/exported, but not in the header: /'
    comm -13 "$work/exported" "$work/declared" | sed 's/^/in the header, but not exported: /'
}

check_static() { # LIBRARY
    globals "$1" >"$work/globals"
    [ -s "$work/globals" ] || echo "$1 has no symbols"
    grep -v '^weir_' "$work/globals" | sed 's/^/outside the name space: /'
}

self_test() {
    local missed=0
    printf 'WEIR_EXPORT int weir_a(void);\nWEIR_EXPORT int weir_b(void);\n' >"$work/a.h"
    printf 'int weir_a(void) { return 0; }\nint stray(void) { return 0; }\n' >"$work/a.c"
    gcc -shared -fPIC -o "$work/a.so" "$work/a.c" && gcc -c -o "$work/a.o" "$work/a.c" && ar rcs "$work/a.a" "$work/a.o" ||
        return 1
    [ "$(check_shared "$work/a.so" "$work/a.h" | grep -cE 'stray|weir_b')" -eq 2 ] || missed=1
    [ "$(check_static "$work/a.a" | grep -c stray)" -eq 1 ] || missed=1
    return $missed
}

self_test 2>"$work/log"
result $? 'symbols: the check finds what is planted'
check_shared "$out/libweir.so" include/weir.h >"$work/log" 2>&1
[ ! -s "$work/log" ]
result $? 'symbols: libweir.so exports what weir.h declares'
check_static "$out/libweir.a" >"$work/log" 2>&1
[ ! -s "$work/log" ]
result $? 'symbols: libweir.a keeps to weir_'
finish
