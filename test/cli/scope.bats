#!/usr/bin/env bats
# Limits that runs share by a scope: its name, what is said of it, and that several keep one limit.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    err=$BATS_TEST_TMPDIR/stderr
    json=$BATS_TEST_TMPDIR/summary.json
    conf=$BATS_TEST_TMPDIR/conf.json
    name=test.$$.$BATS_TEST_NUMBER
    scope=host:$name
    run_pid=
    target_pid=
}

teardown() {
    [ -z "$run_pid" ] || { kill -9 "$run_pid" 2>/dev/null && wait "$run_pid" 2>/dev/null; }
    stop_target
    rm -f "/dev/shm/weir.$name"
}

# run_weir ARGUMENTS: a run to its end, within 20 s; the code is in $code.
run_weir() {
    code=0
    timeout 20 "$weir" run "$@" --json >"$json" 2>"$err" 3>&- || code=$?
}

# arrived N: the target has seen so many requests.
arrived() {
    [ "$(stats arrivals)" -ge "$1" ]
}

# bats test_tags=any_engine
@test "the help of run and check names the option" {
    for command in run check; do
        run "$weir" $command --help
        is "$status" 0
        has "$output" "--scope host:NAME"
    done
}

# bats test_tags=any_engine
@test "a name that is none is refused with what would be one, and nothing is sent or made" {
    start_target
    for bad in host: host:.hidden host:.. host:a/b host:../a "host:$name b" hots:a api '' \
        host:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX; do
        run_weir -u "$URL/" -n 1 --scope "$bad"
        echo "$bad: $(cat "$err")"
        is "$code" 2
        is "$(wc -l <"$err")" 2
        has "$(cat "$err")" '--scope: scope: expected "process" or "host:NAME"'
        has "$(cat "$err")" "1 mistake in the configuration; nothing was sent"
    done
    echo "{\"url\": \"$URL/\", \"total\": 1, \"scope\": \"host:a/b\"}" >"$conf"
    run_weir "$conf"
    cat "$err"
    is "$code" 2
    has "$(cat "$err")" "conf.json:1: scope: expected"
    run_weir -u "$URL/" -n 1 --scop "$scope"
    is "$code" 2
    has "$(cat "$err")" "unknown option --scop (did you mean --scope?)"
    is "$(stats arrivals)" 0
    for file in .hidden "$name b" 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX; do
        [ ! -e "/dev/shm/weir.$file" ]
    done
}

# bats test_tags=any_engine
@test "check and a dry run look at the name alone" {
    run --separate-stderr "$weir" check --scope "$scope" -u http://127.0.0.1:1/ -n 1 -r 5/s
    is "$status" 0
    has "$output" "\"scope\": \"$scope\""
    run "$weir" run --scope "$scope" -u http://127.0.0.1:1/ -n 1 -r 5/s --dry-run
    echo "$output"
    is "$status" 0
    [ ! -e "/dev/shm/weir.$name" ]
}

@test "a run's summary says the scope to people, and to programs what it always said" {
    start_target
    run_weir -u "$URL/" -n 3
    is "$code" 0
    lacks "$(cat "$err")" "  scope "
    keys=$(summary "[list(s), [list(l) for l in s['limits']]]")
    run_weir -u "$URL/" -n 3 --scope process
    is "$code" 0
    lacks "$(cat "$err")" "  scope "
    run_weir -u "$URL/" -n 3 --scope "$scope"
    cat "$err"
    is "$code" 0
    has "$(cat "$err")" "  scope        $scope: worst windows are of all who share its limits"
    is "$(summary "[list(s), [list(l) for l in s['limits']]]")" "$keys"
    is "$(stat -c %a "/dev/shm/weir.$name")" 600
}

@test "two runs at once keep one limit together" {
    start_target --limit 50/s
    begin -u "$URL/a" -n 75 -r 50/s --scope "$scope" --quiet
    other=$BATS_TEST_TMPDIR/other.json
    code=0
    timeout 20 "$weir" run -u "$URL/b" -n 75 -r 50/s --scope "$scope" --json --quiet >"$other" 2>&1 3>&- || code=$?
    cat "$other"
    is "$code" 0
    finish
    cat "$json" "$err"
    is "$code" 0
    is "$(stats arrivals)" 150
    is "$(stats refused)" 0
    is "$(summary "s['succeeded'], s['statuses'], max(l['worst_window'] for l in s['limits'][1:]) <= 50")" \
        "(75, {'200': 75}, True)"
    # both were there at the same time: alone, it would have taken 1.5 s
    is "$(summary "s['elapsed_s'] > 1.9")" True
}

