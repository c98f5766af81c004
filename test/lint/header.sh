#!/usr/bin/env bash
# weir.h needs nothing before it and no extension of a compiler, in C and in C++.
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"

# Compiles a program that uses the header's macros, with everything that the compiler can say as an error.
compile() { # COMPILER STANDARD DIRECTORY
    cat >"$work/use.${2%%[0-9]*}" <<'END'
#include "weir.h"
#include "weir.h"
int main(void)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    request.job_id = options.queue_max + (uint64_t)WEIR_STRICT_PERIOD_MAX_NS + (uint64_t)WEIR_PERIOD_MAX_NS;
    return request.job_id == 0 || sizeof(WEIR_VERSION) == 1;
}
END
    "$1" -x "${2%%[0-9]*}" -std="$2" -I"$3" -Wall -Wextra -pedantic -Werror -fsyntax-only \
        "$work/use.${2%%[0-9]*}"
}

# Prints how many of the pairs of a compiler and a standard accept the header.
accepting() { # DIRECTORY
    local compiler standard count=0
    for compiler in gcc clang; do
        for standard in c99 c11 c17; do compile $compiler $standard "$1" && count=$((count + 1)); done
    done
    for compiler in g++ clang++; do
        for standard in c++11 c++14 c++17 c++20; do compile $compiler $standard "$1" && count=$((count + 1)); done
    done
    echo $count
}

mkdir "$work/bad"
sed '/#include <std/d' include/weir.h >"$work/bad/weir.h"
[ "$(accepting "$work/bad" 2>/dev/null)" -eq 0 ]
result $? 'header: the check refuses a header that lacks its includes'
[ "$(accepting include 2>"$work/log")" -eq 14 ]
result $? 'header: weir.h compiles alone as C99 to C17 and C++11 to C++20'
finish
