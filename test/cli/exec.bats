#!/usr/bin/env bats
# weir exec: programs that know nothing of weir, against a target that refuses what is too much.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

support=$BATS_TEST_DIRNAME/../support
rate=50/250ms # of most targets, and of who keeps to it
pycurl=/usr/bin/python3 # Debian's, which has the package

# A program with a sanitizer in it is no usual one, and a library with one cannot be preloaded: the release build's are.
setup_file() {
    local built=${weir%/weir}
    case ${WEIR_TEST_MODE:-release} in asan | tsan)
        built=${built%/*}
        [ -e "$built/libweir-exec.so" ] || skip "needs the release build's library"
        export WEIR_EXEC_LIBRARY=$built/libweir-exec.so
        ;;
    esac
    export client=$built/test/support/exec_threads
    if [ ! -x "$client" ]; then
        client=$BATS_FILE_TMPDIR/exec_threads
        gcc -std=c11 -D_GNU_SOURCE -O1 -pthread -o "$client" "$support/exec_threads.c" -lcurl
    fi
}

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    out=$BATS_TEST_TMPDIR/stdout
    err=$BATS_TEST_TMPDIR/stderr
    scope=
    target_pid=
    server_pid=
    child_pid=
}

teardown() {
    stop_target
    [ -z "$server_pid" ] || { kill "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null; }
    [ -z "$child_pid" ] || { kill "$child_pid" 2>/dev/null && wait "$child_pid" 2>/dev/null; }
    [ -z "$scope" ] || rm -f "/dev/shm/weir.$scope"
    return 0
}

# under OPTIONS -- COMMAND: exit code in $code, stdout in $out, stderr in $err.
under() {
    code=0
    timeout 25 "$weir" exec "$@" >"$out" 2>"$err" 3>&- || code=$?
}

# start_server: one that redirects and cuts; its URL in $SERVER.
start_server() {
    local fifo=$BATS_TEST_TMPDIR/server.url
    : >"$fifo"
    python3 "$support/exec_server.py" >"$fifo" 3>&- &
    server_pid=$!
    wait_for 10 test -s "$fifo"
    read -r SERVER <"$fifo"
}

# refused COMMAND: without weir some are.
refused() {
    "$@" >/dev/null 2>&1 || true
    [ "$(stats refused)" -gt 0 ] || { echo "not refused without weir: $*" >&2; return 1; }
    stop_target
}

# all_arrived N: and none was refused.
all_arrived() {
    is "$(stats arrivals) $(stats refused)" "$1 0"
}

@test "threads that call curl_easy_perform are refused without it, and never with it" {
    start_target --limit $rate
    refused "$client" threads "$URL" 100 8
    start_target --limit $rate
    under -r $rate -- "$client" threads "$URL" 80 8
    is "$code $(cat "$out")" "0 200=80 other=0 failed=0"
    all_arrived 80
    is "$(cat "$err")" ""
}

@test "four kinds of loop and threads, each in a process of its own, keep to one limit and share it evenly" {
    start_target --limit $rate
    # shellcheck disable=SC2016 # for the shell that is started
    under -r $rate -- sh -c 'for kind in threads multi late select socket; do "$0" $kind "$1/$kind" 40 4 & done; wait' \
        "$client" "$URL"
    is "$code" 0
    is "$(grep -c '^200=40 other=0 failed=0$' "$out")" 5
    all_arrived 200
}

@test "a loop gets its share beside threads that wait in line" {
    start_target --limit 100/s
    # shellcheck disable=SC2016 # for the shell that is started
    under -r 100/s -- sh -c '"$0" threads "$1/threads" 300 8 & "$0" multi "$1/loop" 50; kill $!; wait' "$client" "$URL"
    threads=$(stats paths | python3 -c 'import json,sys; print(json.load(sys.stdin)["/threads"])')
    is "$(grep -c '^200=50 other=0 failed=0$' "$out") $(stats refused)" "1 0"
    [ "$threads" -le 150 ] || { echo "threads: $threads while the loop had 50" >&2; false; }
}

@test "PHP: curl_exec and curl_multi, though it opens its extensions with RTLD_DEEPBIND" {
    php -m 2>/dev/null | grep -qx curl || skip "php-curl is not installed"
    for mode in easy multi; do
        start_target --limit $rate
        refused php "$support/exec_client.php" $mode "$URL" 80
        start_target --limit $rate
        under -r $rate -- php "$support/exec_client.php" $mode "$URL" 80
        is "$code $(cat "$out")" '0 {"200":80}'
        all_arrived 80
        stop_target
    done
}

@test "pycurl: threads and CurlMulti, with the GnuTLS flavour of libcurl" {
    $pycurl -c 'import pycurl' 2>/dev/null || skip "python3-pycurl is not installed"
    for mode in threads multi; do
        start_target --limit $rate
        refused $pycurl "$support/exec_client.py" $mode "$URL" 80
        start_target --limit $rate
        under -r $rate -- $pycurl "$support/exec_client.py" $mode "$URL" 80
        is "$code $(cat "$out")" '0 {200: 80}'
        all_arrived 80
        stop_target
    done
}

@test "the curl tool, one after the other and in parallel" {
    for parallel in '' -Z; do
        start_target --limit $rate
        refused curl $parallel -s -o /dev/null "$URL/[1-100]"
        start_target --limit $rate
        under -r $rate -- curl $parallel -s -o /dev/null "$URL/[1-80]"
        is "$code" 0
        all_arrived 80
        stop_target
    done
}

@test "children that a script starts at once keep to one limit together" {
    start_target --limit 100/s
    # shellcheck disable=SC2016 # for the shell that is started
    under -r 100/s -- sh -c 'for i in $(seq 80); do curl -s -o /dev/null "$0/$i" & done; wait' "$URL"
    is "$code" 0
    all_arrived 80
}

@test "a child by fork without exec goes on under the same limit" {
    start_target --limit $rate
    under -r $rate -- "$client" fork "$URL" 80
    is "$code $(cat "$out")" "0 200=80 other=0 failed=0"
    all_arrived 80
}

@test "-c 3 keeps to three requests at a time, over threads, loops and processes" {
    start_target --latency 10ms
    # shellcheck disable=SC2016 # for the shell that is started
    under -c 3 -- sh -c 'for kind in threads multi late select socket; do "$0" $kind "$1" 30 8 & done; wait' \
        "$client" "$URL"
    is "$code" 0
    is "$(grep -c '^200=30 other=0 failed=0$' "$out")" 5
    is "$(stats arrivals) $(stats peak_in_flight)" "150 3"
}

@test "redirects and silent resends pay, each of them" {
    start_server
    under -v -r 50/s -- "$client" redirect "$SERVER/r" 20
    is "$code $(cat "$out")" "0 200=20 other=0 failed=0"
    has "$(cat "$err")" "weir exec: 40 requests, "
    before=$(curl -s "$SERVER/count")
    under -v -r 50/s -- curl -s -o /dev/null "$SERVER/cut/[1-6]"
    sends=$(($(curl -s "$SERVER/count") - before))
    [ "$sends" -gt 6 ]
    has "$(cat "$err")" "weir exec: $sends requests, "
}

@test "loops that follow redirects do not block each other for ever at -c 1" {
    start_server
    # shellcheck disable=SC2016 # for the shell that is started
    under -v -c 1 -- sh -c 'for i in 1 2 3; do curl -sZL -o /dev/null "$0/r?[1-8]" & done; wait' "$SERVER"
    is "$code" 0
    has "$(cat "$err")" "weir exec: 48 requests, "
}

@test "a program's own callbacks are called as if weir were not there" {
    start_target
    expected=$("$client" prereq "$URL" 6 || true)
    under -r 100/s -- "$client" prereq "$URL" 6
    is "$(cat "$out")" "$expected"
    has "$expected" "prereqs=6 headers=seen by_body=seen by_file=seen"
    has "$expected" "200=3 other=0 failed=3"
}

@test "handles that are copied, reset and used again pay as well" {
    start_target --limit $rate
    under -r $rate -- "$client" twin "$URL" 80
    is "$code $(cat "$out")" "0 200=80 other=0 failed=0"
    all_arrived 80
}

@test "an answer that asks to wait reaches the program, and makes everybody wait" {
    start_target --limit 10/s --headers retry-after
    under -v -r 1000/s -c 8 -- "$client" threads "$URL" 13 4
    [ "$(stats refused)" -ge 1 ]
    [ "$(stats refused)" -le 5 ] || { echo "refused: $(stats refused)" >&2; false; }
    has "$(cat "$err")" "refused by the server"
}

@test "a scope is shared with weir run" {
    scope=exec.bats.$$.$BATS_TEST_NUMBER
    start_target --limit $rate
    begin -u "$URL" -n 100 -c 5 -r $rate --set "scope=host:$scope"
    under --scope "host:$scope" -c 5 -r $rate -- "$client" threads "$URL" 100 8
    finish
    is "$code $(summary "s['succeeded']")" "0 100"
    is "$(cat "$out")" "200=100 other=0 failed=0"
    all_arrived 200
}

@test "a scope that is named alone is taken as it is, and refused if it has no limits" {
    scope=exec.bats.$$.$BATS_TEST_NUMBER
    under --scope "host:$scope" -- true
    is "$code" 2
    has "$(cat "$err")" "it has no limits yet: give -r or -c"
    under --scope "host:$scope" -r $rate -- true
    is "$code" 0
    start_target --limit $rate
    under --scope "host:$scope" -- "$client" threads "$URL" 80 8
    is "$code" 0
    all_arrived 80
}

@test "the exit code is the command's, or 128 and its signal" {
    under -c 1 -- sh -c 'exit 41'
    is "$code" 41
    # shellcheck disable=SC2016 # for the shell that is started
    under -c 1 -- sh -c 'kill -9 $$'
    is "$code" 137
    under -c 1 true
    is "$code" 0
    under -c 1 -- "$client" exit http://127.0.0.1:1 1
    [ "$code" -ne 0 ]
}

@test "a command that is not there is 127, one that cannot be started 126" {
    under -c 1 -- /no/such/command
    is "$code" 127
    has "$(cat "$err")" "weir exec: /no/such/command: command not found"
    : >"$BATS_TEST_TMPDIR/plain"
    under -c 1 -- "$BATS_TEST_TMPDIR/plain"
    is "$code" 126
    has "$(cat "$err")" "Permission denied"
}

@test "what follows the command's name is the command's, with and without --" {
    under -c 1 echo -r --help -- x
    is "$(cat "$out")" "-r --help -- x"
    under -c 1 -- -c
    is "$code" 127
}

@test "help names every option, within 80 columns" {
    under --help
    is "$code $(cat "$err")" "0 "
    is "$(awk 'length > 80' "$out")" ""
    for option in concurrency rate shape scope verbose help version; do has "$(cat "$out")" "--$option "; done
}

@test "wrong options are told, and nothing is started" {
    local -A wrong=(
        ['-r x true']='--rate: expected a rate such as 100/s'
        ['-r 0/s true']='--rate: expected'
        ['-c 0 true']='--concurrency: expected a whole number from 1'
        ['--shape round -r 1/s true']='--shape: expected strict, window or paced'
        ['--scope x -r 1/s true']='--scope: expected host:NAME'
        ['--scope host:a/b -r 1/s true']='a scope is host: and'
        ['--cuncurrency 3 true']='did you mean --concurrency?'
        ['-r 1/s']='which command?'
        ['-- true']='which limits?'
    )
    for arguments in "${!wrong[@]}"; do
        # shellcheck disable=SC2086 # they are to be split
        under $arguments
        is "$arguments: $code" "$arguments: 2"
        has "$(cat "$err")" "${wrong[$arguments]}"
        is "$(wc -l <"$err")" 1
    done
}

@test "signals reach the command, and its answer is ours" {
    for signal in TERM HUP USR1 USR2 INT QUIT; do
        # The shell starts what runs in the background with two of them ignored.
        env --default-signal=INT,QUIT "$weir" exec -c 1 -- \
            bash -c 'trap "exit 9" '$signal'; echo up; while :; do sleep 0.02; done' >"$out" 3>&- &
        child_pid=$!
        wait_for 5 test -s "$out"
        kill -$signal "$child_pid"
        wait_for 5 gone "$child_pid"
        code=0
        wait "$child_pid" || code=$?
        child_pid=
        is "$signal $code" "$signal 9"
        : >"$out"
    done
}

@test "a program that exits while its transfers run exits as it wishes, and gives its permits back" {
    start_target --latency 20ms
    # shellcheck disable=SC2016 # for the shell that is started
    under -c 4 -- sh -c '"$0" exit "$1" 40; echo $?; "$0" threads "$1" 20 4' "$client" "$URL"
    is "$code" 0
    is "$(head -n 1 "$out")" 7
    has "$(cat "$out")" "200=20 other=0 failed=0"
}

@test "a program that is killed gives its permits back" {
    start_target --latency 50ms
    # shellcheck disable=SC2016 # for the shell that is started
    under -c 2 -- sh -c '"$0" threads "$1" 1000 4 & sleep 0.3; kill -9 $!; wait; "$0" threads "$1" 10 4' "$client" "$URL"
    is "$code" 0
    has "$(cat "$out")" "200=10 other=0 failed=0"
}

@test "what is no HTTP needs no permit" {
    echo text >"$BATS_TEST_TMPDIR/file"
    under -r 1/h -- curl -s "file://$BATS_TEST_TMPDIR/file" "file://$BATS_TEST_TMPDIR/file"
    is "$code $(wc -l <"$out")" "0 2"
    under -r 1/h -- curl -sZ "file://$BATS_TEST_TMPDIR/file" "file://$BATS_TEST_TMPDIR/file"
    is "$code $(grep -c text "$out")" "0 2"
}

@test "a request that was never sent gives its permit back at once" {
    under -r 2/h -- curl -s http://127.0.0.1:1/ http://127.0.0.1:1/ http://127.0.0.1:1/ http://127.0.0.1:1/
    is "$code" 7
}

@test "without the limits that it was handed a program's requests fail, with one line" {
    start_target
    for variable in WEIR_EXEC_SCOPE= WEIR_EXEC_SCOPE=process WEIR_EXEC_RATES=1 WEIR_EXEC_CONCURRENCY=-1 \
        WEIR_EXEC_SCOPE="host:$(printf 'x%.0s' $(seq 100))"; do
        under -c 1 -- env "$variable" "$client" threads "$URL" 5 2
        is "$variable: $(cat "$out")" "$variable: 200=0 other=0 failed=5"
        is "$(wc -l <"$err")" 1
        has "$(cat "$err")" "the environment does not say which limits: ${variable%%=*}"
    done
    under -c 1 -- env WEIR_EXEC_SCOPE= "$client" multi "$URL" 1
    is "$(cat "$out")" "200=0 other=0 failed=1"
    is "$(stats arrivals)" 0
}

@test "nothing is left of a scope of its own, and the environment goes to the command alone" {
    under -v -r 100/s -r 5000/h -r auto --shape window -c 3 -- env
    is "$code" 0
    name=$(sed -n 's/^WEIR_EXEC_SCOPE=host:\(exec\..*\)$/\1/p' "$out")
    [ -n "$name" ] && [ ! -e "/dev/shm/weir.$name" ] && [ ! -e "/dev/shm/weir-exec.${name#exec.}" ]
    is "$(sed -n 's/^WEIR_EXEC_RATES=//p' "$out")" "100/1s:window,5000/1h:window,auto"
    is "$(sed -n 's/^WEIR_EXEC_CONCURRENCY=//p' "$out")" 3
    has "$(cat "$err")" "weir exec: no request went through the limits"
}

@test "another preloaded library stays, after ours" {
    [ "${WEIR_TEST_MODE:-release}" = release ] || skip "a program with a sanitizer takes no preloaded library"
    printf 'int nothing;\n' | gcc -shared -fPIC -x c -o "$BATS_TEST_TMPDIR/other.so" -
    code=0
    LD_PRELOAD=$BATS_TEST_TMPDIR/other.so "$weir" exec -c 1 -- env >"$out" || code=$?
    is "$code" 0
    has "$(sed -n 's/^LD_PRELOAD=//p' "$out")" "/libweir-exec.so:$BATS_TEST_TMPDIR/other.so"
}

@test "dlopen still looks along the RUNPATH of who calls it" {
    cd "$BATS_TEST_TMPDIR"
    mkdir sub
    printf 'int answer(void) { return 42; }\n' | gcc -shared -fPIC -x c -o sub/libfound.so -
    printf '#include <dlfcn.h>\nint find(void) { void *h = dlopen("libfound.so", RTLD_NOW); int (*f)(void) = h ? (int (*)(void))dlsym(h, "answer") : 0; return f ? f() : 1; }\n' |
        gcc -shared -fPIC -x c -o libfinder.so - "-Wl,-rpath,\$ORIGIN/sub" -Wl,--enable-new-dtags
    printf 'int find(void);\nint main(void) { return find(); }\n' | gcc -x c -o finder - -L. -lfinder "-Wl,-rpath,\$ORIGIN"
    under -c 1 -- ./finder
    is "$code" 42
}

@test "a command inside keeps to the limits outside: weir run under weir exec" {
    [ "${WEIR_TEST_MODE:-release}" = release ] || skip "a program with a sanitizer takes no preloaded library"
    start_target --limit $rate
    under -r $rate -- "$weir" run -u "$URL" -n 80 -c 10 --quiet
    is "$code" 0
    all_arrived 80
}
