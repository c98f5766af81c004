#!/usr/bin/env bats
# weir bench: short grids against its own target, peers that are shell commands, and what it writes where.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    json=$BATS_TEST_TMPDIR/bench.json
    err=$BATS_TEST_TMPDIR/stderr
    conf=$BATS_TEST_TMPDIR/conf.json
    target_pid=
    bench_pid=
}

teardown() {
    stop_target
    [ -z "$bench_pid" ] || kill -9 "$bench_pid" 2>/dev/null || true
}

# bench ARGUMENTS: exit code in $code, stdout in $json, stderr in $err.
bench() {
    code=0
    timeout 60 "$weir" bench "$@" >"$json" 2>"$err" 3>&- || code=$?
    cat "$err"
}

# figure EXPRESSION: over `r`, the results, and `s`, the subjects of the first cell by their names.
figure() {
    python3 -c 'import json,sys
r = json.load(open(sys.argv[1]))
s = {x["name"]: x for x in r["cells"][0]["subjects"]}
print(eval(sys.argv[2]))' "$json" "$1"
}

@test "a short grid: every subject in every round, and figures that fit together" {
    bench -n 200 -c 4,16 --latency 0ms --rounds 2 --json
    is "$code" 0
    is "$(cat "$err")" ""
    is "$(wc -l <"$json")" 1
    is "$(figure "(r['weir_bench'], r['built_in'], r['rounds'], r['warmups'], r['intended'], r['limit'])")" "(1, True, 2, 1, False, None)"
    is "$(figure "[(c['concurrency'], c['target_latency_ms'], c['total']) for c in r['cells']]")" "[(4, 0, 200), (16, 0, 200)]"
    is "$(figure "[(x['name'], x['kind'], x['skipped']) for x in r['cells'][1]['subjects']]")" \
        "[('threads', 'engine', None), ('async', 'engine', None), ('naive', 'naive', None)]"
    is "$(figure "{tuple(f['round'] for f in x['rounds']) for x in s.values()}")" "{(0, 1, 2)}"
    is "$(figure "{(f['failed'], f['requests'], f['succeeded'], f['failures'], f['refused']) for x in s.values() for f in x['rounds']}")" \
        "{(False, 200, 200, 0, 0)}"
    is "$(figure "all(0 < f['elapsed_s'] < 30 and f['cpu_us'] > 0 and f['max_rss_bytes'] > 1e6 and f['quota'] is None for x in s.values() for f in x['rounds'])")" True
    is "$(figure "all(0 < m['latency_ms']['p50'] <= m['latency_ms']['p99'] <= m['latency_ms']['max'] for m in (x['median'] for x in s.values()))")" True
    is "$(figure "all(sum(t['ended'] for t in x['series']) == 200 == sum(t['statuses'][2] for t in x['series']) for x in s.values())")" True
    is "$(figure "all(x['curve'][-1]['share'] == 1 and x['errors'] == {} for x in s.values())")" True
    is "$(figure "max(t['in_flight'] for t in s['threads']['series']) <= 4")" True
    is "$(figure "r['config']['bench']['rounds']")" 2
}

@test "the latency of the target is in every subject's latencies" {
    bench -n 20 -c 5 --latency 30ms --rounds 1 --warmups 0 --json
    is "$code" 0
    is "$(figure "[x['name'] for x in s.values() if not 30 <= x['median']['latency_ms']['p50'] < 200]")" "[]"
}

@test "the table is for people, and CSV has a line for each round" {
    bench -n 50 -c 4 --latency 0ms --rounds 1 --engines threads,naive
    is "$code" 0
    has "$(cat "$json")" "4 in flight, the target takes 0 ms: 50 requests a round, medians of 1 round"
    has "$(cat "$json")" "threads"
    lacks "$(cat "$json")" "!"
    bench -n 50 -c 4 --latency 0ms --rounds 2 --engines threads,naive --csv
    is "$code" 0
    is "$(python3 -c 'import csv,sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
print([(x["subject"], x["round"], x["requests"]) for x in rows if x["round"] not in ("least", "most")])' "$json")" \
        "[('threads', 'warmup', '50'), ('threads', '1', '50'), ('threads', '2', '50'), ('threads', 'median', '50'), ('naive', 'warmup', '50'), ('naive', '1', '50'), ('naive', '2', '50'), ('naive', 'median', '50')]"
}

