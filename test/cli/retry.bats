#!/usr/bin/env bats
# What weir run makes of a server that refuses, fails, and says so: pauses, retries, learned limits.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    target_pid=
    flaky_pid=
}

teardown() {
    stop_target
    [ -z "$flaky_pid" ] || { exec 9>&- && wait "$flaky_pid" 2>/dev/null; }
    return 0
}

# run_weir ARGUMENTS: exit code in $code, stdout in $json, stderr in $err.
run_weir() {
    code=0
    timeout 20 "$weir" run "$@" >"$json" 2>"$err" || code=$?
}

# all_dialects ARGUMENTS: 150 jobs with them against a target of its own for each dialect that weir serve speaks, all at
# once; says which failed.  The names are in $dialects, each one's summary in NAME.json.
all_dialects() {
    local dialect urls=() pids=() targets=() bad=0 i
    mapfile -t dialects < <("$weir" serve --help | tr -s '\n ' ' ' |
        sed 's/.*--headers DIALECT tell about the limit: \(.*\) (default none).*/\1\n/; s/, /\n/g')
    echo "dialects: ${dialects[*]}"
    [ "${#dialects[@]}" -ge 5 ]
    [ "${#dialects[@]}" -le 12 ]
    for dialect in "${dialects[@]}"; do
        start_target --limit 100/s --window sliding --latency 5ms --headers "$dialect"
        urls+=("$URL")
        targets+=("$target_pid")
    done
    target_pid=
    for i in "${!dialects[@]}"; do
        timeout 25 "$weir" run -u "${urls[i]}/" -n 150 --json "$@" 3>&- \
            >"$BATS_TEST_TMPDIR/${dialects[i]}.json" 2>"$BATS_TEST_TMPDIR/${dialects[i]}.err" &
        pids+=($!)
    done
    for i in "${!dialects[@]}"; do
        wait "${pids[i]}" || { bad=1 && echo "${dialects[i]}:" && cat "$BATS_TEST_TMPDIR/${dialects[i]}.err"; }
    done
    kill "${targets[@]}"
    wait "${targets[@]}" 2>/dev/null || true
    return $bad
}

@test "with no rate configured every job succeeds, whatever dialect the server speaks" {
    all_dialects
    for dialect in "${dialects[@]}"; do
        json=$BATS_TEST_TMPDIR/$dialect.json
        echo "$dialect: $(summary "(s['statuses'], s['elapsed_s'], s['limits'][1:])")"
        is "$(summary "(s['succeeded'], s['statuses']['200'])")" "(150, 150)"
        is "$(summary "s['attempts'] == 150 + s['retries']")" True
    done
}

@test "-r auto learns the limit from the first response, in every dialect that states one" {
    all_dialects -r auto -c 5
    for dialect in "${dialects[@]}"; do
        json=$BATS_TEST_TMPDIR/$dialect.json
        echo "$dialect: $(summary "(s['statuses'], s['elapsed_s'], s['limits'][1:])")"
        is "$(summary "s['succeeded']")" 150
        [ "$dialect" != retry-after ] || continue
        # a reset told in whole seconds of the clock may be up to a second more than the period
        is "$(summary "[(l['permits'], l['hold_s'] <= 2, list(l)[-1]) for l in s['limits'][1:]]")" "[(100, True, 'learned_from')]"
        is "$(summary "s['statuses'].get('429', 0)")" 0
    done
}

@test "a learned limit stands beside the configured ones, which hold as well" {
    start_target --limit 20/s --headers ietf
    run_weir -u "$URL/" -n 50 -r auto -r 100/s -c 3 --json
    is "$code" 0
    is "$(summary "[l['name'] for l in s['limits']]")" "['concurrency', '100/1s', '20/1s']"
    is "$(summary "[l.get('learned_from') for l in s['limits']]")" "[None, None, 'ratelimit-policy']"
    [ "$(stats worst_window)" -le 20 ]
    has "$(cat "$err")" "strict, learned from ratelimit-policy: worst window"
}

@test "503 and cut connections are tried again for GET, and all jobs succeed" {
    start_target --fail 503:15% --reset 15%
    run_weir -u "$URL/{i}" -n 100 --retries 19 --set retry.backoff=5ms --json -v
    is "$code" 0
    is "$(summary "(s['succeeded'], s['statuses']['200'])")" "(100, 100)"
    is "$(summary "s['statuses']['503'] > 0 and s['errors']['connection_lost'] > 0")" True
    is "$(summary "s['retries'] == s['attempts'] - 100")" True
    is "$(grep -cE '^job [0-9]+: again (in [0-9.]+ [mu]?s|as soon as the limits allow)$' "$err")" "$(summary "s['retries']")"
    has "$(cat "$err")" "attempts were not a job's first"
}

