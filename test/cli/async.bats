#!/usr/bin/env bats
# weir run with the async engine: how it is asked for, and what is different from threads.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    conf=$BATS_TEST_TMPDIR/conf.json
    target_pid=
    run_pid=
}

teardown() {
    [ -z "$run_pid" ] || { kill -9 "$run_pid" 2>/dev/null && wait "$run_pid" 2>/dev/null; }
    stop_target
}

# run_weir ARGUMENTS: exit code in $code, the summary in $json, stderr in $err.
run_weir() {
    code=0
    timeout 25 "$weir" run "$@" --json >"$json" 2>"$err" || code=$?
}

@test "the configuration, its keys on the command line, and --engine choose; the last one counts" {
    start_target
    echo "{\"url\": \"$URL/\", \"total\": 20, \"concurrency\": 10, \"engine\": \"async\", \"loops\": 2}" >"$conf"
    run_weir "$conf"
    cat "$err"
    is "$code" 0
    is "$(summary "(s['engine'], s['succeeded'])")" "('async', 20)"
    run_weir "$conf" --engine threads
    is "$(summary "(s['engine'], s['succeeded'])")" "('threads', 20)"
    run_weir -u "$URL/" -n 20 --set engine=async --set loops=4
    is "$(summary "(s['engine'], s['succeeded'])")" "('async', 20)"
    run_weir -u "$URL/" -n 20
    is "$(summary "s['engine']")" "threads"
    is "$(stats arrivals)" 80
}

@test "loops that are none are refused, and nothing is sent" {
    start_target
    for bad in 0 65 -1 many 1.5; do
        run_weir -u "$URL/" -n 1 --engine async --set "loops=$bad"
        echo "$bad: $(cat "$err")"
        is "$code" 2
        has "$(cat "$err")" loops
    done
    is "$(stats arrivals)" 0
}

# threads: how many the run has.
threads() {
    sed -n 's/^Threads:\t//p' "/proc/$run_pid/status"
}

@test "a thousand in flight need a few threads" {
    ulimit -n 4096 || skip "no more file descriptors than $(ulimit -n)"
    start_target --latency 700ms
    for loops in 1 3; do
        begin -u "$URL/" -n 1500 -c 1000 --engine async --set "loops=$loops"
        wait_for 5 in_flight 1000
        seen=$(threads)
        finish
        cat "$err"
        echo "$loops loops, $seen threads"
        is "$code" 0
        [ "$seen" -le $((loops + 6)) ]
        is "$(summary "(s['succeeded'], s['peak_in_flight'])")" "(1500, 1000)"
    done
    [ "$(stats peak_in_flight)" -le 1000 ]
}

@test "the summary's sums hold, for several loops too" {
    start_target --latency 5ms --fail 503:10% --seed 3
    run_weir -u "$URL/" -n 400 -c 20 -r 400/s --engine async --set loops=3 --set retry.backoff=5ms
    cat "$err"
    is "$(summary "s['succeeded'] + s['failed'] + s['unknown'] + s['cancelled']")" 400
    is "$(summary "s['attempts'] == s['retries'] + 400 == sum(s['statuses'].values())")" True
    is "$(summary "s['peak_in_flight'] <= 20 and s['limits'][1]['worst_window'] <= 400")" True
    is "$(stats arrivals)" "$(summary "s['attempts']")"
    # each place's time went somewhere: their number times the elapsed time, give or take the end of the run
    is "$(summary "0 < sum(s['time'].values()) <= 20 * s['elapsed_s'] * 1.05 + 0.2")" True
}

@test "results of a batch are the same as with threads" {
    start_target --latency 2ms
    for i in $(seq 300); do
        echo "{\"custom_id\":\"id$i\",\"method\":\"POST\",\"url\":\"$URL/echo?$i\",\"body\":{\"n\":$i}}"
    done >"$BATS_TEST_TMPDIR/jobs"
    for engine in threads async; do
        run_weir -i "$BATS_TEST_TMPDIR/jobs" -o "$BATS_TEST_TMPDIR/$engine" -c 30 --engine $engine
        cat "$err"
        is "$code" 0
        python3 - "$BATS_TEST_TMPDIR/$engine" >"$BATS_TEST_TMPDIR/$engine.sorted" <<'P'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
lines = [l for l in lines if 'custom_id' in l]
for l in sorted(lines, key=lambda l: int(l['custom_id'][2:])):
    print(l['custom_id'], l['response']['status_code'], json.dumps(l['response']['body']), l['error'],
          l['weir']['line'], l['weir']['outcome'], l['weir']['attempts'])
P
        is "$(wc -l <"$BATS_TEST_TMPDIR/$engine.sorted")" 300
    done
    cmp "$BATS_TEST_TMPDIR/threads.sorted" "$BATS_TEST_TMPDIR/async.sorted"
}

@test "too few file descriptors are said with what to do" {
    start_target
    code=0
    (
        ulimit -n 256
        exec setpriv --bounding-set -sys_resource --inh-caps -sys_resource \
            timeout 20 "$weir" run -u "$URL/" -n 500 -c 500 --engine async
    ) >"$json" 2>"$err" || code=$?
    cat "$err"
    is "$code" 0
    has "$(cat "$err")" "ulimit -n"
    is "$(stats arrivals)" 500
}
