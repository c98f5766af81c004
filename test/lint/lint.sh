#!/usr/bin/env bash
# Every tool that reads source: the compilers' warnings as errors, clang-tidy, cppcheck, shellcheck, clang-format.
# Usage: LINT_FLAGS='...' test/lint/lint.sh FILE.c ... FILE.cc ... -- FILE.h ...
#
# A tool is one test, and is first shown a file with a fault that it must find.
# shellcheck disable=SC2317 # part() calls the with_ functions by name
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"

flags=${LINT_FLAGS:--Isrc -Iinclude -D_GNU_SOURCE -std=c11 -pthread -Wall -Wextra}
cxx_flags='-Iinclude -std=c++11 -pthread -Wall -Wextra -Wpedantic -Wconversion -Wshadow' # as outside programs are built
sources=()
cxx=()
headers=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
    *.cc) cxx+=("$1") ;;
    *) sources+=("$1") ;;
    esac
    shift
done
[ $# -eq 0 ] || shift
headers=("$@")
mapfile -t scripts < <(grep -rlE '^(#!.*\b(ba)?sh|# shellcheck shell=bash)$' .ci src test conf 2>/dev/null | sort)
mapfile -t python < <(grep -rlE '^#!.*\bpython3$' .ci test conf 2>/dev/null | sort)

# Runs a command once for each file, two at a time; what they say is not mixed up.
each() { # COMMAND... -- FILE...
    local command=()
    while [ "$1" != -- ]; do command+=("$1") && shift; done
    shift
    [ $# -gt 0 ] || return 0
    # shellcheck disable=SC2016 # expanded by the inner shell
    printf '%s\0' "$@" | xargs -0 -P 2 -I '{}' bash -c \
        'said=$("${@:2}" "$1" 2>&1) || { printf "%s\n" "$said"; exit 1; }' each '{}' "${command[@]}"
}

# shellcheck disable=SC2086 # the flags are to be split
with_gcc() { each gcc $flags -Itest -O2 -Werror -c -o /dev/null -- "$@"; } # some warnings need the optimiser
# shellcheck disable=SC2086
with_clang() { each clang $flags -Itest -O2 -Werror -fsyntax-only -- "$@"; }
# shellcheck disable=SC2086
with_gxx() { each g++ $cxx_flags -O2 -Werror -c -o /dev/null -- "$@"; }
# shellcheck disable=SC2086
with_clangxx() { each clang++ $cxx_flags -O2 -Werror -fsyntax-only -- "$@"; }
tidy_one() { # without the paths that led there, which are long
    # shellcheck disable=SC2086
    ! clang-tidy --quiet "$1" -- $flags -Itest 2>&1 | grep -E ': (error|warning): '
}
export flags
export -f tidy_one
# shellcheck disable=SC2016 # expanded by the inner shell
with_clang_tidy() { each bash -c 'tidy_one "$0"' -- "$@"; }
with_cppcheck() {
    cppcheck -j 2 --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet \
        --suppress=missingIncludeSystem --suppress=unmatchedSuppression -Isrc -Iinclude -Itest -D_GNU_SOURCE "$@"
}
with_shellcheck() { shellcheck -x "$@"; }
with_python() { each python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' -- "$@"; }
with_clang_format() { clang-format --dry-run -Werror "$@"; }

# The tool must find the fault in BAD, and none in the files.
part() { # NAME BAD FILE...
    local name=$1 bad=$2
    shift 2
    if [ $# -eq 0 ]; then
        echo "no file for $name" >"$work/log"
        result 1 "lint: $name"
        return
    fi
    if "with_$name" "$bad" >/dev/null 2>&1; then
        echo "$name found no fault in a file that has one" >"$work/log"
        result 1 "lint: $name"
        return
    fi
    "with_$name" "$@" >"$work/log" 2>&1
    result $? "lint: $name, $# files"
}

cp .clang-format .clang-tidy "$work"
printf 'static int unused(void)\n{\n    return 1;\n}\n' >"$work/unused.c"
printf 'int f(int a);\nint f(int a)\n{\n    int *p = 0;\n    if (a)\n        return *p;\n    return 0;\n}\n' >"$work/null.c"
printf 'static int unused(void)\n{\n    return 1;\n}\n' >"$work/unused.cc"
printf 'int  f( void );\n' >"$work/format.h"
# shellcheck disable=SC2016 # the fault to be found
printf '#!/bin/sh\nrm $1\n' >"$work/split.sh"
printf 'def f(:\n' >"$work/broken.py"

part gcc "$work/unused.c" ${sources[@]+"${sources[@]}"}
part clang "$work/unused.c" ${sources[@]+"${sources[@]}"}
part gxx "$work/unused.cc" ${cxx[@]+"${cxx[@]}"}
part clangxx "$work/unused.cc" ${cxx[@]+"${cxx[@]}"}
part clang_tidy "$work/null.c" ${sources[@]+"${sources[@]}"}
part cppcheck "$work/null.c" ${sources[@]+"${sources[@]}"}
part shellcheck "$work/split.sh" "${scripts[@]}"
part python "$work/broken.py" "${python[@]}"
part clang_format "$work/format.h" ${sources[@]+"${sources[@]}"} ${cxx[@]+"${cxx[@]}"} ${headers[@]+"${headers[@]}"}
finish
