#!/usr/bin/env bats
# The results file as the journal: what is refused, what is gone on with, what is done again, and what is not.

# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # each test is a subshell; the helpers set and read the rest
bats_require_minimum_version 1.5.0
load helpers
load ../torture/batch

setup() {
    batch_setup
}

teardown() {
    batch_teardown
}

arrived() {
    [ -e "$arrivals" ] && [ "$(wc -l <"$arrivals")" -ge "$1" ]
}

# cut_lines N: leaves the first N lines of the results.
cut_lines() {
    head -n "$1" "$out" >"$out.cut"
    cp "$out.cut" "$out"
    rm "$out.cut"
}

# result_line N: the file's line number of the N-th result.
result_line() {
    grep -n '"custom_id"' "$out" | sed -n "$1p" | cut -d: -f1
}

@test "a results file that exists is refused, with the three ways on, and nothing is sent" {
    start_server
    make_jobs 3 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    cp "$out" "$out.before"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 2
    for way in results.jsonl --resume --retry-failed --force; do
        has "$(cat "$err")" "$way"
    done
    is "$(came 'len(a)')" 3
    cmp "$out" "$out.before"
    is "$(find "$BATS_TEST_TMPDIR" -name 'results.jsonl*' | wc -l)" 2
}

@test "an empty results file counts as none, and --resume without one begins it" {
    start_server
    make_jobs 3 >"$jobs"
    : >"$out"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(results '(sorted(r), events[:2], bad)')" "(['a1', 'a2', 'a3'], ['head', 'start'], [])"
    run_weir -u "$URL" -i "$jobs" -o "$out.new" --resume
    is "$code" 0
    is "$(results 'sorted(r)' "$out.new")" "['a1', 'a2', 'a3']"
    run_weir -u "$URL" -i "$jobs" -o "$out.newer" --retry-failed
    is "$code" 0
    is "$(results 'sorted(r)' "$out.newer")" "['a1', 'a2', 'a3']"
}

@test "the journal begins with its head, and each run with a start and an end" {
    start_server
    make_jobs 5 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume
    is "$code" 0
    is "$(results "[e for e in events if e != 'in_flight']")" "['head', 'start', 'end', 'start', 'end']"
    is "$(results "(notes[0]['format'], notes[0]['source'], notes[0]['bytes'], notes[0]['jobs'])")" "(1, 'input', $(stat -c %s "$jobs"), 5)"
    is "$(results "notes[0]['sha256']")" "$(sha256sum "$jobs" | cut -d' ' -f1)"
    is "$(results bad)" "[]"
}

