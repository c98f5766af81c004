#!/usr/bin/env bash
# The includes keep the directions between the parts, and some calls stand in one place only.
#
# The list of arrows is the one in src/README.md.  http/preload*, which `weir exec` loads into other programs, is beside it.  It reads text: what the compiler sees through a macro is beyond it.
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"

# Which parts may a part include, besides itself and weir.h?
allowed() { # PART
    case $1 in
    base) echo '' ;;
    policy | pool) echo base ;;
    http | json) echo base policy ;;
    core) echo base policy pool http ;;
    cli) echo json base ;;
    *) return 1 ;;
    esac
}

# The one part that may include a header from outside; nothing where any may.  A single file of the command hashes.
owner() { # HEADER FILE
    case $1 in
    openssl/evp.h) [ "$2" = src/cli/digest.c ] && echo cli || echo http ;;
    curl/* | openssl/*) echo http ;;
    cjson/* | cJSON.h) echo json ;;
    microhttpd.h) echo cli ;;
    esac
}

# Prints a file's violations among its #include lines.
includes() { # ROOT FILE
    local file=$2 part header owner
    part=${file#src/}
    part=${part%%/*}
    allowed "$part" >/dev/null || echo "$file: no part is called '$part'"
    while read -r header; do
        case $header in
        '"weir.h"') ;;
        \"http/preload*\")
            [[ $file == src/http/preload* ]] || echo "$file: what is loaded into other programs is no part of the library"
            ;;
        \"http/*\" | \"policy/*\")
            [[ $file != src/http/preload* ]] || echo "$file: what is loaded into other programs uses weir.h and base"
            ;;&
        \"*/*\")
            header=${header#\"}
            header=${header%%/*}
            case " $part $(allowed "$part") " in
            *" $header "*) ;;
            *) echo "$file: $part must not include $header" ;;
            esac
            ;;
        \"*) echo "$file: $header has no part before it" ;;
        *)
            header=${header#<}
            header=${header%>}
            owner=$(owner "$header" "$file")
            [ "${owner:-$part}" = "$part" ] || echo "$file: only $owner includes <$header>"
            case $part:$header in
            policy:time.h | policy:pthread.h | policy:stdio.h | policy:semaphore.h | policy:threads.h | policy:sys/time.h)
                echo "$file: policy is pure, without <$header>"
                ;;
            esac
            ;;
        esac
    done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*[>"]\).*/\1/p' "$1/$file")
}

# A file's text with neither comments nor strings, so that words in them do not count.
code_of() { # FILE
    gcc -fpreprocessed -dD -E -P "$1" 2>/dev/null | sed 's/"\([^"\\]\|\\.\)*"/""/g'
}

# Prints a file's calls of a function whose name matches, unless it is a field.
calls() { # ROOT FILE NAMES WHY
    code_of "$1/$2" | grep -oE "(^|[^A-Za-z0-9_.>])($3)[[:space:]]*\(" | grep -oE '[A-Za-z_0-9]+' | sort -u |
        while read -r name; do echo "$2: $name(): $4"; done
}

check_tree() { # ROOT
    local root=$1 file
    while read -r file; do
        includes "$root" "$file"
        case $file in
        src/base/clock.c) ;;
        *) calls "$root" "$file" 'clock_gettime|timespec_get|clock' 'only base/clock.c reads a clock' ;;
        esac
        calls "$root" "$file" 'gettimeofday|time|ftime' 'only base/clock.c reads a clock'
        case $file in
        src/cli/*) ;;
        src/*)
            case $file in
            src/http/preload*) calls "$root" "$file" 'v?printf|puts|putchar' "standard output is the program's" ;;
            *) calls "$root" "$file" 'v?f?printf|v?dprintf|puts|fputs|putchar|perror|psignal' 'the library does not print' ;;
            esac
            calls "$root" "$file" '_?exit|_Exit|quick_exit' 'the library does not exit'
            [ "$file" = src/base/process.c ] ||
                calls "$root" "$file" 'atexit|on_exit|at_quick_exit' 'only base/process.c is called at exit'
            calls "$root" "$file" 'signal|sigaction' 'the library leaves signals alone'
            ;;
        esac
        case $file in
        src/base/sync.c) ;;
        *) calls "$root" "$file" 'sem_(wait|timedwait|clockwait)' 'base/sync.c waits, in a way that checkers know' ;;
        esac
    done < <(cd "$root" && find src -name '*.[ch]' | sort)
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*//p' "$root"/include/*.h | grep -vxE '<std(bool|def|int)\.h>' |
        sed 's/^/include: more than the standard types: /'
}

