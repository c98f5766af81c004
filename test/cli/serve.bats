#!/usr/bin/env bats
# `weir serve` as a user of curl sees it.

setup()
{
    WEIR="${WEIR:-build/weir}"
    pid=
}

teardown()
{
    [ -z "$pid" ] || stop || true
}

# start OPTION...: a server on a port of its own; sets $url (without a last slash) and $pid.
start()
{
    rm -f "$BATS_TEST_TMPDIR/out" # of an earlier start
    "$WEIR" serve --port 0 --duration 60s "$@" > "$BATS_TEST_TMPDIR/out" 2> "$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    for _ in $(seq 500); do
        [ ! -s "$BATS_TEST_TMPDIR/out" ] || break
        kill -0 "$pid" || break
        sleep 0.02
    done
    url=$(head -n 1 "$BATS_TEST_TMPDIR/out")
    url=${url%/}
    [ -n "$url" ] || { cat "$BATS_TEST_TMPDIR/err"; return 1; }
}

# Ends it; its exit code is the result.
stop()
{
    local code=0
    kill "$pid" 2> /dev/null || true
    wait "$pid" || code=$?
    pid=
    return "$code"
}

get()
{
    curl -sS --max-time 20 "$@"
}

# status [OPTION...] URL
status()
{
    get -o /dev/null -w '%{http_code}\n' "$@"
}

# stat EXPRESSION: of the statistics, called s, in Python
stat()
{
    get "$url/stats" | python3 -c "import json, sys; s = json.load(sys.stdin); print($1)"
}

