#!/usr/bin/env bats
# weir run against a target that counts what arrives.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    conf=$BATS_TEST_TMPDIR/conf.json
    target_pid=
}

teardown() {
    stop_target
}

# run_weir ARGUMENTS: exit code in $code, stdout in $json, stderr in $err.
run_weir() {
    code=0
    timeout 20 "$weir" run "$@" >"$json" 2>"$err" || code=$?
}

@test "200 jobs at concurrency 3 arrive once each, never more than 3 at a time" {
    start_target --latency 5ms
    echo "{\"url\": \"$URL/get\", \"total\": 200, \"concurrency\": 3}" >"$conf"
    run_weir "$conf" --json
    is "$code" 0
    is "$(stats arrivals)" 200
    [ "$(stats peak_in_flight)" -le 3 ]
    is "$(summary "(s['total'],s['succeeded'],s['attempts'],s['statuses'])")" "(200, 200, 200, {'200': 200})"
    [ "$(summary "s['peak_in_flight']")" -le 3 ]
}

@test "the JSON summary has the contract's keys in their order, and its sums hold" {
    start_target
    run_weir -u "$URL/get" -n 20 -c 3 -r 100/s -r 5000/h --json
    is "$code" 0
    is "$(wc -l <"$json")" 1
    is "$(summary "' '.join(s)")" "total succeeded failed unknown cancelled skipped attempts retries statuses errors elapsed_s rate_per_s peak_in_flight latency_ms limits time cpu_s max_rss_bytes engine version"
    is "$(summary "' '.join(s['latency_ms'])")" "p50 p90 p99 p99_9 max mean"
    is "$(summary "' '.join(s['time'])")" "sending_s permit_wait_s pace_wait_s paused_s backoff_s idle_s"
    is "$(summary "' '.join(s['cpu_s'])")" "user system"
    is "$(summary "[' '.join(l) for l in s['limits']]")" "['name permits hold_s waits wait_s', 'name permits hold_s shape waits wait_s worst_window uncertain', 'name permits hold_s shape waits wait_s worst_window uncertain']"
    is "$(summary "[(l['name'],l['permits'],l['hold_s'],l.get('shape')) for l in s['limits']]")" "[('concurrency', 3, 0, None), ('100/1s', 100, 1, 'strict'), ('5000/1h', 5000, 3600, 'window')]"
    is "$(summary "s['succeeded']+s['failed']+s['unknown']+s['cancelled']+s['skipped']")" 20
    is "$(summary "0 < s['latency_ms']['p50'] <= s['latency_ms']['max'] < 5000 and s['elapsed_s'] > 0 and s['max_rss_bytes'] > 1e6")" True
}

@test "{i} in url, header and data is the job's ordinal, from 1" {
    start_target
    run_weir -u "$URL/echo?n={i}" -n 3 -c 1 -H 'X-Job: {i}' -d 'job {i}'
    is "$code" 0
    is "$(stats paths)" '{"/echo?n=1": 1, "/echo?n=2": 1, "/echo?n=3": 1}'
    is "$(stats methods)" '{"POST": 3}'
}

@test "-d @FILE and -d @- send a file's bytes, and -X names the method" {
    start_target
    printf 'some bytes' >"$BATS_TEST_TMPDIR/body"
    (cd "$BATS_TEST_TMPDIR" && timeout 20 "$weir" run -u "$URL/echo" -n 1 -d @body --quiet)
    printf 'more' | timeout 20 "$weir" run -u "$URL/echo" -n 1 -d @- -X PUT --quiet
    is "$(stats methods)" '{"POST": 1, "PUT": 1}'
}

@test "options override the file, and -H adds to its headers" {
    start_target
    echo "{\"url\": \"http://127.0.0.1:1/\", \"total\": 9, \"headers\": {\"X-A\": \"1\"}, \"rate\": \"1/h\"}" >"$conf"
    run_weir "$conf" -u "$URL/x" -n 2 -r 1000/s --set concurrency=2 --json
    is "$code" 0
    is "$(summary "(s['total'], [l['name'] for l in s['limits']], s['limits'][0]['permits'])")" "(2, ['concurrency', '1000/1s'], 2)"
    run "$weir" check "$conf" -H 'X-B: 2' --shape paced
    is "$status" 0
    has "$output" '"X-A": "1"'
    has "$output" '"X-B": "2"'
    has "$output" 'paced'
}