@test "--resume of a finished batch sends nothing; its exit code is that of all the jobs" {
    start_server
    make_jobs 4 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume --json
    is "$code" 0
    is "$(summary "(s['total'], s['skipped'], s['succeeded'], s['attempts'])")" "(4, 4, 0, 0)"
    is "$(came 'len(a)')" 4
    { make_jobs 4 && echo '/give?status=404'; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --force
    is "$code" 1
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume --json
    is "$code" 1
    is "$(summary "(s['total'], s['skipped'], s['attempts'])")" "(5, 5, 0)"
    is "$(came 'len(a)')" 9
}

@test "--resume does what has no result, and nothing else; the old lines stay byte for byte" {
    start_server
    make_jobs 10 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 1
    cut_lines "$(result_line 6)"
    cp "$out" "$out.before"
    : >"$arrivals"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume --json
    is "$code" 0
    is "$(came 'sorted(t)')" "['/10', '/7', '/8', '/9']"
    is "$(summary "(s['total'], s['skipped'], s['succeeded'])")" "(10, 6, 4)"
    cmp -n "$(stat -c %s "$out.before")" "$out" "$out.before"
    is "$(results '(len(results), len(r), bad)')" "(10, 10, [])"
}

@test "--retry-failed does the failed jobs once more; each id is there once" {
    start_server
    { make_jobs 5 && echo '{"custom_id":"f1","url":"/give?fail=1&n=1"}' && echo '{"custom_id":"f2","url":"/give?fail=2&n=2"}' &&
        echo '{"url":'; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --retries 0
    is "$code" 1
    is "$(results "sorted(k for k, v in r.items() if v['error'])")" "['8', 'f1', 'f2']"
    run_weir -u "$URL" -i "$jobs" -o "$out" --retries 0 --resume
    is "$(came 'len(a)')" 7
    run_weir -u "$URL" -i "$jobs" -o "$out" --retries 0 --retry-failed --json
    is "$code" 1
    is "$(came 'len(a)')" 9
    is "$(summary "(s['total'], s['skipped'], s['succeeded'], s['failed'])")" "(8, 5, 1, 2)"
    is "$(results "(len(results), len(r), sorted(k for k, v in r.items() if v['error']), bad)")" "(8, 8, ['8', 'f2'], [])"
    run_weir -u "$URL" -i "$jobs" -o "$out" --retries 0 --retry-failed
    is "$(came 'len(a)')" 10
    is "$(results "(len(results), len(r), sorted(k for k, v in r.items() if v['error']), bad)")" "(8, 8, ['8'], [])"
    is "$(find "$BATS_TEST_TMPDIR" -name 'results.jsonl*' | wc -l)" 1
    is "$(stat -c %a "$out")" 600
}

@test "--retry-failed leaves an unknown job alone unless it may be sent again" {
    start_server
    echo '{"custom_id":"u","url":"/give?close=1","method":"POST","body":"x"}' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 1
    is "$(results "r['u']['weir']['outcome']")" unknown
    run_weir -u "$URL" -i "$jobs" -o "$out" --retry-failed
    is "$code" 1
    is "$(came 'len(a)')" 1
    is "$(results "(len(results), r['u']['weir']['outcome'])")" "(1, 'unknown')"
    run_weir -u "$URL" -i "$jobs" -o "$out" --retry-failed --set retry.non_idempotent=true --retries 0
    is "$(came 'len(a)')" 2
    is "$(results "(len(results), len(r), bad)")" "(1, 1, [])"
}

@test "--force begins anew and renames the old file to the next free number" {
    start_server
    make_jobs 2 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    cp "$out" "$out.first"
    run_weir -u "$URL" -i "$jobs" -o "$out" --force
    is "$code" 0
    cmp "$out.1" "$out.first"
    cp "$out" "$out.second"
    run_weir -u "$URL" -i "$jobs" -o "$out" --force
    is "$code" 0
    cmp "$out.1" "$out.first"
    cmp "$out.2" "$out.second"
    is "$(came 'len(a)')" 6
    rm "$out"
    run_weir -u "$URL" -i "$jobs" -o "$out" --force
    is "$code" 0
    run ! test -e "$out.3"
}

@test "another input is exit code 4, and nothing is sent or changed" {
    start_server
    make_jobs 3 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    cp "$out" "$out.before"
    make_jobs 4 >"$jobs"
    for mode in --resume --retry-failed; do
        run_weir -u "$URL" -i "$jobs" -o "$out" $mode
        is "$code" 4
        has "$(cat "$err")" "input"
        has "$(cat "$err")" "another"
    done
    run_weir -u "$URL/" -n 3 -o "$out" --resume
    is "$code" 4
    is "$(came 'len(a)')" 3
    cmp "$out" "$out.before"
}

@test "a batch of equal jobs goes on with the same configuration only" {
    start_server
    run_weir -u "$URL/{i}" -n 10 -o "$out" -c 1 -H 'X-A: 1' -d 'body {i}' -X PUT
    is "$code" 0
    is "$(results "(sorted(map(int, r)), notes[0]['source'], notes[0]['jobs'])")" "([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 'config', 10)"
    cut_lines "$(result_line 4)"
    cp "$out" "$out.before"
    same=(-u "$URL/{i}" -n 10 -H 'X-A: 1' -d 'body {i}' -X PUT)
    run_weir "${same[@]}" -u "$URL/other/{i}" -o "$out" --resume
    is "$code" 4
    run_weir "${same[@]}" -n 11 -o "$out" --resume
    is "$code" 4
    run_weir "${same[@]}" -X POST -o "$out" --resume
    is "$code" 4
    run_weir "${same[@]}" -d 'body' -o "$out" --resume
    is "$code" 4
    run_weir -u "$URL/{i}" -n 10 -H 'X-A: 2' -d 'body {i}' -X PUT -o "$out" --resume
    is "$code" 4
    is "$(came 'len(a)')" 10
    cmp "$out" "$out.before"
    : >"$arrivals"
    run_weir "${same[@]}" -o "$out" --resume -c 3 -r 1000/s --retries 1 --json # how is not what
    is "$code" 0
    is "$(came 'sorted(t)')" "['/10', '/5', '/6', '/7', '/8', '/9']"
    is "$(results '(len(results), len(r), bad)')" "(10, 10, [])"
    is "$(summary "(s['total'], s['skipped'], s['succeeded'])")" "(10, 4, 6)"
}

@test "a renewed token is no other batch" {
    start_server
    echo "{\"url\": \"$URL/{i}\", \"total\": 4, \"headers\": {\"Authorization\": \"Bearer \${env:TOKEN}\"}}" >"$conf"
    TOKEN=old run_weir "$conf" -o "$out" -c 1
    cut_lines "$(result_line 2)"
    TOKEN=new run_weir "$conf" -o "$out" --resume
    is "$code" 0
    is "$(results '(len(results), len(r))')" "(4, 4)"
    is "$(came "[o.headers['authorization'] for o in a].count('Bearer new')")" 2
}

@test "damage in the middle is exit code 4 with its line, and nothing is sent or changed" {
    start_server
    make_jobs 6 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 1
    cp "$out" "$out.good"
    : >"$arrivals"
    line=$(result_line 3)
    for damage in 's/"succeeded"/"succeedeD"/' 's/"crc":"./"crc":"x/' 's/.*//' 's/^/ /' 's/$/ /' 's/^.//' 's/"line":[0-9]*/"line":77/'; do
        sed "$line $damage" "$out.good" >"$out"
        cp "$out" "$out.before"
        for mode in --resume --retry-failed; do
            run_weir -u "$URL" -i "$jobs" -o "$out" $mode
            echo "$damage $mode: $(cat "$err")"
            is "$code" 4
            has "$(cat "$err")" "line $line"
            cmp "$out" "$out.before"
        done
    done
    run ! test -s "$arrivals"
    is "$(find "$BATS_TEST_TMPDIR" -name 'results.jsonl*' | wc -l)" 3
}

@test "the head's damage is exit code 4, and so is a file that is none of weir's; neither is touched" {
    start_server
    make_jobs 2 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    sed -i '1 s/"format":1/"format":2/' "$out"
    cp "$out" "$out.before"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume
    is "$code" 4
    cmp "$out" "$out.before"
    for text in 'precious' $'precious\n' $'a\nb\nc\n' '{}' $'{"custom_id":"a1"}\n' $'\n' '\0\0\0\0' '{"journal":{"formal"'; do
        printf '%b' "$text" >"$out"
        cp "$out" "$out.before"
        for mode in --resume --retry-failed; do
            run_weir -u "$URL" -i "$jobs" -o "$out" $mode
            echo "$text: $code $(cat "$err")"
            is "$code" 4
            cmp "$out" "$out.before"
        done
    done
    is "$(came 'len(a)')" 2
}

@test "a torn head is a file that was only just begun" {
    start_server
    make_jobs 2 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    head=$(head -n 1 "$out")
    for size in 1 10 30 100 $((${#head} - 1)) ${#head}; do
        printf '%s' "${head:0:size}" >"$out"
        run_weir -u "$URL" -i "$jobs" -o "$out" --resume
        echo "$size: $code $(cat "$err")"
        is "$code" 0
        is "$(results '(sorted(r), events[0], bad)')" "(['a1', 'a2'], 'head', [])"
    done
}

@test "a torn tail is cut off, said, and its job done again" {
    start_server
    make_jobs 6 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 1
    line=$(result_line 5)
    head -n "$line" "$out" >"$out.good"
    sed -n "$(result_line 6)p" "$out" | head -c -1 >"$out.last"
    for tail in '{' '{"custom_id":"a6","resp' last '\0\0\0\0\0\0' '\0\0\n' 'garbage\nmore\n\xff'; do
        cp "$out.good" "$out"
        if [ "$tail" = last ]; then cat "$out.last" >>"$out"; else printf '%b' "$tail" >>"$out"; fi
        : >"$arrivals"
        run_weir -u "$URL" -i "$jobs" -o "$out" --resume
        cat "$err"
        is "$code" 0
        is "$(came 'sorted(t)')" "['/6']"
        is "$(results '(len(results), len(r), bad)')" "(6, 6, [])"
        cmp -n "$(stat -c %s "$out.good")" "$out" "$out.good"
    done
    cp "$out.good" "$out"
    printf '{"custom' >>"$out"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume
    has "$(cat "$err")" "8 bytes"
    has "$(cat "$err")" "line $((line + 1))"
    # the last result torn: that job alone is done again
    head -n "$line" "$out.good" | head -c -20 >"$out"
    : >"$arrivals"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume
    is "$code" 0
    is "$(came 'sorted(t)')" "['/5', '/6']"
}

@test "two runs at once: the second one is refused, exit code 2, and the first is not disturbed" {
    start_server
    for i in $(seq 30); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.05\"}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out" -c 2
    wait_for 5 arrived 4
    kill -STOP "$run_pid" # so that it cannot be through before the others begin
    for mode in --resume --retry-failed --force ''; do
        code=0
        # shellcheck disable=SC2086
        timeout 20 "$weir" run -u "$URL" -i "$jobs" -o "$out" $mode 2>"$err.2" || code=$?
        echo "$mode: $code $(cat "$err.2")"
        is "$code" 2
    done
    kill -CONT "$run_pid"
    finish
    is "$code" 0
    is "$(results '(len(results), len(r), bad)')" "(30, 30, [])"
    is "$(came 'len(a)')" 30
    run ! test -e "$out.1"
}

@test "eight runs that begin at the same moment: one does the work" {
    start_server
    for i in $(seq 60); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.02\"}"; done >"$jobs"
    pids=()
    for i in 1 2 3 4 5 6 7 8; do
        timeout 20 "$weir" run -u "$URL" -i "$jobs" -o "$out" -c 4 --quiet 2>/dev/null 3>&- &
        pids+=($!)
    done
    codes=
    for pid in "${pids[@]}"; do
        code=0
        wait "$pid" || code=$?
        codes+=$code
    done
    is "$(fold -w 1 <<<"$codes" | sort | tr -d '\n')" 02222222
    is "$(results '(len(results), len(r), events.count("head"), bad)')" "(60, 60, 1, [])"
    is "$(came '(len(a), len(t))')" "(60, 60)"
}

@test "SIGINT, then --resume: nothing is sent twice, nothing is left out" {
    start_server
    for i in $(seq 200); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.05\"}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out" -c 4
    wait_for 5 arrived 20
    kill -INT "$run_pid"
    finish
    is "$code" 3
    has "$(cat "$err")" "--resume"
    sent=$(came 'len(a)')
    is "$(results '(len(r), bad, events[-1])')" "($sent, [], 'end')"
    is "$(summary "(s['total'], s['succeeded'], s['succeeded'] + s['cancelled'])")" "(200, $sent, 200)"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 20 --resume --json
    is "$code" 0
    is "$(came '(len(a), len(t))')" "(200, 200)"
    is "$(results '(len(results), len(r), bad)')" "(200, 200, [])"
    is "$(summary "(s['skipped'], s['succeeded'])")" "($sent, $((200 - sent)))"
}

@test "a signal ends a run that waits for its input" {
    start_server
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec 8<>"$BATS_TEST_TMPDIR/pipe"
    "$weir" run -u "$URL" -i - -o "$out" --json <"$BATS_TEST_TMPDIR/pipe" >"$json" 2>"$err" 3>&- 8>&- &
    run_pid=$!
    make_jobs 3 >&8
    wait_for 5 arrived 3
    kill -INT "$run_pid"
    finish
    exec 8>&-
    is "$code" 3
    is "$(results '(sorted(r), bad)')" "(['a1', 'a2', 'a3'], [])"
    has "$(cat "$err")" "--resume"
    run_weir -u "$URL" -i - -o "$out" --resume < <(make_jobs 5)
    is "$code" 0
    is "$(came '(len(a), len(t))')" "(5, 5)"
}

@test "a reader that does not read: the second signal ends the run" {
    # A handler runs there only once a thread has left what it waits in, stdio's locks for one.
    [ "${WEIR_TEST_MODE:-}" != tsan ] || skip "ThreadSanitizer puts signals off"
    start_server
    for i in $(seq 100); do echo "{\"url\":\"/echo?$i\",\"method\":\"PUT\",\"body\":\"$(printf '%05000d' "$i")\"}"; done >"$jobs"
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec 8<>"$BATS_TEST_TMPDIR/pipe"
    "$weir" run -u "$URL" -i "$jobs" -o - >"$BATS_TEST_TMPDIR/pipe" 2>"$err" 3>&- 8>&- &
    run_pid=$!
    wait_for 5 arrived 20
    kill -INT "$run_pid"
    wait_for 5 grep -q stopping "$err"
    kill -INT "$run_pid"
    wait_for 10 gone "$run_pid"
    finish
    exec 8>&-
    is "$code" 3
}

@test "two signals abort: what was cut off is done again by --resume, a POST is not" {
    start_server
    for i in $(seq 6); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=8\",\"method\":\"$([ "$i" -gt 3 ] && echo POST || echo GET)\"}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out"
    wait_for 5 arrived 6
    kill -INT "$run_pid"
    wait_for 5 grep -q stopping "$err"
    kill -INT "$run_pid"
    finish
    is "$code" 3
    is "$(results bad)" "[]"
    is "$(results "sorted((k, v['weir']['outcome']) for k, v in r.items())")" "[('a4', 'unknown'), ('a5', 'unknown'), ('a6', 'unknown')]"
    begin -u "$URL" -i "$jobs" -o "$out" --resume
    wait_for 5 arrived 9
    kill -INT "$run_pid"
    wait_for 5 grep -q stopping "$err"
    kill -INT "$run_pid"
    finish
    is "$(came "sorted(o.method for o in a)")" "['GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'POST', 'POST', 'POST']"
}

@test "kill -9 in the middle of POSTs: what may have been sent ends as unknown, the rest is done" {
    start_server
    for i in $(seq 40); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.2\",\"method\":\"POST\",\"body\":{\"n\":$i}}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out" -c 4
    wait_for 5 arrived 10
    kill -9 "$run_pid"
    wait "$run_pid" || true
    run_pid=
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 20 --resume --json
    is "$code" 1
    is "$(results '(len(results), len(r), bad)')" "(40, 40, [])"
    is "$(came 'len(a) - len(t)')" 0
    unknown=$(results "sum(v['weir']['outcome'] == 'unknown' for v in r.values())")
    [ "$unknown" -ge 1 ]
    [ "$unknown" -le 4 ]
    is "$(results "{v['error']['code'] for v in r.values() if v['error']}")" "{'interrupted'}"
    is "$(results "{v['response'] for v in r.values() if v['error']}")" "{None}"
    is "$(summary "s['unknown']")" "$unknown"
}

@test "a word that is taken back, or a key that was not there, repeats no POST" {
    start_server
    for i in 1 2 3 4; do echo "{\"custom_id\":\"p$i\",\"url\":\"/give?delay=2&i=$i\",\"method\":\"POST\",\"body\":$i}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out" -c 4 --set retry.non_idempotent=true
    wait_for 5 arrived 4
    kill -9 "$run_pid"
    wait "$run_pid" 2>/dev/null || true
    run_pid=
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume --set idempotency_key=Idempotency-Key
    is "$code" 4
    has "$(cat "$err")" "idempotency_key"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume
    is "$code" 1
    is "$(came 'len(a)')" 4
    is "$(results "sorted({v['weir']['outcome'] for v in r.values()})")" "['unknown']"
}

@test "an idempotency key is the same after kill -9" {
    start_server
    for i in $(seq 30); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.3\",\"method\":\"POST\",\"body\":{\"n\":$i}}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out" -c 5 --set idempotency_key=Idempotency-Key
    wait_for 5 arrived 8
    kill -9 "$run_pid"
    wait "$run_pid" || true
    run_pid=
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 30 --resume --set idempotency_key=Idempotency-Key
    is "$code" 0
    is "$(results '(len(results), len(r), bad)')" "(30, 30, [])"
    [ "$(came 'len(a)')" -gt 30 ]
    is "$(came "(len({(o.target, o.headers['idempotency-key']) for o in a}), len({o.headers['idempotency-key'] for o in a}))")" "(30, 30)"
    is "$(came "all(__import__('re').fullmatch(r'\"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\"', o.headers['idempotency-key']) for o in a)")" True
}

@test "a POST with an idempotency key that a signal ends before its next attempt is done again by --resume" {
    start_server
    echo '{"custom_id":"k","url":"/give?fail=1","method":"POST","body":1}' >"$jobs"
    key=(--set idempotency_key=Idempotency-Key --set retry.backoff=1h --set retry.backoff_max=1h)
    begin -u "$URL" -i "$jobs" -o "$out" "${key[@]}" -v
    wait_for 5 grep -q "again in" "$err"
    kill -INT "$run_pid"
    finish
    is "$code" 3
    is "$(results '(len(results), bad)')" "(0, [])"
    is "$(summary "(s['cancelled'], s['unknown'])")" "(1, 0)"
    run_weir -u "$URL" -i "$jobs" -o "$out" "${key[@]}" --resume
    is "$code" 0
    is "$(came "(len(a), len({o.headers['idempotency-key'] for o in a}))")" "(2, 1)"
}

@test "limits are remembered across a clean stop: a window that was used up is waited for" {
    start_server
    make_jobs 25 >"$jobs"
    window='{"requests":20,"per":"1500ms","shape":"window"}'
    begin -u "$URL" -i "$jobs" -o "$out" --set "rate=[$window]"
    wait_for 5 arrived 20
    kill -INT "$run_pid"
    finish
    is "$code" 3
    is "$(came 'len(a)')" 20
    is "$(results '(len(r), events[-1])')" "(20, 'end')"
    run_weir -u "$URL" -i "$jobs" -o "$out" --set "rate=[$window]" --resume --json
    is "$code" 0
    is "$(came 'len(a), len(t)')" "(25, 25)"
    echo "the 21st after $(came 'a[20].at - a[0].at') s"
    is "$(came 'all(a[i + 20].at - a[i].at >= 1.499 for i in range(5)) and a[24].at - a[0].at < 9')" True
    is "$(summary "(s['limits'][1]['worst_window'] <= 20, s['limits'][1]['waits'] >= 1, s['skipped'])")" "(True, True, 20)"
}

@test "one kill after the other does not make it forget what the first one had in flight" {
    start_server
    for i in $(seq 40); do echo "/give?n=$i&delay=30"; done >"$jobs"
    window='{"requests":20,"per":"1500ms","shape":"window"}'
    for run in 1 2 3; do
        begin -u "$URL" -i "$jobs" -o "$out" -c $((run == 1 ? 16 : 1)) --set "rate=[$window]" --resume
        wait_for 5 arrived $((15 + run))
        kill -9 "$run_pid"
        wait "$run_pid" || true
        run_pid=
    done
    begin -u "$URL" -i "$jobs" -o "$out" -c 20 --set "rate=[$window]" --resume
    wait_for 6 arrived 24
    kill -9 "$run_pid"
    wait "$run_pid" || true
    run_pid=
    echo "arrivals $(came '[round(o.at - a[0].at, 3) for o in a]')"
    is "$(came '[i for i in range(len(a) - 20) if a[i + 20].at - a[i].at < 1.499]')" "[]"
}

@test "limits are remembered across kill -9: what was in flight counts until it cannot any more" {
    start_server
    for i in $(seq 14); do echo "/give?n=$i&delay=30"; done >"$jobs"
    window='{"requests":10,"per":"2s","shape":"window"}'
    begin -u "$URL" -i "$jobs" -o "$out" -c 10 --set "rate=[$window]"
    wait_for 5 arrived 10
    # the next run is killed as well, most often before it may send anything
    for pause in 0.2 0; do
        kill -9 "$run_pid"
        wait "$run_pid" || true
        begin -u "$URL" -i "$jobs" -o "$out" -c 10 --set "rate=[$window]" --resume
        sleep $pause
    done
    wait_for 8 arrived 20
    kill -9 "$run_pid"
    wait "$run_pid" || true
    run_pid=
    echo "arrivals $(came '[round(o.at - a[9].at, 3) for o in a]')"
    is "$(came '[i for i in range(len(a) - 10) if a[i + 10].at - a[i].at < 1.998]')" "[]"
}

@test "a clock that was ahead when the journal was written holds sends up for a period at most" {
    start_server
    make_jobs 8 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 1
    python3 - "$torture" "$out" <<'P'
import json, re, sys
sys.path.insert(0, sys.argv[1])
import results
lines = open(sys.argv[2], 'rb').read().splitlines()
kept = []
for line in lines:
    if b'"custom_id"' in line and len(kept) and sum(b'"custom_id"' in one for one in kept) == 5:
        continue
    line = re.sub(rb'"(sent_at|at)":"20..-', rb'"\1":"2099-', line)
    kept.append(results.sealed(line[:-results.TAIL]))
open(sys.argv[2], 'wb').write(b'\n'.join(kept) + b'\n')
P
    is "$(results '(len(r), bad)')" "(5, [])"
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume --json --set 'rate=[{"requests":5,"per":"1s","shape":"window"}]'
    is "$code" 0
    summary "s['elapsed_s']"
    is "$(summary "(s['succeeded'], 0.9 < s['elapsed_s'] < 8)")" "(3, True)"
}

@test "an input that grows while it is read gives the jobs that it had; --resume says that it is another" {
    start_server
    for i in $(seq 30); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.02\"}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out" -c 2 -q 1
    wait_for 5 arrived 3
    make_jobs 5 100 >>"$jobs"
    finish
    is "$code" 0
    is "$(results '(len(results), len(r))')" "(30, 30)"
    is "$(summary "s['total']")" 30
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume
    is "$code" 4
}

@test "an input that shrinks while it is read ends the run with an error, and loses nothing that was done" {
    start_server
    for i in $(seq 30); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.15\",\"x\":\"$(printf '%020000d' "$i")\"}"; done >"$jobs"
    begin -u "$URL" -i "$jobs" -o "$out" -c 1 -q 1
    wait_for 5 arrived 2
    truncate -s 60000 "$jobs"
    finish
    echo "$code $(cat "$err")"
    is "$code" 5
    is "$(results '(len(results) == len(r) >= 2, bad)')" "(True, [])"
    is "$(came 'len(a) - len(t)')" 0
}

@test "a pipe is resumed by the same lines again; other ones are exit code 4" {
    start_server
    for i in $(seq 60); do echo "{\"custom_id\":\"a$i\",\"url\":\"/give?n=$i&delay=0.05\"}"; done >"$jobs"
    "$weir" run -u "$URL" -i - -o "$out" -c 2 < <(cat "$jobs") >"$json" 2>"$err" 3>&- &
    run_pid=$!
    wait_for 5 arrived 20
    kill -9 "$run_pid"
    wait "$run_pid" || true
    run_pid=
    run_weir -u "$URL" -i - -o "$out" --resume < <(sed 's/"a1"/"b1"/' "$jobs")
    is "$code" 4
    run_weir -u "$URL" -i - -o "$out" --resume < <(head -n 3 "$jobs")
    echo "shorter: $code $(cat "$err")"
    is "$code" 4
    run_weir -u "$URL" -i - -o "$out" -c 20 --resume --json < <(cat "$jobs")
    is "$code" 0
    is "$(results '(len(results), len(r), bad)')" "(60, 60, [])"
    is "$(came 'len(a) - len(t) <= 2')" True
    is "$(summary "s['total']")" 60
    run_weir -u "$URL" -i - -o "$out" --resume --json < <(cat "$jobs")
    is "$code" 0
    is "$(summary "(s['skipped'], s['attempts'])")" "(60, 0)"
}

@test "an early end by a pause that is too long can be gone on with" {
    start_server
    { make_jobs 2 && echo '/give?status=429&header=retry-after:3600' && make_jobs 50 10; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 1
    is "$code" 3
    is "$(results '(sorted(r), bad)')" "(['a1', 'a2'], [])"
    has "$(cat "$err")" "--resume"
}