@test "a target that limits: engines with the rate are not refused, without it they are marked" {
    bench -n 60 -c 8 --limit 50/s -r 50/s --latency 0ms --rounds 1 --warmups 0 --json
    is "$code" 0
    is "$(figure "(r['limit'], r['rates'], r['intended'])")" "('50/1s', '50/1s', True)"
    for engine in threads async; do
        is "$(figure "(s['$engine']['median']['refused'], s['$engine']['median']['succeeded'])")" "(0, 60)"
        is "$(figure "0.8 < s['$engine']['median']['quota'] <= 1")" True
    done
    # each round has a target whose window is empty
    is "$(figure "(s['naive']['median']['succeeded'], s['naive']['median']['refused'], s['naive']['median']['failures'])")" "(50, 10, 0)"
    is "$(figure "sum(t['refused'] for t in s['naive']['series'])")" 10
    bench -n 60 -c 60 --limit 50/s --latency 0ms --rounds 1 --warmups 0 --engines naive
    is "$code" 0
    has "$(cat "$json")" "! naive"
    has "$(cat "$json")" "refused (429)"
}

@test "peers run in a shell, their requests are counted by the target, and {url} is quoted" {
    cat >"$conf" <<'J'
{"total": 12, "bench": {"concurrency": 3, "latency": "0ms", "rounds": 1, "warmups": 0, "engines": []},
 "peers": [{"name": "curl & co", "command": "curl -sf --no-progress-meter -Z --parallel-max {concurrency} -o /dev/null {url}'#[1-{total}]'", "requires": "curl"},
           {"name": "half", "command": "for i in 1 2 3 4 5 6; do curl -s -o /dev/null {url}; done"}]}
J
    bench "$conf" --json
    is "$code" 0
    is "$(figure "(s['curl & co']['median']['requests'], s['curl & co']['median']['succeeded'], s['curl & co']['kind'])")" "(12, 12, 'peer')"
    is "$(figure "s['half']['median']['requests']")" 6
    is "$(figure "s['half']['median']['cpu_us'] > 0 and s['half']['median']['max_rss_bytes'] > 1e6 and s['half']['median']['latency_ms']['p50'] is None and s['half']['curve'] == []")" True
    bench "$conf" --peers half --json
    is "$(figure "list(s)")" "['half']"
    bench "$conf" --peers hal --json
    is "$code" 2
    has "$(cat "$err")" 'did you mean "half"?'
    bench "$conf" --peers none
    is "$code" 2
    has "$(cat "$err")" "nothing to measure"
}

@test "a peer that fails is a failed round and exit code 1; the others go on" {
    echo '{"peers": [{"name": "bad", "command": "sh -c '"'exit 3'"'"}, {"name": "lazy", "command": "true"}]}' >"$conf"
    bench "$conf" -n 20 -c 2 --latency 0ms --rounds 2 --engines threads --json
    is "$code" 1
    has "$(cat "$err")" "bad, 2 in flight: exit status 3"
    has "$(cat "$err")" "lazy, 2 in flight: none of its requests succeeded"
    is "$(wc -l <"$err")" 2
    is "$(figure "(s['bad']['median']['failed'], s['bad']['median']['cpu_us'], s['bad']['errors'])")" "(True, None, {'failed_rounds': 2})"
    is "$(figure "(s['threads']['median']['failed'], s['threads']['median']['succeeded'])")" "(False, 20)"
    bench "$conf" -n 20 -c 2 --latency 0ms --rounds 2 --engines none
    is "$code" 1
    has "$(cat "$json")" "! bad: 2 of 2 rounds failed"
}

@test "a peer whose requirement is not met is skipped with a word" {
    echo '{"peers": [{"name": "a", "command": "exit 1", "requires": "no-such-program-here"},
                     {"name": "b", "command": "exit 1", "requires": "python3 -c '"'import no_such_module'"'"}]}' >"$conf"
    bench "$conf" -n 10 -c 2 --latency 0ms --rounds 1 --engines threads --json
    is "$code" 0
    is "$(figure "[(x['skipped'], x['rounds']) for x in (s['a'], s['b'])]")" "[('not installed', []), ('not installed', [])]"
    bench "$conf" -n 10 -c 2 --latency 0ms --rounds 1 --engines threads
    has "$(cat "$json")" "skipped: not installed"
}

