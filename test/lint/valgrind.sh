#!/usr/bin/env bash
# Memcheck on quick unit programs, and on a short `weir run` against `weir serve`, both under it.
# Usage: OUT=build test/lint/valgrind.sh
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"
out=${OUT:-build}
exec </dev/null

# Those without threads and timing, which valgrind would slow too much; the sanitizers have the others.
programs='base_crc32c base_histogram base_units cli_expand cli_forecast cli_jobs cli_options cli_past cli_resolve cli_say
    core_limits core_options json_base64 json_config json_jobline json_overrides json_print json_scan json_writer policy_advice policy_backoff policy_date policy_feedback policy_feedback_odd
    policy_limits policy_pause policy_pause_ramp policy_redirect pool_gate pool_queue serve_headers serve_options serve_stats
    serve_window'

# `timeout` hands a signal on, so that its process can be told to end.
memcheck=(timeout -k 5 120 valgrind --quiet --error-exitcode=99 --leak-check=full '--show-leak-kinds=definite,indirect'
    '--errors-for-leak-kinds=definite,indirect' --suppressions=test/lint/valgrind.supp)

printf '#include <stdlib.h>\nint main(void)\n{\n    volatile char *p = malloc(1);\n    return p[1];\n}\n' >"$work/bad.c"
gcc -O0 -o "$work/bad" "$work/bad.c" && ! "${memcheck[@]}" "$work/bad" >/dev/null 2>&1
result $? 'valgrind: the check finds what is planted'

for program in $programs; do
    "${memcheck[@]}" "$out/test/unit/test_$program" >"$work/log" 2>&1
    result $? "valgrind: test_$program"
done

# Prints the URL that a server has written as the first line of a file.
url_of() { # FILE PID
    for _ in $(seq 300); do
        if [ -s "$1" ] && read -r url <"$1"; then echo "$url" && return; fi
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

"${memcheck[@]}" "$out/weir" serve --port 0 --limit 100/s --latency 5ms >"$work/url" 2>"$work/serve.log" &
server=$!
if url=$(url_of "$work/url" $server); then
    "${memcheck[@]}" "$out/weir" run -u "$url" -n 60 -c 4 -r 100/s -H 'x-n: {i}' --json >"$work/summary" 2>"$work/log" &&
        grep -q '"succeeded": *60\b' "$work/summary"
    status=$?
    cat "$work/summary" >>"$work/log"
    result $status 'valgrind: weir run'
    kill -TERM $server 2>/dev/null
    wait $server
    status=$?
    cp "$work/serve.log" "$work/log"
    result $status 'valgrind: weir serve'
else
    kill $server 2>/dev/null
    cp "$work/serve.log" "$work/log"
    result 1 'valgrind: weir serve and weir run'
fi
finish