@test "the key of a configuration file is the same scope" {
    start_target --limit 50/s
    echo "{\"url\": \"$URL/b\", \"total\": 50, \"rate\": \"50/s\", \"scope\": \"$scope\"}" >"$conf"
    begin -u "$URL/a" -n 50 -r 50/s --scope "$scope" --quiet
    code=0
    timeout 20 "$weir" run "$conf" --quiet 3>&- || code=$?
    is "$code" 0
    finish
    is "$code" 0
    is "$(stats refused)" 0
    is "$(stats arrivals)" 100
}

@test "other limits are refused with exit code 2 while the scope is in use, and who uses it goes on" {
    start_target
    begin -u "$URL/a" -n 100000 -r 50/s -c 5 --scope "$scope" --quiet
    wait_for 5 arrived 1
    for other in '-r 49/s -c 5' '-r 50/s -c 6' '-c 5' '-r 50/s -r 100/m -c 5' '-r 50/s -c 5 --shape window'; do
        code=0
        # shellcheck disable=SC2086
        timeout 20 "$weir" run -u "$URL/b" -n 1 $other --scope "$scope" >"$json.other" 2>"$err.other" 3>&- || code=$?
        echo "$other: $(cat "$err.other")"
        is "$code" 2
        is "$(wc -l <"$err.other")" 1
        has "$(cat "$err.other")" "scope $scope is in use with other limits: use the same ones, or another name"
        has "$(cat "$err.other")" "/dev/shm/weir.$name"
    done
    is "$(stats 'paths' | python3 -c 'import json,sys; print("/b" in json.load(sys.stdin))')" False
    seen=$(stats arrivals)
    wait_for 5 arrived $((seen + 5))
    kill "$run_pid"
    finish
    is "$code" 3
}

@test "where nobody is there any more, the next brings its own limits" {
    start_target
    run_weir -u "$URL/" -n 5 -r 50/s --scope "$scope"
    is "$code" 0
    run_weir -u "$URL/" -n 5 -r 100/s -r 1000/h -c 7 --scope "$scope"
    cat "$err"
    is "$code" 0
    is "$(summary "[l['name'] for l in s['limits']], s['limits'][0]['permits']")" \
        "(['concurrency', '100/1s', '1000/1h'], 7)"
}

@test "after a kill the scope is free for others" {
    start_target
    begin -u "$URL/" -n 100000 -r 50/s --scope "$scope" --quiet
    wait_for 5 arrived 1
    kill -9 "$run_pid"
    finish
    is "$code" 137
    run_weir -u "$URL/" -n 5 -r 100/s --scope "$scope"
    cat "$err"
    is "$code" 0
}

@test "what an ended run has sent counts for the next" {
    start_target --limit 10/2s
    run_weir -u "$URL/" -n 10 -r 10/2s --shape window --scope "$scope"
    is "$code" 0
    is "$(summary "s['elapsed_s'] < 2")" True
    run_weir -u "$URL/" -n 10 -r 10/2s --shape window --scope "$scope"
    cat "$err"
    is "$code" 0
    is "$(stats refused)" 0
    is "$(summary "s['statuses']")" "{'200': 10}"
}

# bats test_tags=any_engine
@test "memory of that name that is no scope is refused with what to do" {
    start_target
    echo 'no scope' >"/dev/shm/weir.$name"
    run_weir -u "$URL/" -n 1 -r 50/s --scope "$scope"
    cat "$err"
    is "$code" 2
    is "$(wc -l <"$err")" 1
    has "$(cat "$err")" "scope $scope: /dev/shm/weir.$name belongs to somebody else, or is not of this version"
    is "$(cat "/dev/shm/weir.$name")" 'no scope'
    is "$(stats arrivals)" 0
}
