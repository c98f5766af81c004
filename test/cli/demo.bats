#!/usr/bin/env bats
# weir demo, whole: some ten seconds.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    demo_pid=
}

teardown() {
    [ -z "$demo_pid" ] || kill -9 "$demo_pid" 2>/dev/null || true
}

@test "demo shows that a semaphore is refused and weir is not, and leaves nothing behind" {
    # setsid, so that what it leaves behind can be told from others' processes
    # a proxy that the environment names has no part in it
    http_proxy=http://127.0.0.1:1 setsid "$weir" demo >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    demo_pid=$!
    wait_for 19 gone "$demo_pid"
    code=0
    wait "$demo_pid" || code=$?
    cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
    is "$code" 0
    is "$(pgrep -s "$demo_pid")" ""
    # name, sent, ok, 429
    python3 - "$BATS_TEST_TMPDIR/out" <<'P'
import re, sys
rows = {}
for line in open(sys.argv[1]):
    m = re.match(r'(.*?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.]+)\s+([\d.]+)$', line)
    if m:
        rows[m[1]] = [int(m[2]), int(m[3]), int(m[4]), float(m[5]), float(m[6])]
assert list(rows) == ['no limit', 'semaphore of 3', 'semaphore of 3, sleeps 1 s when full', 'weir -r 100/s'], rows
assert rows['no limit'][2] > 0, rows
assert rows['semaphore of 3'][2] > 0, rows
assert rows['semaphore of 3, sleeps 1 s when full'][:3] == [12, 12, 0], rows
assert rows['weir -r 100/s'][:3] == [300, 300, 0], rows
assert 80 < rows['weir -r 100/s'][4] <= 160, rows
P
    has "$(cat "$BATS_TEST_TMPDIR/out")" "worst window"
    has "$(cat "$BATS_TEST_TMPDIR/out")" "the server counted at most"
}

@test "demo's target dies with it" {
    "$weir" demo >/dev/null 2>&1 3>&- &
    demo_pid=$!
    wait_for 5 pgrep -P "$demo_pid" >/dev/null
    child=$(pgrep -P "$demo_pid" | head -1)
    kill -9 "$demo_pid"
    wait "$demo_pid" || true
    wait_for 5 gone "$child"
}
