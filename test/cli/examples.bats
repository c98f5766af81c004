#!/usr/bin/env bats
# test/examples: each does what it shows, against a server that refuses what is more than 100 in any second.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    out=$BATS_TEST_TMPDIR/stdout
    err=$BATS_TEST_TMPDIR/stderr
    target_pid=''
    example_pid=''
    examples=$(dirname "$weir")/test/examples
}

teardown() {
    [ -z "$example_pid" ] || { kill -KILL "$example_pid" 2>/dev/null && wait "$example_pid" 2>/dev/null; }
    stop_target
}

# example NAME ARGUMENTS: exit code in $code, what it says in $said.
example() {
    code=0
    timeout 30 "$examples/$1" "${@:2}" >"$out" 2>"$err" || code=$?
    said=$(cat "$out" "$err")
    echo "$said"
}

# Every request of an example was answered, and the limit was kept as the server counts.
nothing_was_refused() { # REQUESTS
    is "$(stats statuses)" "{\"200\": $1}"
    is "$(stats refused)" 0
    [ "$(stats worst_window)" -le 100 ]
}

@test "batch: 200 requests keep to the limit, and the figures say so" {
    start_target --limit 100/s --latency 5ms
    example batch "$URL/"
    is "$code" 0
    has "$said" "200 of 200 succeeded, 0 refused, worst second "
    is "$(wc -l <"$out")" 1
    nothing_was_refused 200
    [ "${said##* }" -le 100 ]
    [ "$(stats peak_in_flight)" -le 10 ]
}

@test "service: a full queue turns away, and what was accepted is carried out after SIGTERM" {
    start_target --limit 100/s --latency 5ms
    "$examples/service" "$URL/" >"$out" 2>"$err" 3>&- &
    example_pid=$!
    arrived() { [ "$(stats arrivals)" -ge 100 ]; }
    wait_for 10 arrived
    kill -TERM "$example_pid"
    wait_for 10 gone "$example_pid"
    code=0
    wait "$example_pid" || code=$?
    example_pid=''
    said=$(cat "$out" "$err")
    echo "$said"
    is "$code" 0
    is "$(wc -l <"$out")" 1
    [[ "$said" =~ ^([0-9]+)\ accepted,\ ([0-9]+)\ succeeded,\ 0\ too\ late,\ ([0-9]+)\ turned\ away\;\ drain:\ ok$ ]]
    is "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
    [ "${BASH_REMATCH[3]}" -gt 0 ]
    [ "${BASH_REMATCH[1]}" -ge 100 ]
    nothing_was_refused "${BASH_REMATCH[1]}"
}

@test "limits: three marked lines keep a loop of curl_easy_perform within both limits" {
    is "$(grep -cE 'weir: [123] of 3' "$BATS_TEST_DIRNAME/../examples/limits.c")" 3
    start_target --limit 100/s --latency 60ms
    example limits "$URL/"
    is "$code" 0
    is "$said" "200 of 200 answered, at most 4 at a time, 0 refused"
    nothing_was_refused 200
    [ "$(stats peak_in_flight)" -le 4 ]
}

@test "limits: what a server refuses that allows less goes again, after the wait that it names" {
    start_target --limit 60/s --latency 5ms --headers retry-after
    example limits "$URL/"
    is "$code" 0
    has "$said" "200 of 200 answered"
    refused=$(stats refused)
    echo "refused: $refused"
    [ "$refused" -gt 0 ]
    [ "$refused" -le 50 ]
    is "$(stats statuses)" "{\"200\": 200, \"429\": $refused}"
    has "$said" ", $refused refused"
}

@test "limits: a request that never left is no answer, and the program ends" {
    example limits http://127.0.0.1:1/
    is "$code" 1
    has "$said" "0 of 200 answered"
}

@test "epoll: all results come through the file descriptor" {
    start_target --limit 100/s --latency 5ms
    example epoll "$URL/"
    is "$code" 0
    [[ "$said" =~ ^200\ of\ 200\ succeeded,\ in\ ([0-9]+)\ turns\ of\ the\ loop$ ]]
    [ "${BASH_REMATCH[1]}" -le 200 ] # a descriptor that polls as readable without a result would turn it for nothing
    nothing_was_refused 200
    [ "$(stats peak_in_flight)" -le 20 ]
}

@test "raii: the lambda is called for each, and the handle frees itself" {
    start_target --limit 100/s --latency 5ms
    example raii "$URL/"
    is "$code" 0
    is "$said" "200 of 200 succeeded"
    nothing_was_refused 200
}

@test "batch, epoll: what did not succeed is told, and exit code 1" {
    start_target --limit 100/s --fail 404:10%
    for name in batch epoll; do
        example $name "$URL/"
        is "$code" 1
        lacks "$said" "200 of 200 succeeded"
        has "$(cat "$err")" "http_status"
        is "$((200 - $(wc -l <"$err")))" "$(cut -d ' ' -f 1 "$out")"
    done
}

@test "without a URL they say so with exit code 2" {
    for name in batch service limits epoll raii; do
        example $name
        is "$code" 2
    done
}

@test "they compile without a warning as C99 and C++11, against weir.h alone" {
    mkdir "$BATS_TEST_TMPDIR/include"
    cp "$BATS_TEST_DIRNAME/../../include/weir.h" "$BATS_TEST_TMPDIR/include"
    flags=(-I"$BATS_TEST_TMPDIR/include" -Wall -Wextra -Wpedantic -Werror -O2 -c -o /dev/null)
    for file in "$BATS_TEST_DIRNAME"/../examples/*.c; do
        for standard in c99 c11; do "${CC:-cc}" -std=$standard "${flags[@]}" "$file"; done
    done
    if command -v "${CXX:-g++}"; then "${CXX:-g++}" -std=c++11 "${flags[@]}" "$BATS_TEST_DIRNAME/../examples/raii.cc"; fi
}