@test "with a URL the target is that one, its latency its own, and the configuration's request goes out" {
    start_target
    echo "{\"url\": \"$URL/x\", \"method\": \"POST\", \"headers\": {\"A\": \"b\"}, \"body\": {\"n\": \"{i}\"}, \"concurrency\": 2}" >"$conf"
    bench "$conf" -n 10 --rounds 2 --warmups 1 --json
    is "$code" 0
    is "$(figure "[(c['concurrency'], c['target_latency_ms']) for c in r['cells']]")" "[(2, None)]"
    is "$(figure "(r['built_in'], r['url'])")" "(False, '$URL/x')"
    is "$(stats paths)" '{"/x": 90}'
    is "$(stats methods)" '{"POST": 90}'
    for option in '--latency 5ms' '--limit 10/s'; do
        # shellcheck disable=SC2086
        bench "$conf" $option
        is "$code" 2
        has "$(cat "$err")" "for the built-in target"
    done
}

@test "no secret is in the results or on a peer's command line" {
    start_target
    echo "{\"url\": \"http://user:open-sesame@${URL#http://}/\", \"headers\": {\"Authorization\": \"Bearer open-sesame\"},
           \"peers\": [{\"name\": \"p\", \"command\": \"true\"}]}" >"$conf"
    bench "$conf" -n 5 -c 1 --rounds 1 --warmups 0 --engines threads --json
    is "$code" 0
    lacks "$(cat "$json" "$err")" open-sesame
    is "$(figure "s['p']['skipped']")" "the URL has a secret in it, which must not stand on a command line"
}

@test "-o keeps the JSON; a file that cannot be written is exit code 5 before anything is measured" {
    bench -n 20 -c 2 --latency 0ms --rounds 1 --warmups 0 --engines threads -o "$conf" --csv
    is "$code" 0
    has "$(cat "$json")" "concurrency,"
    json=$conf
    is "$(figure "s['threads']['median']['succeeded']")" 20
    bench -n 20 -o "$BATS_TEST_TMPDIR/no/such/file"
    is "$code" 5
    has "$(cat "$err")" "No such file"
}

@test "mistakes are told, exit code 2" {
    while IFS='|' read -r arguments message; do
        # shellcheck disable=SC2086
        bench $arguments
        echo "weir bench $arguments"
        is "$code" 2
        has "$(cat "$err")" "$message"
    done <<'END'
--round 2|did you mean --rounds?
--rounds 0|--rounds: bench.rounds: expected a whole number from 1 to 90, got 0
-c 5,many|expected a whole number from 1 to 100000, got "many"
-c 5,5|expected each entry once
--latency 2x|expected a duration
--engines thread|did you mean "threads"?
--limit 5|--limit: expected a rate
-n 0|1 to 10000000 requests
--json --csv|both want standard output
--engines none|nothing to measure
--peers hey|no peer "hey"
--set bench.round=1|did you mean "bench.rounds"?
-i jobs|unknown option -i
http://127.0.0.1/|a URL is given with -u
END
}

@test "a signal ends it, its round and its target, with exit code 3" {
    setsid "$weir" bench -n 2000 -c 1 --latency 50ms --engines threads -o "$conf" >"$json" 2>"$err" 3>&- &
    bench_pid=$!
    wait_for 5 pgrep -s "$bench_pid" -f -- --child-round >/dev/null
    kill -INT "$bench_pid"
    wait_for 10 gone "$bench_pid"
    code=0
    wait "$bench_pid" || code=$?
    is "$code" 3
    has "$(cat "$err")" "interrupted"
    is "$(pgrep -s "$bench_pid")" ""
    [ ! -e "$conf" ]
    bench_pid=
}

@test "--html makes a page, too" {
    command -v gnuplot >/dev/null || skip "gnuplot is not installed"
    bench -n 50 -c 4 --latency 0ms --rounds 1 --engines threads --html "$BATS_TEST_TMPDIR/bench.html" --quiet
    is "$code" 0
    has "$(head -c 200 "$BATS_TEST_TMPDIR/bench.html")" "<!DOCTYPE html>"
    has "$(cat "$json")" "threads"
}
