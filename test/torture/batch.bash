# What the bats files about batches share: a server that notes whole requests, and readers of what came and of results.

# shellcheck shell=bash disable=SC2034,SC2154 # variables are set here for the tests, and there for here

batch_setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    conf=$BATS_TEST_TMPDIR/conf.json
    jobs=$BATS_TEST_TMPDIR/jobs.jsonl
    out=$BATS_TEST_TMPDIR/results.jsonl
    arrivals=$BATS_TEST_TMPDIR/arrivals
    torture=$BATS_TEST_DIRNAME/../torture
    export PYTHONDONTWRITEBYTECODE=1
    target_pid=
    server_pid=
    run_pid=
}

batch_teardown() {
    [ -z "$run_pid" ] || kill -9 "$run_pid" 2>/dev/null || true
    [ -z "$server_pid" ] || { kill "$server_pid" && wait "$server_pid" 2>/dev/null; } || true
    stop_target
}

# start_server: torture/server.py, whose head says what its paths do; sets URL.  Its arrivals are read by came.
start_server() {
    rm -f "$BATS_TEST_TMPDIR/url"
    python3 "$torture/server.py" --log "$arrivals" >"$BATS_TEST_TMPDIR/url" 2>"$BATS_TEST_TMPDIR/server.err" 3>&- &
    server_pid=$!
    wait_for 5 test -s "$BATS_TEST_TMPDIR/url"
    read -r URL <"$BATS_TEST_TMPDIR/url"
}

# came EXPRESSION: over `a`, the requests in their order, each with at (seconds), method, target, headers (by name in lower case;
# `all` has the pairs) and body; and `t`, the last one of each target.
came() {
    python3 - "$arrivals" "$1" <<'P'
import base64, json, sys, types
a = []
for line in open(sys.argv[1]):
    one = json.loads(line)
    a.append(types.SimpleNamespace(at=one['at'], method=one['method'], target=one['target'], all=one['headers'],
                                   headers={k.lower(): v for k, v in one['headers']}, body=base64.b64decode(one['body'])))
t = {one.target: one for one in a}
print(eval(sys.argv[2]))
P
}

# results EXPRESSION [FILE]: see torture/results.py.
results() {
    python3 "$torture/results.py" "${2:-$out}" "$1"
}

# run_weir ARGUMENTS: exit code in $code, stdout in $json, stderr in $err.
run_weir() {
    code=0
    timeout 20 "$weir" run "$@" >"$json" 2>"$err" || code=$?
    [ "$code" -lt 128 ] || { echo "exit code $code of weir run $*" >&2; return 1; }
}

# make_jobs COUNT [FIRST [SUFFIX]]: lines with ids a1, a2, ... and urls /1, /2, ...
make_jobs() {
    local i
    for ((i = ${2:-1}; i < ${2:-1} + $1; i++)); do
        printf '{"custom_id":"a%d","url":"/%d%s"}\n' "$i" "$i" "${3:-}"
    done
}
