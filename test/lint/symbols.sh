#!/usr/bin/env bash
# The shared library exports what weir.h declares and nothing else; the static one adds only weir_ names to a program;
# what `weir exec` loads into others has libcurl's names and needs none of its libraries.
# Usage: test/lint/symbols.sh OUT
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"
out=${1:?usage: symbols.sh OUT}

exported() { nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sort -u; } # with @@VERSION
globals() { nm -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u; }
declared() { grep -ohE '\bweir_[a-z0-9_]+\(' "$1" | tr -d '(' | sort -u; }

# Prints how a shared library's exports differ from the functions that a header marks for export.
check_shared() { # LIBRARY HEADER
    exported "$1" >"$work/versioned"
    grep -v '@@WEIR_0$' "$work/versioned" | sed 's/$/: exported without the version WEIR_0/'
    sed 's/@.*//' "$work/versioned" >"$work/exported"
    grep '^WEIR_EXPORT' "$2" >"$work/marked"
    declared "$work/marked" >"$work/declared"
    [ -s "$work/exported" ] || echo "$1 exports nothing"
    readelf -dW "$1" >"$work/dynamic"
    grep -q 'SONAME.*\[libweir\.so\.0\]' "$work/dynamic" || echo "$1 has another soname than libweir.so.0"
    grep -q 'FLAGS_1.*NODELETE' "$work/dynamic" || echo "$1 can be unloaded under a worker"
    comm -23 "$work/exported" "$work/declared" | sed 's/^/exported, but not in the header: /'
    comm -13 "$work/exported" "$work/declared" | sed 's/^/in the header, but not exported: /'
}

check_static() { # LIBRARY
    globals "$1" >"$work/globals"
    [ -s "$work/globals" ] || echo "$1 has no symbols"
    grep -v '^weir_' "$work/globals" | sed 's/^/outside the name space: /'
}

# Its names have no version, so that they take the place of any libcurl's; what it calls itself is in it.
check_preloaded() { # LIBRARY
    exported "$1" >"$work/exported"
    grep -q '^curl_easy_perform$' "$work/exported" || echo "$1 does not export curl_easy_perform"
    grep -vxE 'curl_[a-z_]+|dlopen' "$work/exported" | sed 's/^/exported, but neither curl_* nor dlopen: /'
    nm -D --undefined-only "$1" | grep -oE '\b(curl_|SSL_|cJSON_|weir_).*' | sed 's/^/wants from outside: /'
    readelf -dW "$1" | grep -oE 'NEEDED.*lib(curl|ssl|crypto|cjson|weir).*' | sed 's/^/is linked with: /'
}

self_test() {
    local missed=0
    printf 'WEIR_EXPORT int weir_a(void);\nWEIR_EXPORT int weir_b(void);\n' >"$work/a.h"
    printf 'int weir_a(void) { return 0; }\nint stray(void) { return 0; }\n' >"$work/a.c"
    gcc -shared -fPIC -o "$work/a.so" "$work/a.c" && gcc -c -o "$work/a.o" "$work/a.c" && ar rcs "$work/a.a" "$work/a.o" ||
        return 1
    printf 'int curl_easy_init(void);\nint curl_easy_perform(void) { return curl_easy_init(); }\n' >"$work/b.c"
    printf 'V { global: *; };\n' >"$work/b.map"
    gcc -shared -fPIC -Wl,--version-script="$work/b.map" -Wl,--no-as-needed -o "$work/b.so" "$work/b.c" -lcurl || return 1
    [ "$(check_shared "$work/a.so" "$work/a.h" | grep -cE 'stray$|: weir_b|weir_a: .*version|soname|unloaded')" -eq 5 ] ||
        missed=1
    [ "$(check_preloaded "$work/a.so" | grep -cE 'not export|stray')" -eq 2 ] || missed=1
    [ "$(check_preloaded "$work/b.so" | grep -cE 'perform@@V$|curl_easy_init|libcurl')" -eq 3 ] || missed=1
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
check_preloaded "$out/libweir-exec.so" >"$work/log" 2>&1
[ ! -s "$work/log" ]
result $? "symbols: libweir-exec.so exports libcurl's names alone, and is linked with none of its libraries"
finish
