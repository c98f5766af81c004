#!/usr/bin/env bats
# What people and machines see of a run while it lasts: the progress line, SIGUSR1, the metrics file.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    metrics=$BATS_TEST_TMPDIR/weir.prom
    target_pid=
    run_pid=
    finish_within=20
}

teardown() {
    [ -z "$run_pid" ] || kill -9 "$run_pid" 2>/dev/null || true
    stop_target
}

# on_terminal COLUMNS SECONDS ARGUMENTS: a run with a terminal of that width as its stderr, which is narrowed to 30
# columns after SECONDS; what was drawn goes to $err, one line a drawing, and where and how wide each was to $widths.
on_terminal() {
    widths=$BATS_TEST_TMPDIR/widths
    timeout 30 python3 - "$err" "$widths" "$1" "$2" "$weir" run "${@:3}" 3>&- <<'P'
import fcntl, os, pty, re, struct, subprocess, sys, termios, threading, time
out, widths, columns, seconds, command = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
def resize(fd, to):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, to, 0, 0))
ours, theirs = pty.openpty()
resize(ours, columns)
process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
                           env={**os.environ, 'TERM': 'xterm'})
os.close(theirs)
if seconds > 0:
    threading.Timer(seconds, resize, (ours, 30)).start()
text, begun = [], time.monotonic()
while True:
    try:
        data = os.read(ours, 65536)
    except OSError:
        break
    if not data:
        break
    text.append((time.monotonic() - begun, data.decode()))
process.wait()
with open(out, 'w') as lines, open(widths, 'w') as sizes:
    for at, data in text:
        for line in re.split(r'\r\x1b\[K', data)[1:]:
            line = line.split('\r\n')[0]
            lines.write(line + '\n')
            if re.match(r'\[|\d+/|\d+%', line):
                sizes.write('%.3f %d\n' % (at, len(line)))
P
}

# bats test_tags=any_engine
@test "on a terminal one line is drawn in place, ten times a second at most, and never as wide as the terminal" {
    start_target --latency 50ms
    on_terminal 80 0 -u "$URL/" -n 60 -c 3 -r 20/s
    cat "$err"
    grep -Eq '^\[#*\.*\] [0-9]+/60  [0-9.]+/s  [0-9]+ ok  .*in flight' "$err"
    grep -Eq 'at 20/1s' "$err"
    grep -Eq '[0-9]+ s left' "$err"
    is "$(awk '$2 > 79' "$widths")" ""
    # the run takes some 3 s
    drawn=$(wc -l <"$widths")
    [ "$drawn" -ge 10 ]
    is "$(awk -v n="$drawn" 'NR == 1 { first = $1 } { last = $1 } END { print n - 1 <= (last - first) * 10.5 + 1 }' "$widths")" 1
}

# bats test_tags=any_engine
@test "a terminal that is made narrower gets a shorter line, with the count in it" {
    start_target --latency 50ms
    on_terminal 120 1 -u "$URL/" -n 60 -c 3 -r 20/s
    cat "$widths"
    [ "$(awk '$1 < 0.9 && $2 > 40' "$widths" | wc -l)" -ge 3 ]
    is "$(awk '$1 > 1.3 && $2 > 29' "$widths")" ""
    [ "$(grep -Ec '^[0-9]+/60  [0-9.]+/s' "$err")" -ge 3 ]
}

# bats test_tags=any_engine
@test "in a log there is a plain line every ten seconds, without bar and control characters" {
    start_target
    begin -u "$URL/" -n 12 -r 1/s
    finish
    is "$code" 0
    cat "$err"
    is "$(grep -c '^progress: ' "$err")" 1
    grep -Eq '^progress: (10|11)/12, 1\.[01]/s, (10|11) ok, 0 failed, 0 429, [01] in flight, at 1/1s, [12] s left$' "$err"
    lacks "$(cat "$err")" $'\r'
    lacks "$(cat "$err")" $'\033'
}

# said REGEX: on stderr, in a line that was drawn or written.
said() {
    tr '\r' '\n' <"$err" | grep -Eq "$1"
}

@test "a limit that holds all up for long is named, and its period counts in what is left" {
    start_target
    begin -u "$URL/" -n 9 -r 5/h --shape window --progress always
    wait_for 5 said '5/9  0\.0/s  5 ok  0 in flight  at 5/1h  59 min left'
    kill -USR1 "$run_pid"
    wait_for 5 said 'progress: 5/9, .* 0 in flight, at 5/1h$' # what is left is not known there
    kill -INT "$run_pid"
    finish
    is "$code" 3
}

# bats test_tags=any_engine
@test "--quiet and --progress never show nothing" {
    start_target --latency 50ms
    begin -u "$URL/" -n 20 -c 2 --quiet
    finish
    is "$(cat "$err")" ""
    begin -u "$URL/" -n 20 -c 2 --progress never
    finish
    lacks "$(cat "$err")" "/20"
}