@test "a POST that may have been processed is sent once and ends as unknown, exit code 1" {
    start_target --fail 503:15% --reset 15%
    run_weir -u "$URL/{i}" -n 100 -d x --set retry.backoff=20ms --json
    is "$code" 1
    is "$(stats arrivals)" 100
    is "$(summary "(s['attempts'], s['retries'], s['failed'])")" "(100, 0, 0)"
    is "$(summary "s['succeeded'] + s['unknown'] == 100 and s['unknown'] > 10")" True
}

@test "a refused POST was not processed, and is sent again" {
    start_target --limit 30/s --headers retry-after
    run_weir -u "$URL/{i}" -n 40 -d x --json
    is "$code" 0
    is "$(summary "(s['succeeded'], s['unknown'])")" "(40, 0)"
    is "$(summary "s['statuses']['200']")" 40
}

@test "retry.non_idempotent sends a POST again all the same" {
    start_target --fail 503:30%
    run_weir -u "$URL/{i}" -n 60 -d x --set retry.backoff=20ms --set retry.non_idempotent=true --retries 19 --json
    is "$code" 0
    is "$(summary "s['succeeded']")" 60
    [ "$(stats arrivals)" -gt 60 ]
}

# start_flaky MODE: flaky_server.py at $URL, its lines in $log; it ends with descriptor 9.
start_flaky() {
    log=$BATS_TEST_TMPDIR/flaky.log
    mkfifo "$BATS_TEST_TMPDIR/flaky.in"
    python3 "$BATS_TEST_DIRNAME/flaky_server.py" "$1" <"$BATS_TEST_TMPDIR/flaky.in" >"$log" 3>&- &
    flaky_pid=$!
    exec 9>"$BATS_TEST_TMPDIR/flaky.in"
    wait_for 10 test -s "$log"
    read -r URL <"$log"
}

@test "with idempotency_key a POST is sent again, with the same key each time and another for each job" {
    start_flaky cut
    run_weir -u "$URL/{i}" -n 10 -c 3 -d 'job {i}' --set idempotency_key=Idempotency-Key --set retry.backoff=10ms --json
    is "$code" 0
    is "$(summary "(s['succeeded'], s['attempts'], s['retries'])")" "(10, 20, 10)"
    # path, key, body: each twice, byte for byte, and ten keys of the form that the field wants
    tail -n +2 "$log" | awk '{ print $1, $2, $4, $5 }' | sort | uniq -c >"$BATS_TEST_TMPDIR/counts"
    is "$(awk '$1 == 2' "$BATS_TEST_TMPDIR/counts" | wc -l)" 10
    is "$(awk '{ print $3 }' "$BATS_TEST_TMPDIR/counts" | sort -u |
        grep -cE '^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$')" 10
    is "$(awk '{ print $2, $4, $5 }' "$BATS_TEST_TMPDIR/counts" | sort -V | head -1)" "/1 job 1"
}

@test "after a refusal nothing arrives until the moment that Retry-After names, then all jobs come" {
    start_flaky refuse
    run_weir -u "$URL/{i}" -n 30 -c 5 --json
    is "$code" 0
    is "$(summary "(s['succeeded'], s['statuses']['200'])")" "(30, 30)"
    # what was in flight with the first may come within a moment of it; the pause has a tenth of jitter at most
    echo "arrived after: $(tail -n +2 "$log" | awk '{ print $3 }' | tr '\n' ' ')ms"
    is "$(tail -n +2 "$log" | awk '$3 > 200 && $3 < 1000' | wc -l)" 0
    [ "$(tail -n +2 "$log" | awk '$3 <= 200' | wc -l)" -le 5 ]
    [ "$(tail -n +2 "$log" | awk '$3 >= 1000 { print $3 }' | sort -n | head -1)" -lt 1500 ]
}

@test "--retries N is N tries more" {
    start_target --fail 500:100%
    for n in 0 2; do
        curl -s -X POST "$URL/reset" >"$BATS_TEST_TMPDIR/reset"
        run_weir -u "$URL/{i}" -n 3 --retries $n --set retry.backoff=1ms --json
        is "$code" 1
        is "$(summary "(s['failed'], s['attempts'], s['retries'])")" "(3, $((3 * (n + 1))), $((3 * n)))"
        is "$(stats arrivals)" $((3 * (n + 1)))
    done
}

