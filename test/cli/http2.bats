#!/usr/bin/env bats
# HTTP/2: an nginx that offers it, in front of a target that counts; its log says which request came over what.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    mkdir "$BATS_FILE_TMPDIR/certs"
    sh "$BATS_TEST_DIRNAME/../support/certs.sh" "$BATS_FILE_TMPDIR/certs"
}

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    log=$BATS_TEST_TMPDIR/access.log
    certs=$BATS_FILE_TMPDIR/certs
    ca=tls.ca_file=$certs/ca.pem
    target_pid=
    nginx_pid=
    silent_pid=
    run_pid=
}

teardown() {
    [ -z "$run_pid" ] || { kill -9 "$run_pid" 2>/dev/null && wait "$run_pid" 2>/dev/null; }
    [ -z "$silent_pid" ] || { kill "$silent_pid" 2>/dev/null && wait "$silent_pid" 2>/dev/null; }
    [ -z "$nginx_pid" ] || { kill "$nginx_pid" 2>/dev/null && wait "$nginx_pid" 2>/dev/null; }
    stop_target
}

# accepts PORT
accepts() {
    (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# start_nginx [DIRECTIVES of its server]: sets FRONT, whose paths are the target's.
start_nginx() {
    local port dir=$BATS_TEST_TMPDIR nginx
    nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx)
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$dir/nginx.conf" <<E
daemon off; master_process off; pid $dir/pid; error_log stderr crit;
events { worker_connections 2048; }
http {
    client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4;
    scgi_temp_path $dir/t5;
    log_format kinds '\$connection \$server_protocol \$status \$request_method \$uri';
    access_log $log kinds;
    upstream target { server ${URL#http://}; keepalive 300; }
    keepalive_requests 100000;
    ssl_certificate $certs/server.pem; ssl_certificate_key $certs/server.key;
    server {
        listen 127.0.0.1:$port ssl http2;
        ${1:-}
        location / { proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
}
E
    "$nginx" -e stderr -p "$dir" -c "$dir/nginx.conf" 3>&- &
    nginx_pid=$!
    wait_for 10 accepts "$port"
    FRONT=https://127.0.0.1:$port
}

# run_weir ARGUMENTS: exit code in $code, the summary in $json, stderr in $err.
run_weir() {
    code=0
    timeout 20 "$weir" run "$@" --set "$ca" --json >"$json" 2>"$err" || code=$?
}

# count FIELD: how many different values it has in the log.
count() {
    awk -v n="$1" '{ print $n }' "$log" | sort -u | wc -l
}

@test "200 in flight need a few connections, and each request comes over HTTP/2" {
    start_target --latency 50ms
    start_nginx
    run_weir -u "$FRONT/{i}" -n 1000 -c 200 --engine async
    cat "$err"
    is "$code" 0
    is "$(summary "(s['succeeded'], s['attempts'], s['statuses'])")" "(1000, 1000, {'200': 1000})"
    is "$(stats arrivals)" 1000
    is "$(awk '{ print $2 }' "$log" | sort | uniq -c | tr -s ' ')" " 1000 HTTP/2.0"
    echo "connections: $(count 1), at the target in flight: $(stats peak_in_flight)"
    [ "$(count 1)" -le 4 ]
    [ "$(stats peak_in_flight)" -gt 100 ]
}

@test "each of several loops has connections of its own" {
    start_target --latency 50ms
    start_nginx
    run_weir -u "$FRONT/{i}" -n 600 -c 200 --engine async --set loops=2
    cat "$err"
    is "$code" 0
    is "$(awk '{ print $2 }' "$log" | sort -u)" "HTTP/2.0"
    echo "connections: $(count 1)"
    [ "$(count 1)" -ge 2 ]
    [ "$(count 1)" -le 6 ]
}

@test "threads speak HTTP/1.1, each over its own connection" {
    start_target --latency 5ms
    start_nginx
    run_weir -u "$FRONT/{i}" -n 200 -c 10 --engine threads
    cat "$err"
    is "$code" 0
    is "$(awk '{ print $2 }' "$log" | sort | uniq -c | tr -s ' ')" " 200 HTTP/1.1"
    [ "$(count 1)" -le 10 ]
}

@test "a rate limit is kept over HTTP/2" {
    start_target --latency 20ms --limit 50/s --window sliding
    start_nginx
    run_weir -u "$FRONT/{i}" -n 120 -r 50/s -c 100 --engine async
    cat "$err"
    is "$code" 0
    is "$(stats refused)" 0
    [ "$(stats worst_window)" -le 50 ]
    is "$(summary "s['limits'][1]['worst_window'] <= 50 and 2 <= s['elapsed_s'] < 4")" True
    [ "$(count 1)" -le 2 ]
}

@test "the timeout of some streams ends those alone" {
    start_target --latency 50ms
    # who listens and accepts nothing, but the system does
    python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(64); print(s.getsockname()[1], flush=True); time.sleep(20)' \
        >"$BATS_TEST_TMPDIR/silent" 3>&- &
    silent_pid=$!
    wait_for 5 test -s "$BATS_TEST_TMPDIR/silent"
    start_nginx "location /silent { proxy_pass http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/silent"); }"
    for i in $(seq 100); do [ $((i % 10)) -eq 0 ] && echo /silent/"$i" || echo "/$i"; done >"$BATS_TEST_TMPDIR/jobs"
    run_weir -u "$FRONT/" -i "$BATS_TEST_TMPDIR/jobs" -o /dev/null -c 100 --timeout 1s --retries 0 --engine async
    cat "$err"
    is "$code" 1
    is "$(summary "(s['succeeded'], s['failed'], s['errors'])")" "(90, 10, {'timeout': 10})"
    is "$(summary "1 <= s['elapsed_s'] < 4")" True
    [ "$(count 1)" -le 2 ]
}

@test "a server that allows few streams at a time gets all the same" {
    start_target --latency 10ms
    start_nginx "http2_max_concurrent_streams 8;"
    run_weir -u "$FRONT/{i}" -n 300 -c 64 --engine async
    cat "$err"
    is "$code" 0
    # what comes before the server has said how many it allows may be refused unprocessed, and is sent again
    is "$(stats arrivals)" 300
    is "$(summary "s['succeeded']")" 300
}

@test "a server that closes its connections loses no GET and gets no POST twice" {
    start_target --latency 5ms
    start_nginx "keepalive_requests 40;"
    run_weir -u "$FRONT/{i}" -n 400 -c 32 --engine async
    cat "$err"
    is "$code" 0
    is "$(summary "s['succeeded']")" 400
    run_weir -u "$FRONT/post/{i}" -n 200 -c 32 -X POST -d x --engine async
    cat "$err"
    is "$(stats paths | python3 -c 'import json,sys; print(max(v for k, v in json.load(sys.stdin).items() if "post" in k))')" 1
    is "$(summary "s['succeeded'] + s['unknown'] + s['failed']")" 200
}

@test "two signals end a hundred streams at once" {
    start_target --latency 30s
    start_nginx
    begin -u "$FRONT/{i}" -n 200 -c 100 --engine async --set "$ca"
    wait_for 5 in_flight 100
    kill -INT "$run_pid"
    wait_for 5 grep -q . "$err"
    sent_ms=$(date +%s%3N)
    kill -INT "$run_pid"
    finish
    took_ms=$(($(date +%s%3N) - sent_ms))
    is "$code" 3
    is "$(summary "(s['succeeded'], s['cancelled'])")" "(0, 200)"
    echo "took $took_ms ms"
    [ "$took_ms" -lt 2000 ]
}