# A check that cannot fail is none: each line is a file and a text in it that must be found.
self_test() {
    local file text missed=0
    while IFS='|' read -r file text; do
        rm -rf "$work/bad"
        mkdir -p "$work/bad/include" "$work/bad/src" "$work/bad/$(dirname "$file")"
        printf '#include <stdint.h>\n' >"$work/bad/include/weir.h"
        printf '%b\n' "$text" >"$work/bad/$file"
        check_tree "$work/bad" | grep -q . || { echo "passed unseen: $file: $text" && missed=1; }
    done <<'END'
src/base/a.c|#include "policy/a.h"
src/policy/a.c|#include "pool/a.h"
src/policy/a.c|#include <time.h>
src/policy/a.h|#  include <pthread.h>
src/policy/a.c|#include <stdio.h>
src/policy/a.c|#include <semaphore.h>
src/pool/a.c|#include "http/a.h"
src/http/a.c|#include "core/a.h"
src/json/a.c|#include "http/a.h"
src/core/a.c|#include "json/a.h"
src/cli/a.c|#include "core/a.h"
src/cli/a.c|#include "pool/a.h"
src/core/a.c|#include <curl/curl.h>
src/cli/a.c|#include <openssl/ssl.h>
src/cli/a.c|#include <openssl/evp.h>
src/cli/digest.c|#include <openssl/ssl.h>
src/json/digest.c|#include <openssl/evp.h>
src/cli/a.c|#include <cjson/cJSON.h>
src/core/a.c|#include <microhttpd.h>
src/other/a.c|#include "weir.h"
src/core/a.c|#include "a.h"
src/core/a.c|int64_t f(void)\n{\n    return clock_gettime(1, 0);\n}
src/cli/a.c|long f(void)\n{\n    return time(NULL);\n}
src/base/clock.c|void f(void)\n{\n    gettimeofday(0, 0);\n}
src/core/a.c|void f(void)\n{\n    printf("x");\n}
src/core/a.c|void f(void)\n{\n    fprintf(stderr, "x");\n}
src/json/a.c|void f(void)\n{\n    exit(1);\n}
src/http/a.c|void f(void)\n{\n    signal(13, SIG_IGN);\n}
src/core/a.c|void f(void)\n{\n    atexit(g);\n}
src/http/a.c|#include "http/preload.h"
src/http/preload.c|#include "http/easy.h"
src/http/preload.c|#include "policy/date.h"
src/http/preload_multi.c|void f(void)\n{\n    printf("x");\n}
src/http/preload.c|void f(void)\n{\n    exit(1);\n}
src/pool/a.c|void f(sem_t *s)\n{\n    sem_wait(s);\n}
include/b.h|#include <curl/curl.h>
END
    rm -rf "$work/good"
    mkdir -p "$work/good/include" "$work/good/src/"{base,core,http,cli}
    printf '#include <stdint.h>\n' >"$work/good/include/weir.h"
    printf '%s\n' '#include "core/a.h"' '#include "http/a.h"' '#include "weir.h"' '#include <time.h>' \
        '/* exit() and printf() and time() */' '#define TEXT "exit(1) time(0)"' \
        'void f(struct x *x) { x->exit(1); snprintf(a, 1, "x"); weir__time(1); }' >"$work/good/src/core/a.c"
    printf '#include "json/a.h"\n#include <microhttpd.h>\nvoid f(void) { printf("x"); exit(1); }\n' >"$work/good/src/cli/a.c"
    printf '#include <openssl/evp.h>\n' >"$work/good/src/cli/digest.c"
    printf 'void f(void) { atexit(g); }\n' >"$work/good/src/base/process.c"
    printf '#include "http/preload.h"\n#include "base/clock.h"\nvoid f(void) { dprintf(2, "x"); }\n' \
        >"$work/good/src/http/preload.c"
    check_tree "$work/good" | sed 's/^/wrongly refused: /' | grep . && missed=1
    return $missed
}

self_test >"$work/log"
result $? 'layers: the check finds what is planted'
check_tree . >"$work/log"
[ ! -s "$work/log" ] && [ -n "$(find src -name '*.c')" ]
result $? 'layers: the includes keep their directions'
finish
