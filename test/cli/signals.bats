#!/usr/bin/env bats
# One signal drains, a second one ends at once.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    target_pid=
    run_pid=
}

teardown() {
    [ -z "$run_pid" ] || kill -9 "$run_pid" 2>/dev/null || true
    stop_target
}

arrived() {
    [ "$(stats arrivals)" -ge "$1" ]
}

@test "one SIGINT: no new sends, what is in flight finishes, exit code 3" {
    start_target --latency 1s
    begin -u "$URL/" -n 1000 -c 4
    wait_for 5 in_flight 4
    kill -INT "$run_pid"
    finish
    is "$code" 3
    is "$(summary "(s['total'], s['failed'], s['unknown'], s['skipped'])")" "(1000, 0, 0, 0)"
    is "$(summary "s['succeeded'] + s['cancelled']")" 1000
    is "$(summary "s['succeeded']")" "$(stats arrivals)"
    [ "$(stats arrivals)" -le 12 ]
    has "$(cat "$err")" "stopping: no new sends, 4 in flight finish; again to abort"
}

@test "SIGTERM does what SIGINT does" {
    start_target --latency 200ms
    begin -u "$URL/" -n 1000 -c 2 --quiet
    wait_for 5 arrived 2
    kill -TERM "$run_pid"
    finish
    is "$code" 3
    is "$(summary "s['succeeded'] + s['cancelled']")" 1000
    is "$(cat "$err")" ""
}

@test "a second signal ends within 100 ms, even where the server is silent" {
    start_target --latency 1h
    begin -u "$URL/" -n 1000 -c 50
    wait_for 5 in_flight 50
    kill -INT "$run_pid"
    wait_for 5 grep -q stopping "$err"
    run ! gone "$run_pid"
    started=$(date +%s%N)
    kill -INT "$run_pid"
    code=0
    wait "$run_pid" || code=$?
    took_ms=$((($(date +%s%N) - started) / 1000000))
    run_pid=
    echo "took $took_ms ms"
    # sanitizers tear a process down more slowly
    if [ "${WEIR_TEST_MODE:-release}" = release ]; then bound=100; else bound=2000; fi
    [ "$took_ms" -lt "$bound" ]
    is "$code" 3
    is "$(summary "(s['total'], s['succeeded'], s['cancelled'])")" "(1000, 0, 1000)"
}

@test "what may have been processed is unknown after a second signal, where a repeat could do harm" {
    start_target --latency 1h
    begin -u "$URL/" -n 100 -c 5 -d x
    wait_for 5 in_flight 5
    kill -INT "$run_pid"
    wait_for 5 grep -q stopping "$err"
    kill -INT "$run_pid"
    finish
    is "$code" 3
    is "$(summary "(s['unknown'], s['cancelled'])")" "(5, 95)"
}

@test "a signal in a pause ends the run at once: what was refused was not processed" {
    start_target --limit 5/1m --window fixed --headers retry-after
    begin -u "$URL/" -n 20 -c 4 -d x -v
    wait_for 5 grep -q "^paused for " "$err"
    kill -INT "$run_pid"
    finish
    is "$code" 3
    is "$(summary "(s['succeeded'], s['cancelled'], s['unknown'])")" "(5, 15, 0)"
    is "$(summary "s['elapsed_s'] < 10")" True
}

@test "a signal ends a backoff at once" {
    start_target --fail 503:100%
    begin -u "$URL/" -n 3 --set retry.backoff=1h --set retry.backoff_max=1h -v
    wait_for 5 grep -q "again in " "$err"
    wait_for 5 arrived 3
    kill -INT "$run_pid"
    finish
    is "$code" 3
    is "$(summary "(s['succeeded'], s['cancelled'], s['attempts'])")" "(0, 3, 3)"
}

@test "a signal that comes when all has been sent changes nothing" {
    start_target --latency 2s
    begin -u "$URL/" -n 3 -c 3
    wait_for 5 in_flight 3
    kill -INT "$run_pid"
    finish
    is "$code" 0
    is "$(summary "s['succeeded']")" 3
}

@test "a reader that has gone away neither kills nor holds up the run" {
    start_target
    code=0
    timeout 20 "$weir" run -u "$URL/" -n 20 -v 2> >(exec true) || code=$?
    is "$code" 0
    is "$(stats arrivals)" 20
}