@test "a rate of 20/s is never refused by a server that allows 20 in any second" {
    start_target --limit 20/s --window sliding --uplink 10ms
    run_weir -u "$URL/" -n 50 -r 20/s --json
    is "$code" 0
    is "$(stats statuses)" '{"200": 50}'
    [ "$(stats worst_window)" -le 20 ]
    is "$(summary "s['limits'][1]['worst_window'] <= 20 and s['limits'][1]['waits'] > 0")" True
}

@test "threads and connections only as needed: 10/s at 20 ms goes over three connections at most" {
    start_target --latency 20ms
    run_weir -u "$URL/" -n 15 -c 50 -r 10/s --quiet
    is "$code" 0
    is "$(stats arrivals)" 15
    echo "peak connections: $(stats peak_connections)"
    [ "$(stats peak_connections)" -le 3 ]
}

@test "exit code 1 and a hint where the server refused" {
    start_target --limit 5/s
    run_weir -u "$URL/" -n 20 --set retry.refusals=0 --json
    is "$code" 1
    is "$(summary "s['succeeded'] + s['failed'] == s['attempts'] == 20")" True
    refused=$(summary "s['statuses']['429']")
    is "$(summary "s['failed']")" "$refused"
    has "$(cat "$err")" "$refused of 20 attempts w"
    has "$(cat "$err")" "refused: the server limits the rate"
    has "$(tr -s ' \n' ' ' <"$err")" "give it: -r "
}

@test "exit code 1 where nobody listens, with the error by its code" {
    run_weir -u http://127.0.0.1:1/ -n 3 --retries 0 --json
    is "$code" 1
    is "$(summary "(s['failed'], s['errors'], s['statuses'])")" "(3, {'connect': 3}, {})"
    is "$(summary "s['latency_ms']['p50']")" None
}

# bats test_tags=any_engine
@test "no jobs are no work: a summary and exit code 0" {
    run_weir -u http://127.0.0.1:1/ -n 0 --json
    is "$code" 0
    is "$(summary "(s['total'], s['attempts'])")" "(0, 0)"
}

@test "-v says each attempt and the limit that is reached" {
    start_target --latency 20ms
    run_weir -u "$URL/" -n 6 -c 2 -r 100/s -v
    is "$code" 0
    is "$(grep -cE '^job [1-6] attempt 1: 200 in [0-9.]+ ms$' "$err")" 6
    has "$(cat "$err")" "limit reached: concurrency (2 in flight), waiting for a response"
    run_weir -u "$URL/" -n 3 -c 5 -r 2/s -v
    is "$(grep -cE '^limit reached: 2/1s, waiting [0-9.]+ m?s$' "$err" | grep -c '^[1-9]')" 1
}

@test "without --json stdout is empty; with --quiet stderr is, too" {
    start_target
    run_weir -u "$URL/" -n 2
    is "$code" 0
    is "$(cat "$json")" ""
    has "$(cat "$err")" "2 of 2 succeeded"
    run_weir -u "$URL/" -n 2 --quiet
    is "$(cat "$json" "$err")" ""
    run_weir -u "$URL/" -n 2 --quiet --json
    is "$(cat "$err")" ""
    is "$(summary "s['succeeded']")" 2
}

# bats test_tags=any_engine
@test "colour and bar only on a terminal, and neither under NO_COLOR" {
    start_target --latency 100ms
    run_weir -u "$URL/" -n 8 -c 2
    lacks "$(cat "$err")" $'\033'
    run_weir -u "$URL/" -n 8 -c 2 --progress always
    has "$(cat "$err")" "] "
    has "$(cat "$err")" "/8"
    TERM=xterm timeout 20 script -qec "$weir run -u $URL/ -n 8 -c 2" /dev/null </dev/null >"$err"
    has "$(cat "$err")" $'\033[32m8 of 8'
    has "$(cat "$err")" "] "
    NO_COLOR=1 TERM=xterm timeout 20 script -qec "$weir run -u $URL/ -n 8 -c 2" /dev/null </dev/null >"$err"
    lacks "$(cat "$err")" $'\033'
    has "$(cat "$err")" "8 of 8"
}

