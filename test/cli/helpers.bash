# What the command's tests share: a target with known behaviour, its own figures, and waits that are bounded.
#
# WEIR names the command; each test has its target on a port of its own, which teardown ends by pid.

# shellcheck shell=bash disable=SC2034,SC2154 # variables are set here for the tests, and there for here
weir=${WEIR:-build/weir}
case $weir in /*) ;; *) weir=$BATS_TEST_DIRNAME/../../$weir ;; esac

# start_target [options of weir serve]: sets URL and target_pid.  It ends by itself after a minute, whatever happens.
start_target() {
    local fifo=$BATS_TEST_TMPDIR/target.url
    : >"$fifo"
    "$weir" serve --port 0 --quiet --duration 60s "$@" >"$fifo" 3>&- &
    target_pid=$!
    wait_for 5 test -s "$fifo"
    read -r URL <"$fifo"
    URL=${URL%/}
}

stop_target() {
    [ -z "${target_pid:-}" ] || { kill "$target_pid" 2>/dev/null && wait "$target_pid" 2>/dev/null; }
    target_pid=
    return 0
}

# stats KEY: a figure of the target, as JSON; KEY is a Python subscript path such as "paths"]["/1.
stats() {
    curl -s "$URL/stats" | python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)[sys.argv[1]]))' "$1"
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "timed out: $*" >&2; return 1; }
        sleep 0.02
    done
}

# gone PID: it runs no more; a zombie is gone, too.
gone() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# begin ARGUMENTS: a run in the background, its exit code to come from finish.
begin() {
    "$weir" run "$@" --json >"$json" 2>"$err" 3>&- &
    run_pid=$!
}

# finish: waits at most 10 s for its end, or $finish_within; the code is in $code.
finish() {
    wait_for "${finish_within:-10}" gone "$run_pid"
    code=0
    wait "$run_pid" || code=$?
    run_pid=
}

# in_flight N: the target has at least so many requests in hand.
in_flight() {
    [ "$(stats in_flight)" -ge "$1" ]
}

# summary EXPRESSION: a Python expression over `s`, the object in the file named by $json.
summary() {
    python3 -c 'import json,sys; s=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$json" "$1"
}

# is ACTUAL EXPECTED: both are shown where they differ.
is() {
    [ "$1" = "$2" ] || { printf 'got:      %s\nexpected: %s\n' "$1" "$2" >&2; return 1; }
}

has() {
    [[ "$1" == *"$2"* ]] || { printf 'got:     %s\nwithout: %s\n' "$1" "$2" >&2; return 1; }
}

lacks() {
    [[ "$1" != *"$2"* ]] || { printf 'got:  %s\nwith: %s\n' "$1" "$2" >&2; return 1; }
}