@test "statuses outside retry.statuses are not tried again" {
    start_target --fail 404:100%
    run_weir -u "$URL/" -n 5 --json
    is "$code" 1
    is "$(summary "(s['attempts'], s['failed'])")" "(5, 5)"
}

@test "a retry storm is held by the budget: the reserve, and what successes earn" {
    start_target --fail 503:100%
    run_weir -u "$URL/" -n 300 --set retry.backoff=1ms --json
    is "$code" 1
    is "$(summary "(s['failed'], s['retries'])")" "(300, 100)"
    is "$(stats arrivals)" 400
    has "$(tr -s '\n ' ' ' <"$err")" "jobs were not tried again: the retry budget (0.5 a success, 100 in reserve) was used up"
}

@test "one refusal pauses everybody for as long as the server says" {
    start_target --limit 10/2s --window fixed --headers retry-after
    run_weir -u "$URL/" -n 15 -c 5 --json -v
    is "$code" 0
    is "$(summary "(s['succeeded'], s['statuses']['429'] <= 5)")" "(15, True)"
    has "$(cat "$err")" "paused for "
    has "$(cat "$err")" ": 429, retry-after"
    is "$(summary "s['time']['paused_s'] > 0 and s['elapsed_s'] < 8")" True
}

@test "a pause longer than retry.pause_max ends the run with exit code 3, and says when to go on" {
    start_target --limit 5/1h --headers retry-after
    for quiet in '' --quiet; do
        curl -s -X POST "$URL/reset" >"$BATS_TEST_TMPDIR/reset"
        # shellcheck disable=SC2086
        run_weir -u "$URL/" -n 20 -c 2 --json $quiet
        is "$code" 3
        is "$(summary "(s['succeeded'], s['cancelled'], s['unknown'])")" "(5, 15, 0)"
        cat "$err"
        is "$(grep -cE '^weir run: gave up: the server asks for a pause of (1 h 00 min|59 min [0-9]+ s) \(429, retry-after\), longer than retry\.pause_max; nothing was lost: run again after [0-9: -]+, or raise retry\.pause_max$' "$err")" 1
        [ "$(stats arrivals)" -le 7 ]
    done
    is "$(wc -l <"$err")" 1
}

@test "a quota that the last job uses up is no reason to give up" {
    start_target --limit 5/1h --headers github
    run_weir -u "$URL/" -n 5 -c 1 --json
    is "$code" 0
    lacks "$(cat "$err")" "gave up"
}

@test "a job ends at its deadline, with an error of its own" {
    start_target --fail 503:100%
    run_weir -u "$URL/" -n 2 --retries 999 --set retry.backoff=50ms --set timeout.deadline=300ms --json
    is "$code" 1
    is "$(summary "s['failed']")" 2
    is "$(summary "s['elapsed_s'] < 5")" True
}

@test "a 429 explained: kept, and refused all the same" {
    start_target --limit 20/s --headers ietf --latency 50ms
    run_weir -u "$URL/" -n 60 -r 100/s -c 20
    is "$code" 0
    text=$(tr -s '\n ' ' ' <"$err")
    has "$text" "attempts were refused, though weir kept 100/1s (worst window"
    has "$text" "the quota is shared, or lower than configured: the server named 20/1s (ratelimit-policy)"
}

@test "a 429 explained: no rate was given" {
    start_target --limit 20/s --headers ietf --latency 50ms
    run_weir -u "$URL/" -n 60 -c 30
    is "$code" 0
    text=$(tr -s '\n ' ' ' <"$err")
    has "$text" "refused: the server limits the rate; weir learned 20/1s from ratelimit-policy"
    has "$text" "give it: -r 20/1s"
}

@test "a 429 explained: paced proves nothing" {
    start_target --limit 20/s
    run_weir -u "$URL/" -n 60 -r 100/s --shape paced -c 20
    is "$code" 0
    has "$(tr -s '\n ' ' ' <"$err")" "the shape paced keeps a distance between sends and proves nothing about windows"
}

@test "the progress line shows a pause and why" {
    start_target --limit 5/2s --headers retry-after
    run_weir -u "$URL/" -n 8 -c 8 --progress always
    is "$code" 0
    [[ "$(cat "$err")" =~ paused\ by\ server\ [0-9.]+\ m?s\ \(429,\ retry-after\) ]]
}