@test "the peak of memory is this program's, not its parent's" {
    start_target
    python3 - "$weir" "$URL/" <<'P' >"$json"
import subprocess, sys
ballast = bytearray(300 << 20)
sys.stdout.write(subprocess.run([sys.argv[1], 'run', '-u', sys.argv[2], '-n', '1', '--json', '--quiet'],
                                capture_output=True, text=True, timeout=20).stdout)
P
    is "$(summary "s['max_rss_bytes'] < (250 << 20)")" True
}

# bats test_tags=any_engine
@test "the engine that was asked for carries out the jobs, and the summary names it" {
    start_target
    for engine in threads async; do
        run_weir -u "$URL/" -n 5 --engine "$engine" --json
        cat "$err"
        is "$code" 0
        is "$(summary "(s['engine'],s['succeeded'])")" "('$engine', 5)"
    done
    is "$(stats arrivals)" 10
    run_weir -u "$URL/" -n 1 --engine asink
    is "$code" 2
    has "$(cat "$err")" 'did you mean "async"?'
    is "$(stats arrivals)" 10
}

# bats test_tags=any_engine
@test "options that cannot be together are refused in one line, exit code 2, and nothing is sent" {
    start_target
    for options in --resume --retry-failed --force '-o - --json' '-o - --resume' '-o r --resume --force' \
        '--max-failures many' '--max-failures 101%' '--input-format csv'; do
        # shellcheck disable=SC2086
        run_weir -u "$URL/" -n 1 $options
        echo "$options: $(cat "$err")"
        is "$code" 2
        is "$(wc -l <"$err")" 1
    done
    is "$(stats arrivals)" 0
}

@test "with too few file descriptors it goes on with the workers that fit, and says what to do" {
    start_target
    code=0
    (
        ulimit -n 256
        exec setpriv --bounding-set -sys_resource --inh-caps -sys_resource \
            timeout 20 "$weir" run -u "$URL/" -n 500 -c 500
    ) >"$json" 2>"$err" || code=$?
    is "$code" 0
    if [ "${WEIR_TEST_ENGINE:-threads}" = async ]; then # which needs one for each
        grep -Eq 'going on with (4[0-9]|[5-9][0-9]|1[0-9]{2});' "$err"
        has "$(cat "$err")" "ulimit -n 6"
    else
        has "$(cat "$err")" "going on with 64"
        has "$(cat "$err")" "ulimit -n 1564"
    fi
    is "$(stats arrivals)" 500
    code=0
    (ulimit -Sn 256 && exec timeout 20 "$weir" run -u "$URL/" -n 500 -c 200 --quiet) || code=$?
    is "$code" 0
}

@test "a summary that cannot be written is exit code 5" {
    start_target
    code=0
    timeout 20 "$weir" run -u "$URL/" -n 1 --json --quiet >/dev/full 2>"$err" || code=$?
    is "$code" 5
    code=0
    timeout 20 "$weir" run -u "$URL/" -n 1 --json --quiet >&- 2>"$err" || code=$?
    is "$code" 5
    code=0
    timeout 20 "$weir" run -u "$URL/" -n 1 --quiet >&- 2>&- <&- || code=$?
    is "$code" 0
}

@test "secrets stay out of everything that is printed" {
    start_target --latency 300ms
    run_weir -u "${URL/\/\//\/\/user:sesame@}/?key=s3same" -n 2 -H 'Authorization: Bearer sesame' -v --timeout 50ms \
        --retries 1 --set retry.backoff=10ms --json --progress always
    is "$code" 1
    lacks "$(cat "$json" "$err")" sesame
    lacks "$(cat "$json" "$err")" s3same
}