@test "the URL is the first line on stdout, and a signal ends it with 0" {
    start
    echo "$url"
    [[ "$url" =~ ^http://127\.0\.0\.1:[0-9]+$ ]]
    [ "$(wc -l < "$BATS_TEST_TMPDIR/out")" -eq 1 ]
    [ "$(status "$url/")" = 200 ]
    stop
}

@test "SIGINT ends it with 0, and --duration does" {
    # A background job of a script has SIGINT ignored from its start, and ends on it nevertheless.
    "$WEIR" serve --port 0 > "$BATS_TEST_TMPDIR/out" 2> /dev/null 3>&- &
    pid=$!
    for _ in $(seq 500); do [ ! -s "$BATS_TEST_TMPDIR/out" ] || break; sleep 0.02; done
    kill -INT "$pid"
    wait "$pid"
    pid=
    run timeout 20 "$WEIR" serve --port 0 --duration 50ms --quiet
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
}

@test "what is beyond the limit is refused with 429" {
    start --limit 3/1m
    run status "$url/[1-5]"
    echo "$output"
    [ "$output" = $'200\n200\n200\n429\n429' ]
    [ "$(stat 's["worst_window"], s["refused"], s["limit"], s["period_s"]')" = "5 2 3 60" ]
    stop
}

@test "--refusal names the status" {
    start --limit 1/1m --refusal 503
    [ "$(status "$url/[1-2]")" = $'200\n503' ]
    stop
}

@test "each window shape lets its share pass at once" {
    for shape in sliding:5 fixed:5 counter:5 bucket:5 leaky:1 none:8; do
        start --limit 5/1h --window "${shape%:*}"
        run status "$url/[1-8]"
        [ "$(grep -c 200 <<< "$output")" -eq "${shape#*:}" ] || { echo "$shape: $output"; return 1; }
        stop
    done
    start --limit 5/1h --window leaky --burst 3
    [ "$(status "$url/[1-8]" | grep -c 200)" -eq 4 ]
    stop
}

@test "retry-after: on refusals only" {
    start --limit 1/1m --headers retry-after
    run get -i "$url/a"
    [[ ! "$output" =~ Retry-After ]]
    run get -i "$url/b"
    echo "$output"
    [[ "$output" =~ "HTTP/1.1 429" ]]
    [[ "$output" =~ Retry-After:\ (59|60) ]]
}

@test "ietf: policy and state on every response" {
    start --limit 2/1m --headers ietf
    run get -i "$url/a"
    echo "$output"
    [[ "$output" =~ 'RateLimit-Policy: "default";q=2;w=60' ]]
    [[ "$output" =~ 'RateLimit: "default";r=1;t=60' ]]
    get "$url/b"
    run get -i "$url/c"
    echo "$output"
    [[ "$output" =~ 'RateLimit: "default";r=0;t=' ]]
    [[ "$output" =~ Retry-After:\ (59|60) ]]
}

@test "legacy: X-RateLimit with seconds from now" {
    start --limit 2/1m --headers legacy
    run get -i "$url/a"
    echo "$output"
    [[ "$output" =~ "X-RateLimit-Limit: 2" ]]
    [[ "$output" =~ "X-RateLimit-Remaining: 1" ]]
    [[ "$output" =~ "X-RateLimit-Reset: 60" ]]
}

@test "github: x-ratelimit with epoch seconds" {
    start --limit 2/1m --headers github
    run get -i "$url/a"
    now=$(date +%s)
    echo "$output"
    [[ "$output" =~ "x-ratelimit-limit: 2" ]]
    [[ "$output" =~ "x-ratelimit-remaining: 1" ]]
    [[ "$output" =~ "x-ratelimit-used: 1" ]]
    [[ "$output" =~ "x-ratelimit-resource: core" ]]
    [[ "$output" =~ x-ratelimit-reset:\ ([0-9]+) ]]
    reset=${BASH_REMATCH[1]}
    [ "$reset" -ge $((now + 40)) ]
    [ "$reset" -le $((now + 61)) ]
}

@test "openai: reset as a duration" {
    start --limit 2/6m --headers openai
    run get -i "$url/a"
    echo "$output"
    [[ "$output" =~ "x-ratelimit-limit-requests: 2" ]]
    [[ "$output" =~ "x-ratelimit-remaining-requests: 1" ]]
    [[ "$output" =~ "x-ratelimit-reset-requests: 6m0s" ]]
}

@test "anthropic: reset as an RFC 3339 time" {
    start --limit 1/1m --headers anthropic
    run get -i "$url/a"
    echo "$output"
    [[ "$output" =~ "anthropic-ratelimit-requests-limit: 1" ]]
    [[ "$output" =~ "anthropic-ratelimit-requests-remaining: 0" ]]
    [[ "$output" =~ anthropic-ratelimit-requests-reset:\ ([0-9T:-]+Z) ]]
    reset=$(date -d "${BASH_REMATCH[1]}" +%s)
    [ "$reset" -ge $(($(date +%s) + 40)) ]
    [ "$reset" -le $(($(date +%s) + 61)) ]
    [[ ! "$output" =~ retry-after ]]
    run get -i "$url/b"
    echo "$output"
    [[ "$output" =~ retry-after:\ (59|60) ]]
}

@test "discord: reset with fractions, since 1970 and from now" {
    start --limit 1/1m --headers discord
    run get -i "$url/a"
    echo "$output"
    [[ "$output" =~ "X-RateLimit-Limit: 1" ]]
    [[ "$output" =~ "X-RateLimit-Remaining: 0" ]]
    [[ "$output" =~ X-RateLimit-Reset:\ [0-9]{10}\.[0-9]{3} ]]
    [[ "$output" =~ "X-RateLimit-Reset-After: 60.000" ]]
    [[ "$output" =~ "X-RateLimit-Bucket: " ]]
    [[ ! "$output" =~ Retry-After ]]
    run get -i "$url/b"
    echo "$output"
    [[ "$output" =~ X-RateLimit-Reset-After:\ 59\.[0-9]{3} ]]
    [[ "$output" =~ Retry-After:\ (59|60) ]]
}

@test "fixed: reset is when the window rolls, in the first response already" {
    for dialect in legacy:X-RateLimit-Reset ietf:RateLimit openai:x-ratelimit-reset-requests; do
        start --limit 5/2h --window fixed --headers "${dialect%:*}"
        sleep 1.1 # into the window, whose end does not move with the request
        get -D "$BATS_TEST_TMPDIR/head" -o /dev/null "$url/a"
        cat "$BATS_TEST_TMPDIR/head"
        line=$(grep "^${dialect#*:}: " "$BATS_TEST_TMPDIR/head" | tr -d '\r')
        # 2 h less the time since the start, 1.1 s or somewhat more on a busy machine
        [[ "$line" =~ (719[0-9]|1h59m5[0-9]s)$ ]]
        stop
    done
}

@test "--refuse-for refuses everything from the first request on, then no more" {
    start --refuse-for 1s --refusal 503 --headers retry-after --log "$BATS_TEST_TMPDIR/log"
    sleep 1.1 # it does not count from the start
    run get -i "$url/1"
    echo "$output"
    [[ "$output" =~ "HTTP/1.1 503" ]]
    [[ "$output" =~ "Retry-After: 1" ]]
    for i in $(seq 2 200); do
        code=$(status "$url/$i")
        [ "$code" = 503 ] || break
        sleep 0.02
    done
    [ "$code" = 200 ]
    [ "$(stat 's["refused"] == s["arrivals"] - 1')" = True ]
    cat "$BATS_TEST_TMPDIR/log"
    # By the server's own clock: refused in the first second from the first request, answered after it.
    awk 'NR == 1 { first = $1 } { wrong += ($1 - first < 1) != ($4 == 503) } END { exit wrong || NR < 2 }' \
        "$BATS_TEST_TMPDIR/log"
    get -X POST "$url/reset"
    [ "$(status "$url/again")" = 503 ]
    stop
}

@test "--refuse-for tells the dialect's fields, and takes nothing from the limit" {
    start --refuse-for 1m --limit 5/1h --headers github
    run get -i "$url/a"
    echo "$output"
    [[ "$output" =~ "HTTP/1.1 429" ]]
    [[ "$output" =~ "x-ratelimit-limit: 5" ]]
    [[ "$output" =~ "x-ratelimit-remaining: 0" ]]
    [[ "$output" =~ x-ratelimit-reset:\ ([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -le $(($(date +%s) + 61)) ]
    stop
    start --refuse-for 1ms --limit 2/1h
    status "$url/1"
    sleep 0.05
    run status "$url/[2-4]"
    echo "$output"
    [ "$output" = $'200\n200\n429' ]
    stop
}

@test "--retry-after says the same in every refusal, and in no other answer" {
    for dialect in none retry-after ietf legacy github openai anthropic discord; do
        start --limit 1/1h --headers $dialect --retry-after 1.2s
        get -D "$BATS_TEST_TMPDIR/first" -o /dev/null "$url/a"
        get -D "$BATS_TEST_TMPDIR/second" -o /dev/null "$url/b"
        cat "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second"
        run grep -ic '^retry-after:' "$BATS_TEST_TMPDIR/first"
        [ "$output" = 0 ]
        [ "$(grep -i '^retry-after:' "$BATS_TEST_TMPDIR/second" | tr -d '\r' | tr A-Z a-z)" = "retry-after: 2" ]
        stop
    done
}

@test "--log has a line for each request that is counted" {
    start --limit 3/1h --log "$BATS_TEST_TMPDIR/log"
    status "$url/[1-3]" "$url/4?a=%20b"
    get -d x "$url/echo"
    [ "$(stat 's["arrivals"]')" = 5 ] # and now they are in the file
    cat "$BATS_TEST_TMPDIR/log"
    [ "$(cut -d' ' -f2- "$BATS_TEST_TMPDIR/log")" = $'GET /1 200\nGET /2 200\nGET /3 200\nGET /4?a=%20b 429\nPOST /echo 429' ]
    awk '!($1 ~ /^[0-9]+\.[0-9][0-9][0-9][0-9][0-9][0-9]$/) || $1 < last { exit 1 } { last = $1 }' "$BATS_TEST_TMPDIR/log"
    get -X POST "$url/reset"
    status "$url/5"
    stop # at the end, too
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/log" | cut -d' ' -f2-)" = "GET /5 200" ]
    [ "$(wc -l < "$BATS_TEST_TMPDIR/log")" -eq 6 ]
}

@test "--log calls a connection that is closed on purpose a reset, and names failures and bodies too large" {
    start --reset 1 --log "$BATS_TEST_TMPDIR/log"
    run get "$url/x"
    stop
    [ "$(cut -d' ' -f2- "$BATS_TEST_TMPDIR/log")" = "GET /x reset" ]
    start --fail 503:1 --log "$BATS_TEST_TMPDIR/log"
    status "$url/y"
    stop
    [ "$(cut -d' ' -f2- "$BATS_TEST_TMPDIR/log")" = "GET /y 503" ]
    start --log "$BATS_TEST_TMPDIR/log"
    truncate -s 17M "$BATS_TEST_TMPDIR/body"
    status --data-binary @"$BATS_TEST_TMPDIR/body" "$url/up"
    run get -H 'Transfer-Encoding: chunked' --data-binary @"$BATS_TEST_TMPDIR/body" "$url/up"
    stop
    cat "$BATS_TEST_TMPDIR/log"
    [ "$(cut -d' ' -f2- "$BATS_TEST_TMPDIR/log")" = $'POST /up 413\nPOST /up reset' ]
}

@test "a log that cannot be written is exit 5" {
    run timeout 20 "$WEIR" serve --port 0 --log /nonexistent/log
    echo "$output"
    [ "$status" -eq 5 ]
    [[ "$output" =~ "/nonexistent/log: No such file" ]]
    start --log /dev/full
    status "$url/"
    code=0
    stop || code=$?
    cat "$BATS_TEST_TMPDIR/err"
    [ "$code" -eq 5 ]
    grep "/dev/full: No space left" "$BATS_TEST_TMPDIR/err"
}

@test "answers of --fail count against the limit and carry the dialect's fields" {
    start --limit 2/1h --fail 503:100% --headers ietf
    run get -i "$url/a"
    echo "$output"
    [[ "$output" =~ "HTTP/1.1 503" ]]
    [[ "$output" =~ 'RateLimit-Policy: "default";q=2;w=3600' ]]
    [[ "$output" =~ 'RateLimit: "default";r=1;t=3600' ]]
    [[ ! "$output" =~ Retry-After ]]
    [ "$(status "$url/[2-3]")" = $'503\n429' ]
    stop
}

@test "/stats counts arrivals, statuses, exact paths and methods, and not itself" {
    start
    status "$url/get?a=%20b" "$url/get?a=%20b" "$url/other"
    status -X DELETE "$url/get"
    status -I "$url/stats"
    [ "$(stat 's["arrivals"]')" = 5 ]
    [ "$(stat 's["statuses"]')" = "{'200': 5}" ]
    [ "$(stat 's["paths"]')" = "{'/get?a=%20b': 2, '/other': 1, '/get': 1, '/stats': 1}" ]
    [ "$(stat 's["methods"]')" = "{'GET': 3, 'DELETE': 1, 'HEAD': 1}" ]
    [ "$(stat 's["in_flight"], s["peak_in_flight"], s["open_connections"], s["limit"]')" = "0 1 1 None" ]
    [ "$(stat '0 <= s["first_arrival_s"] <= s["last_arrival_s"] <= s["elapsed_s"]')" = True ]
    stop
}

@test "POST /reset zeroes statistics and window" {
    start --limit 1/1h
    [ "$(status "$url/[1-2]")" = $'200\n429' ]
    get -X POST "$url/reset"
    [ "$(stat 's["arrivals"], s["worst_window"], s["paths"]')" = "0 0 {}" ]
    [ "$(status "$url/[1-2]")" = $'200\n429' ]
}

@test "/echo answers with the body and its type" {
    start
    head -c 300000 /dev/urandom > "$BATS_TEST_TMPDIR/body"
    get --data-binary @"$BATS_TEST_TMPDIR/body" -H 'Content-Type: x/y' -D "$BATS_TEST_TMPDIR/head" "$url/echo" \
        > "$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/body" "$BATS_TEST_TMPDIR/back"
    grep -i '^content-type: x/y' "$BATS_TEST_TMPDIR/head"
    get -H 'Transfer-Encoding: chunked' --data-binary @"$BATS_TEST_TMPDIR/body" "$url/echo" > "$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/body" "$BATS_TEST_TMPDIR/back"
}

@test "a body beyond the bound is answered with 413" {
    start
    truncate -s 17M "$BATS_TEST_TMPDIR/body"
    [ "$(status --data-binary @"$BATS_TEST_TMPDIR/body" "$url/up")" = 413 ]
    [ "$(status "$url/")" = 200 ]
}

@test "--fail answers its share, the same with the same seed" {
    start --fail 503:0.2 --fail 500:10% --seed 3
    first=$(status "$url/[1-400]")
    stop
    start --fail 503:0.2 --fail 500:10% --seed 3
    [ "$(status "$url/[1-400]")" = "$first" ]
    stat 's["statuses"]'
    [ "$(stat '50 <= s["statuses"]["503"] <= 110 and 20 <= s["statuses"]["500"] <= 62')" = True ]
    stop
    start --fail 503:100%
    [ "$(status "$url/[1-3]")" = $'503\n503\n503' ]
}

@test "--reset closes without an answer, after counting" {
    start --reset 1
    run get "$url/x"
    echo "$output"
    [ "$status" -eq 52 ]
    [ "$(stat 's["arrivals"], s["resets"], s["statuses"], s["in_flight"]')" = "1 1 {} 0" ]
}

@test "--latency delays the answer and --uplink the counting" {
    start --latency 200ms --uplink 50ms
    run get -o /dev/null -w '%{time_total}' "$url/x"
    echo "$output"
    awk -v t="$output" 'BEGIN { exit !(t >= 0.2 && t < 5) }'
    [ "$(stat 's["arrivals"]')" = 1 ]
}

@test "a client that goes away while it waits harms nobody" {
    start --latency 300ms
    run curl -s --max-time 0.05 "$url/x"
    [ "$status" -eq 28 ]
    for _ in $(seq 200); do [ "$(stat 's["in_flight"]')" != 0 ] || break; sleep 0.02; done
    [ "$(stat 's["in_flight"], s["arrivals"]')" = "0 1" ]
    [ "$(status "$url/")" = 200 ]
    stop
}

@test "requests that wait are let go when it ends" {
    start --latency 1h
    curl -s -o /dev/null --max-time 20 "$url/x" 3>&- &
    client=$!
    for _ in $(seq 200); do [ "$(stat 's["in_flight"]')" = 0 ] || break; sleep 0.02; done
    stop
    wait "$client"
}

@test "thousands of slow requests wait at once on a handful of threads" {
    start --latency 1s --quiet
    run python3 "$BATS_TEST_DIRNAME/serve_crowd.py" "${url##*:}" 2000
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -le 4 ]
    [ "$(stat 's["peak_in_flight"], s["statuses"]')" = "2000 {'200': 2000}" ]
    stop
}

@test "--body sets the size of the answer" {
    for size in 0 1 2 1000; do
        start --body $size
        [ "$(get "$url/" | wc -c)" -eq $size ]
        stop
    done
}

@test "it listens on loopback only, unless told otherwise" {
    start
    port=$(printf '%04X' "${url##*:}")
    awk -v p=":$port" '$4 == "0A" && index($2, p) { print $2 }' /proc/net/tcp /proc/net/tcp6 > "$BATS_TEST_TMPDIR/at"
    cat "$BATS_TEST_TMPDIR/at"
    [ "$(cat "$BATS_TEST_TMPDIR/at")" = "0100007F:$port" ]
    stop
    start --listen 127.0.0.2
    [[ "$url" =~ ^http://127\.0\.0\.2: ]]
    [ "$(status "$url/")" = 200 ]
}

@test "CONFIG has the same names, and options override it" {
    echo '{"limit": "2/1h", "window": "fixed", "fail": ["503:0"]}' > "$BATS_TEST_TMPDIR/c.json"
    start "$BATS_TEST_TMPDIR/c.json"
    [ "$(status "$url/[1-3]")" = $'200\n200\n429' ]
    stop
    start "$BATS_TEST_TMPDIR/c.json" --limit 1/1h
    [ "$(status "$url/[1-2]")" = $'200\n429' ]
    stop
    printf '{\n"limit": "2/1h",\n"windoe": "fixed"}' > "$BATS_TEST_TMPDIR/c.json"
    run "$WEIR" serve "$BATS_TEST_TMPDIR/c.json"
    echo "$output"
    [ "$status" -eq 2 ]
    [[ "$output" =~ "c.json:3: windoe" ]]
}

@test "usage errors exit 2 with one line that names what is wrong" {
    while IFS='|' read -r options expected; do
        # shellcheck disable=SC2086
        run timeout 20 "$WEIR" serve $options
        echo "$options -> $status: $output"
        [ "$status" -eq 2 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ "$output" =~ $expected ]]
    done << 'END'
--limit fast|--limit: expected N/PERIOD
--limit 5/s --window round|--window: expected sliding
--fail 503|--fail: expected STATUS:SHARE
--fail 503:80% --reset 30%|add up to more than 1
--headers ietf|--headers needs --limit
--headers retry-after|--headers retry-after needs --limit
--retry-after 1s|--retry-after needs --limit
--refuse-for soon|--refuse-for: expected a duration
--limit 5/s --headers rfc|--headers: expected none, retry-after
--port 99999|--port: expected a port
--listen example.com|--listen: expected a numeric
--latency|--latency
--latencyy 5ms|--latencyy
END
}

@test "a port in use is a clear error" {
    start
    run "$WEIR" serve --port "${url##*:}"
    echo "$output"
    [ "$status" -eq 2 ]
    [[ "$output" =~ "cannot listen on 127.0.0.1 port ${url##*:}: Address already in use" ]]
}

@test "--help prints the usage on stdout" {
    run "$WEIR" serve --help
    [ "$status" -eq 0 ]
    [[ "$output" =~ "Usage: weir serve" ]]
    [[ "$output" =~ "--limit" ]]
}