@test "SIGUSR1 says how far a run is, under --quiet too, and ends nothing" {
    start_target --latency 700ms
    begin -u "$URL/" -n 6 -c 3 --quiet
    wait_for 5 in_flight 3
    kill -USR1 "$run_pid"
    wait_for 5 grep -q '^progress: ' "$err"
    grep -Eq '^progress: [0-6]/6, [0-9.]+/s, [0-6] ok, 0 failed, 0 429, [0-3] in flight' "$err"
    kill -USR1 "$run_pid"
    finish
    is "$code" 0
    is "$(summary "s['succeeded']")" 6
    is "$(grep -vc '^progress: ' "$err")" 0
}

@test "a SIGUSR1 before the first request kills nothing" {
    start_target --latency 100ms
    begin -u "$URL/" -n 3 -c 1 --quiet
    # from the moment that it blocks the signal on: /proc says so before anything is sent
    wait_for 5 grep -Eq '^SigBlk:.*[2367abef][0-9a-f]{2}$' "/proc/$run_pid/status"
    kill -USR1 "$run_pid"
    finish
    is "$code" 0
    is "$(summary "s['succeeded']")" 3
}

@test "a SIGUSR1 that nobody reads does not hold up the signal after it" {
    start_target --latency 200ms
    mkfifo "$BATS_TEST_TMPDIR/full"
    # a pipe that is full from the start
    exec 4<>"$BATS_TEST_TMPDIR/full"
    timeout 1 head -c 1048576 /dev/zero >&4 || true
    "$weir" run -u "$URL/" -n 1000 -c 2 --quiet --json >"$json" 2>&4 3>&- &
    run_pid=$!
    wait_for 5 in_flight 1
    kill -USR1 "$run_pid"
    sleep 0.1 # signals of two numbers have no order
    kill -TERM "$run_pid"
    finish
    exec 4>&-
    is "$code" 3
    is "$(summary "s['succeeded'] + s['cancelled']")" 1000
}

@test "the metrics file is there while the run lasts and whole at any time, and final at its end" {
    start_target --latency 20ms --fail 503:20% --seed 1
    begin -u "$URL/" -n 60 -c 3 -r 30/s --set retry.backoff=10ms --metrics "$metrics" --quiet
    wait_for 5 test -s "$metrics"
    is "$(tail -c 1 "$metrics" | od -An -c | tr -d ' ')" '\n'
    grep -q '^weir_jobs_expected 60$' "$metrics"
    kill -0 "$run_pid"
    finish
    echo "code $code"
    is "$(sed -n 's/^weir_jobs_total{outcome="succeeded"} //p' "$metrics")" "$(summary "s['succeeded']")"
    is "$(sed -n 's/^weir_attempts_total //p' "$metrics")" "$(stats arrivals)"
    is "$(sed -n 's/^weir_responses_total{code="503"} //p' "$metrics")" "$(summary "s['statuses']['503']")"
    is "$(sed -n 's/^weir_request_duration_seconds_bucket{le="+Inf"} //p' "$metrics")" "$(summary "s['succeeded']")"
    is "$(sed -n 's/^weir_request_duration_seconds_bucket{le="60"} //p' "$metrics")" "$(summary "s['succeeded']")"
    is "$(sed -n 's/^weir_request_duration_seconds_bucket{le="0.01"} //p' "$metrics")" 0
    is "$(sed -n 's/^weir_limit_worst_window_requests{limit="30.1s"} //p' "$metrics")" \
        "$(summary "s['limits'][1]['worst_window']")"
    beside=("$metrics"*)
    is "${beside[*]}" "$metrics"
}

# bats test_tags=any_engine
@test "promtool finds nothing wrong with the metrics" {
    command -v promtool >/dev/null || skip "promtool is not here: Debian has it in the package prometheus"
    start_target --latency 5ms --limit 20/s --headers retry-after
    begin -u "$URL/" -n 40 -c 3 -r 1000/s -r 5000/h --metrics "$metrics" --quiet
    finish
    is "$code" 0
    run promtool check metrics <"$metrics"
    is "$status" 0
    is "$output" ""
    printf '# TYPE weir_bad counter\nweir_bad 1\n' >"$metrics"
    run promtool check metrics <"$metrics" # it does look
    has "$output" weir_bad
}

# bats test_tags=any_engine
@test "a metrics file that cannot be written is said before anything is sent, and what is no file is left alone" {
    start_target
    begin -u "$URL/" -n 3 --metrics "$BATS_TEST_TMPDIR/none/weir.prom"
    finish
    is "$code" 5
    has "$(cat "$err")" "none/weir.prom: "
    ln -s /dev/null "$metrics"
    begin -u "$URL/" -n 3 --metrics "$metrics"
    finish
    is "$code" 5
    is "$(readlink "$metrics")" /dev/null
    is "$(stats arrivals)" 0
}
