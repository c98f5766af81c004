#!/usr/bin/env bats
# Jobs in by lines, results out by lines: what is sent to the byte, what is written to the field.

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

# ------------------------------------------------------------------------------------------------------------- lines in

@test "jobs and URLs stand in one file; ids are the line numbers unless given" {
    start_server
    printf '%s\n' '{"custom_id":"a1","url":"/one"}' '' "$URL/two" '   ' '{"url":"/four"}' '/five' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --json
    is "$code" 0
    is "$(came 'sorted(one.target for one in a)')" "['/five', '/four', '/one', '/two']"
    is "$(results 'sorted((v["weir"]["line"], k) for k, v in r.items())')" "[(1, 'a1'), (3, '3'), (5, '5'), (6, '6')]"
    is "$(results 'bad')" "[]"
    is "$(summary "(s['total'], s['succeeded'], s['skipped'])")" "(4, 4, 0)"
}

@test "-i - reads jobs from a pipe, and from a file put there" {
    start_server
    make_jobs 5 | run_weir -u "$URL" -i - -o "$out" --json
    is "$(results 'sorted(r)')" "['a1', 'a2', 'a3', 'a4', 'a5']"
    is "$(summary "(s['total'], s['succeeded'])")" "(5, 5)"
    make_jobs 3 6 >"$jobs"
    run_weir -u "$URL" -i - -o "$out.2" <"$jobs"
    is "$code" 0
    is "$(results 'sorted(r)' "$out.2")" "['a6', 'a7', 'a8']"
}

@test "a pipe's jobs are sent as they come, not once it has ended" {
    start_server
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    "$weir" run -u "$URL" -i - -o "$out" --quiet <"$BATS_TEST_TMPDIR/pipe" 2>"$err" 3>&- &
    run_pid=$!
    exec 8>"$BATS_TEST_TMPDIR/pipe"
    make_jobs 1 >&8
    wait_for 5 grep -q '"custom_id":"a1"' "$out"
    make_jobs 1 2 >&8
    wait_for 5 grep -q '"custom_id":"a2"' "$out"
    exec 8>&-
    finish
    is "$code" 0
}

@test "relative URLs are resolved against the base as RFC 3986 says" {
    start_server
    printf '%s\n' '/v1/x' 'y' '../z' '?q=1' './w/../v' "//${URL#http://}/host" 'a/b?c=d#fragment' >"$jobs"
    run_weir -u "$URL/a/b/c?d#e" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(came 'sorted(t)')" "['/a/b/a/b?c=d', '/a/b/c?q=1', '/a/b/v', '/a/b/y', '/a/z', '/host', '/v1/x']"
}

@test "without a base a relative URL is a failed job, and the others go on" {
    start_server
    printf '%s\n' '/v1/x' "$URL/ok" '{"custom_id":"n","url":"x"}' >"$jobs"
    run_weir -i "$jobs" -o "$out"
    is "$code" 1
    is "$(came 'sorted(t)')" "['/ok']"
    is "$(results 'sorted((k, v["weir"]["outcome"], v["response"] is None) for k, v in r.items())')" \
        "[('1', 'failed', True), ('2', 'succeeded', False), ('n', 'failed', True)]"
}

@test "a line's headers come over the configuration's, name by name; null takes one out" {
    start_server
    echo "{\"url\": \"$URL\", \"input\": \"jobs.jsonl\", \"headers\": {\"X-A\": \"1\", \"X-B\": \"2\", \"X-C\": \"3\", \"X-I\": \"{i}\"}}" >"$conf"
    printf '%s\n' '{"url":"/1","headers":{"x-a":"line","X-D":"4","x-b":null}}' '{"url":"/2"}' >"$jobs"
    run_weir "$conf" -o "$out"
    is "$code" 0
    names="[[o.headers.get(n) for n in ('x-a','x-b','x-c','x-d','x-i')]"
    is "$(came "$names for o in [t['/1']]]")" "[['line', None, '3', '4', '1']]"
    is "$(came "$names for o in [t['/2']]]")" "[['1', '2', '3', None, '2']]"
    is "$(came "sum(k.lower() == 'x-a' for k, v in t['/1'].all)")" 1
}

@test "a line's method and body, and the configuration's where it has none" {
    start_server
    printf '%s\n' '{"url":"/get"}' '{"url":"/post","body":{"a":1}}' '{"url":"/put","method":"PUT","body":"text"}' \
        '{"url":"/delete","method":"DELETE"}' '{"url":"/null","method":null,"headers":null,"custom_id":null}' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(came "[(o.target, o.method, o.body) for o in sorted(a, key=lambda o: o.target)]")" \
        "[('/delete', 'DELETE', b''), ('/get', 'GET', b''), ('/null', 'GET', b''), ('/post', 'POST', b'{\"a\":1}'), ('/put', 'PUT', b'text')]"
    rm "$arrivals" && : >"$arrivals"
    kill "$server_pid" && wait "$server_pid" || true
    start_server
    printf '%s\n' '{"url":"/own","body":[1]}' '/configured' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -d 'from -d' -o "$out.2"
    is "$code" 0
    is "$(came "(t['/own'].body, t['/configured'].body, t['/configured'].method)")" "(b'[1]', b'from -d', 'POST')"
}

@test "JSON bodies reach the server byte for byte, with content-type: application/json" {
    start_server
    python3 - "$jobs" "$BATS_TEST_TMPDIR/bodies" <<'P'
import sys
bodies = ['9007199254740993', '{"n":9007199254740993}', '1e400', '[1.10, -0, 1E+2,0.1e-7]', r'"x"'.replace('"x"', '{"s":"\\ud83d\\ude00\\u00e9\\/\\u0000"}'),
          '{"a":1,"a":2}', '{ "b" :\t[ true , null ] }', '{"i":"{i}"}', 'true', 'false', '[]', '{}', '{"\u00e9":"\U0001f600\u2028"}',
          '123456789012345678901234567890.123456789012345678901234567890', '{"deep":' + '[' * 50 + ']' * 50 + '}']
with open(sys.argv[1], 'w') as jobs, open(sys.argv[2], 'w') as all:
    for i, body in enumerate(bodies):
        jobs.write('{"url":"/echo?%d","method":"POST", "body" : %s }\n' % (i, body))
        all.write(body + '\n')
P
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(came "b''.join(t['/echo?%d' % i].body + b'\n' for i in range(len(a)))")" \
        "$(python3 -c 'import sys; print(open(sys.argv[1],"rb").read())' "$BATS_TEST_TMPDIR/bodies")"
    is "$(came "{o.headers['content-type'] for o in a}")" "{'application/json'}"
    # and come back as they were
    while IFS= read -r body; do
        grep -qF "\"body\":$body}" "$out" || { echo "not in the results: $body"; grep -F '"body"' "$out" | head -c 2000; false; }
    done <"$BATS_TEST_TMPDIR/bodies"
}

@test "a string body is sent as its text; a line's own content-type stays" {
    start_server
    printf '%s\n' '{"url":"/1","method":"POST","body":"a\u00e9\ud83d\ude00\n\t\"\\\/\u0000z"}' \
        '{"url":"/2","method":"POST","body":{"a":1},"headers":{"Content-Type":"application/vnd.api+json"}}' \
        '{"url":"/3","method":"POST","body":""}' '{"url":"/4","method":"POST","body":"{i} 1e5"}' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(came "t['/1'].body == 'a\u00e9\U0001f600\n\t\"\\\\/\0z'.encode()")" True
    lacks "$(came "t['/1'].headers")" application/json
    is "$(came "(t['/2'].headers['content-type'], t['/3'].body, t['/3'].headers.get('content-length'), t['/4'].body)")" \
        "('application/vnd.api+json', b'', '0', b'{i} 1e5')"
}

@test "a mebibyte of text and one of JSON arrive whole and come back whole" {
    start_server
    python3 - "$jobs" <<'P'
import json, sys
text = ('all \u00e9\u4e2d\U0001f600 "quoted" \\ and\nnew ' * 50000)[:1 << 20]
with open(sys.argv[1], 'w') as jobs:
    jobs.write(json.dumps({'custom_id': 'text', 'url': '/echo', 'method': 'POST', 'body': text}) + '\n')
    jobs.write(json.dumps({'custom_id': 'json', 'url': '/echo', 'method': 'POST', 'body': [text]}, ensure_ascii=False) + '\n')
P
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(results "bad or (r['text']['response']['body'] == r['json']['response']['body'][0], len(r['text']['response']['body']))")" \
        "(True, 1048576)"
    is "$(results "r['json']['response']['body'][0].startswith('all \u00e9\u4e2d\U0001f600 \"quoted\" \\\\ and\nnew all')")" True
}

@test "what a line brings besides comes back under metadata, byte for byte" {
    start_server
    printf '%s\n' '{"n":9007199254740993,"custom_id":"m","tags":["a",1.10,{"x":1e400}],"url":"/1","\u006bey":"\u00e9"}' \
        '{"custom_id":"none","url":"/2"}' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    has "$(cat "$out")" '"metadata":{"n":9007199254740993,"tags":["a",1.10,{"x":1e400}],"\u006bey":"\u00e9"}'
    is "$(results "('metadata' in r['m'], 'metadata' in r['none'], bad)")" "(True, False, [])"
}

@test "CRLF, blank lines and no line end at the end" {
    start_server
    printf '{"url":"/1"}\r\n\r\n \t\r\n/2\r\n/3' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --json
    is "$code" 0
    is "$(came 'sorted(t)')" "['/1', '/2', '/3']"
    is "$(results 'sorted(r)')" "['1', '4', '5']"
    is "$(summary "s['total']")" 3
}

@test "a bad line is a failed job with its number and what is wrong, quotes nothing, and the others go on" {
    start_server
    python3 - "$jobs" <<'P'
import sys
bad = [b'{"url":"/x","body":canary}', b'{"custom_id":"canary"}', b'{"url":7}', b'{"url":"/canary","url":"/b"}',
       b'{"url":"/x","headers":{"X-Canary":1}}', b'{"url":"/x","headers":["canary"]}', b'{"url":"/canary"',
       b'{"url":"/x"} canary', b'{"url":"/x","method":"GE T canary"}', b'{"url":"/x","headers":{"X":"a\\r\\ncanary: 1"}}',
       b'{"url":"/x","headers":{"x-a":"canary","X-A":"canary"}}', b'{"url":"/x","body":"canary\xff"}',
       b'{"url":"/x","body":01}', b'{"url":"/x","body":"\\ud800canary"}', b'{"url":"/\\u0000canary"}',
       b'\xef\xbb\xbf{"url":"/canary"}', b'{"url":"ftp://canary/"}', b'{"url":"http://canary canary/"}', b'{canary}', b'{',
       b"{'url':'/canary'}", b'{"url":"/x",}', b'{"url":"/x","custom_id":["canary"]}', b'{"url":"http://"}',
       b'{"url":"/x","method":"get\\u0000canary"}', b'{"url":"/x","headers":{"Content-Length":"5"}}',
       b'{"url":"/x","headers":{"ca nary":"5"}}', b'{"url":"/x","body":[' + b'[' * 100 + b']' * 100 + b']}']
with open(sys.argv[1], 'wb') as jobs:
    for line in bad:
        jobs.write(line + b'\n/good\n')
P
    run_weir -u "$URL" -i "$jobs" -o "$out" --json
    is "$code" 1
    count=$(($(wc -l <"$jobs") / 2))
    results "[(x['weir']['line'], x['error']['code'], x['error']['message']) for x in results if x['error']]"
    is "$(came 'set(t)')" "{'/good'}"
    is "$(summary "(s['total'], s['failed'], s['succeeded'], s['attempts'])")" "($((2 * count)), $count, $count, $count)"
    is "$(results 'len(results) - len(r), bad' | head -1)" "(0, [])"
    is "$(results "[x for x in range(1, 2 * $count, 2) if x not in [y['weir']['line'] for y in results if y['weir']['outcome'] == 'failed']]")" "[]"
    is "$(results "{(x['response'], x['weir']['attempts'], x['weir']['sent_at']) for x in results if x['error']}")" "{(None, 0, None)}"
    is "$(results "{x['error']['code'] for x in results if x['error']} - {'bad_line', 'bad_request'}")" "set()"
    is "$(results "sorted(x['weir']['line'] for x in results if x['error'] and 'line %d' % x['weir']['line'] not in x['error']['message'] and not x['error']['message'])")" "[]"
    lacks "$(results "[x['error']['message'] for x in results if x['error']]")" canary
    lacks "$(cat "$err" "$json")" canary
}

@test "what is wrong with a bad line is said with its line number on stderr" {
    start_server
    printf '%s\n' '/1' '/2' '{"url":' '/4' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --progress never
    is "$code" 1
    has "$(cat "$err" "$out")" "column 8"
    is "$(results "[x['weir']['line'] for x in results if x['error']]")" "[3]"
}

@test "a line over 16 MiB is a failed job, one of 16 MiB is not, and memory stays small" {
    start_server
    python3 - "$jobs" <<'P'
import sys
def line(size, i):
    head = '{"url":"/%d","x":"' % i
    return head + 'y' * (size - len(head) - 2) + '"}\n'
with open(sys.argv[1], 'w') as jobs:
    jobs.write('/first\n' + line((16 << 20) + 1, 2) + '/third\n' + line(16 << 20, 4) + 'z' * (40 << 20) + '\n/last')
P
    run_weir -u "$URL" -i "$jobs" -o "$out" --json
    is "$code" 1
    is "$(came 'sorted(t)')" "['/4', '/first', '/last', '/third']"
    is "$(summary "(s['total'], s['succeeded'], s['failed'])")" "(6, 4, 2)"
    [ "${WEIR_TEST_MODE:-release}" != release ] || is "$(summary "s['max_rss_bytes'] < 160 << 20")" True
    is "$(python3 -c 'import json,sys
print([(x["weir"]["line"], x["error"]["code"]) for x in map(json.loads, open(sys.argv[1])) if x.get("error")])' "$out")" \
        "[(2, 'bad_line'), (5, 'bad_line')]"
}

@test "memory does not grow with the input" {
    start_target
    python3 -c 'for i in range(50000): print("{\"custom_id\":\"a%d\",\"url\":\"/%d\",\"note\":\"%s\"}" % (i, i % 7, "x" * 400))' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --json --set output.durability=none --set output.bodies=false
    is "$code" 0
    is "$(summary "s['succeeded']")" 50000
    summary "s['max_rss_bytes'], s['elapsed_s']"
    # a sanitizer's memory says nothing of this
    [ "${WEIR_TEST_MODE:-release}" != release ] || is "$(summary "s['max_rss_bytes'] < 40 << 20")" True
}

@test "vegeta's JSON targets" {
    start_server
    [[ "$("$weir" run --help)" == *vegeta* ]]
    printf '%s\n' "{\"method\":\"POST\",\"url\":\"$URL/echo\",\"header\":{\"X-A\":[\"1\",\"2\"],\"Content-Type\":[\"text/plain\"]},\"body\":\"aGVsbG8A/w==\"}" \
        "{\"method\":\"GET\",\"url\":\"$URL/2\"}" "{\"url\":\"$URL/3\"}" "{\"method\":\"GET\",\"url\":\"$URL/4\",\"body\":\"a=b\"}" >"$jobs"
    run_weir -i "$jobs" --input-format vegeta -o "$out"
    is "$code" 1
    is "$(came 'sorted(t)')" "['/2', '/echo']"
    is "$(came "(t['/echo'].body, t['/echo'].method, [v for k, v in t['/echo'].all if k.lower() == 'x-a'])")" "(b'hello\\x00\\xff', 'POST', ['1', '2'])"
    is "$(results "sorted(k for k, v in r.items() if v['error'] and v['error']['code'] == 'bad_line')")" "['3', '4']"
}

@test "duplicate and odd ids come back as they were" {
    start_server
    printf '%s\n' '{"custom_id":"same","url":"/1"}' '{"custom_id":"same","url":"/2"}' '{"custom_id":"","url":"/3"}' \
        '{"custom_id":"\u0000\u001b[31m\u00e9\ud83d\ude00\u007f","url":"/4"}' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(results "(bad, sorted((x['weir']['line'], x['custom_id']) for x in results))")" \
        "([], [(1, 'same'), (2, 'same'), (3, ''), (4, '\\x00\\x1b[31mé😀\\x7f')])"
    run ! grep -q $'\x1b' "$out"
}

# bats test_tags=any_engine
@test "an input that cannot be read, and an empty one" {
    start_server
    run_weir -u "$URL" -i "$BATS_TEST_TMPDIR/none" -o "$out"
    [ "$code" -eq 2 ] || [ "$code" -eq 5 ]
    has "$(cat "$err")" "none"
    run_weir -u "$URL" -i "$BATS_TEST_TMPDIR" -o "$out"
    [ "$code" -eq 2 ] || [ "$code" -eq 5 ]
    has "$(cat "$err")" "irectory"
    run ! test -s "$out"
    : >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --json
    is "$code" 0
    is "$(summary "(s['total'], s['attempts'])")" "(0, 0)"
}

# bats test_tags=any_engine
@test "the input is never taken for the results file" {
    start_server
    make_jobs 3 >"$jobs"
    cp "$jobs" "$jobs.copy"
    ln "$jobs" "$jobs.link"
    for mode in '' --resume --retry-failed --force; do
        for output in "$jobs" "$jobs.link"; do
            # shellcheck disable=SC2086
            run_weir -u "$URL" -i "$jobs" -o "$output" $mode
            echo "$mode $output: $code $(cat "$err")"
            [ "$code" -eq 2 ] || [ "$code" -eq 4 ]
            cmp "$jobs" "$jobs.copy"
        done
    done
    run ! test -s "$arrivals"
}

# ---------------------------------------------------------------------------------------------------------- results out

@test "a result has the contract's fields in their order and types" {
    start_server
    printf '%s\n' '{"custom_id":"ok","url":"/give?header=X-One:1&header=x-two:a&header=X-Two:b&type=text/plain&body=hi"}' \
        '{"custom_id":"no","url":"/give?status=404&type=application/json&body=%7B%22e%22%3A1%7D","note":1}' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 1
    is "$(results "[list(x) for x in (r['ok'], r['no'])]")" \
        "[['custom_id', 'response', 'error', 'weir', 'crc'], ['custom_id', 'response', 'error', 'metadata', 'weir', 'crc']]"
    is "$(results "list(r['ok']['weir'])")" \
        "['line', 'outcome', 'attempts', 'sent_at', 'queue_ms', 'permit_ms', 'connect_ms', 'ttfb_ms', 'total_ms']"
    is "$(results "(list(r['ok']['response']), r['ok']['response']['status_code'], r['ok']['response']['body'], r['ok']['error'])")" \
        "(['status_code', 'headers', 'body'], 200, 'hi', None)"
    is "$(results "{k: v for k, v in r['ok']['response']['headers'].items() if k.startswith('x-')}")" "{'x-one': '1', 'x-two': 'a, b'}"
    is "$(results "(r['no']['weir']['outcome'], r['no']['error']['code'], list(r['no']['error']), r['no']['response']['body'])")" \
        "('failed', 'http_status', ['code', 'message'], {'e': 1})"
    has "$(results "r['no']['error']['message']")" 404
    is "$(results "all(isinstance(r[k]['weir'][f], (int, float)) and 0 <= r[k]['weir'][f] < 20000 for k in r for f in ('queue_ms','permit_ms','connect_ms','ttfb_ms','total_ms'))")" True
    is "$(results "(r['ok']['weir']['line'], r['no']['weir']['line'], r['ok']['weir']['attempts'])")" "(1, 2, 1)"
    is "$(results "__import__('re').fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', r['ok']['weir']['sent_at']) is not None")" True
    is "$(results "abs(__import__('datetime').datetime.strptime(r['ok']['weir']['sent_at'] + '+0000', '%Y-%m-%dT%H:%M:%S.%fZ%z').timestamp() - __import__('time').time()) < 30")" True
}

@test "bodies: JSON as received, text as a string, the rest as base64" {
    start_server
    python3 - "$jobs" <<'P'
import base64, json, sys, urllib.parse
bodies = [
    ('json', 'application/json', b'{"n":9007199254740993,\r\n\t"x":1e400,"s":"\\u00e9"}\n'),
    ('charset', 'Application/JSON; charset=utf-8', b' [1.10]'),
    ('plus', 'application/problem+json', b'{"a":"' + '\u2028\u00e9'.encode() + b'"}'),
    ('broken', 'application/json', b'{"a":}'),
    ('two', 'application/json', b'{"a":1}\n{"a":2}\n'),
    ('notjson', 'text/plain', b'{"a":1}'),
    ('text', 'text/plain', 'a\0\x1b\x7f\u00e9\U0001f600"\\\n\r\t'.encode()),
    ('latin', 'text/plain; charset=iso-8859-1', b'caf\xe9'),
    ('binary', 'application/octet-stream', bytes(range(256))),
    ('empty', 'application/json', b''),
    ('none', '', b'plain'),
    ('deep', 'application/json', b'[' * 100 + b']' * 100),
    ('surrogate', 'application/json', b'"\\ud800"'),
    ('badutf8', 'application/json', b'"\xff"'),
]
with open(sys.argv[1], 'w') as jobs:
    for name, kind, body in bodies:
        query = urllib.parse.urlencode({'type': kind, 'b64': base64.b64encode(body).decode()})
        jobs.write(json.dumps({'custom_id': name, 'url': '/give?' + query}) + '\n')
P
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(results bad)" "[]"
    body() { results "(r['$1']['response']['body'], r['$1']['response'].get('body_encoding'))"; }
    grep -q '"body":{"n":9007199254740993,  *	"x":1e400,"s":"\\u00e9"}' "$out"
    grep -qE '"body": ?\[1\.10\]' "$out"
    is "$(body plus)" "({'a': '\\u2028é'}, None)"
    is "$(body broken)" "('{\"a\":}', None)"
    is "$(body two)" "('{\"a\":1}\\n{\"a\":2}\\n', None)"
    is "$(body notjson)" "('{\"a\":1}', None)"
    is "$(results "r['text']['response']['body'] == 'a\0\x1b\x7f\u00e9\U0001f600\"\\\\\n\r\t'")" True
    is "$(body latin)" "('Y2Fm6Q==', 'base64')"
    is "$(results "(__import__('base64').b64decode(r['binary']['response']['body']) == bytes(range(256)), r['binary']['response']['body_encoding'])")" "(True, 'base64')"
    is "$(body empty)" "('', None)"
    is "$(body none)" "('plain', None)"
    is "$(body badutf8)" "('Iv8i', 'base64')"
    is "$(results "len(results) == len(lines) - len(notes) and b'\r' not in raw")" True
    run_weir -u "$URL" -i "$jobs" -o "$out.2" --set output.bodies=false
    is "$(results "[k for k in r if 'body' in r[k]['response'] or 'headers' not in r[k]['response']]" "$out.2")" "[]"
}

@test "what has no response has none in its result, and an error that says why" {
    printf '%s\n' '{"custom_id":"refused","url":"http://127.0.0.1:1/?key=canary"}' >"$jobs"
    run_weir -i "$jobs" -o "$out" --retries 0
    is "$code" 1
    is "$(results "(r['refused']['response'], r['refused']['error']['code'], r['refused']['weir']['outcome'], r['refused']['weir']['ttfb_ms'])")" \
        "(None, 'connect', 'failed', None)"
    [ -n "$(results "r['refused']['error']['message']")" ]
    lacks "$(cat "$out" "$err")" canary
    start_server
    printf '%s\n' '{"custom_id":"lost","url":"/give?close=1","method":"POST"}' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out.2"
    is "$code" 1
    is "$(results "(r['lost']['response'], r['lost']['error']['code'], r['lost']['weir']['outcome'])" "$out.2")" \
        "(None, 'connection_lost', 'unknown')"
}

@test "attempts counts the sends; the response is the last one's" {
    start_server
    echo '/give?fail=2&body=third' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --set retry.backoff=10ms
    is "$code" 0
    is "$(results "(results[0]['weir']['attempts'], results[0]['response']['status_code'], results[0]['response']['body'])")" "(3, 200, 'third')"
    is "$(came 'len(a)')" 3
}

@test "-o - is result lines alone on stdout, each with its checksum; the rest goes to stderr" {
    start_server
    make_jobs 20 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o -
    is "$code" 0
    is "$(results "(len(results), len(r), notes, bad)" "$json")" "(20, 20, [], [])"
    has "$(cat "$err")" "20 of 20 succeeded"
    "$weir" run -u "$URL" -i "$jobs" -o /dev/stdout --quiet | cat >"$json"
    is "$(results "(len(r), notes)" "$json")" "(20, [])"
    "$weir" run -u "$URL" -n 3 -o - --quiet | cat >"$json"
    is "$(results "(sorted(r), notes, bad)" "$json")" "(['1', '2', '3'], [], [])"
}

# bats test_tags=any_engine
@test "-o - and --json both want stdout: refused before anything is sent" {
    start_server
    make_jobs 2 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o - --json
    is "$code" 2
    run_weir -u "$URL" -i "$jobs" --set output.file=- --json
    is "$code" 2
    for mode in --resume --retry-failed; do
        run_weir -u "$URL" -i "$jobs" -o - $mode
        is "$code" 2
        run_weir -u "$URL" -i "$jobs" $mode
        is "$code" 2
    done
    run ! test -s "$arrivals"
}

@test "the results file is its owner's alone, and no symbolic link is followed" {
    start_server
    make_jobs 2 >"$jobs"
    (umask 000 && exec timeout 20 "$weir" run -u "$URL" -i "$jobs" -o "$out" --quiet)
    is "$(stat -c %a "$out")" 600
    rm "$out"
    : >"$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$out"
    for mode in '' --resume --force; do
        # shellcheck disable=SC2086
        run_weir -u "$URL" -i "$jobs" -o "$out" $mode
        echo "$mode: $code $(cat "$err")"
        [ "$code" -ne 0 ]
        has "$(cat "$err")" "link"
        [ ! -s "$BATS_TEST_TMPDIR/elsewhere" ]
        [ -L "$out" ]
    done
    rm "$out"
    ln -s "$BATS_TEST_TMPDIR/nowhere" "$out"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    [ "$code" -ne 0 ]
    run ! test -e "$BATS_TEST_TMPDIR/nowhere"
}

@test "results go into a named pipe and /dev/null as into a stream" {
    start_server
    make_jobs 5 >"$jobs"
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    cat "$BATS_TEST_TMPDIR/pipe" >"$json.pipe" 3>&- &
    run_weir -u "$URL" -i "$jobs" -o "$BATS_TEST_TMPDIR/pipe"
    wait $!
    is "$code" 0
    is "$(results "(sorted(r), notes)" "$json.pipe")" "(['a1', 'a2', 'a3', 'a4', 'a5'], [])"
    run_weir -u "$URL" -i "$jobs" -o /dev/null
    is "$code" 0
    run_weir -u "$URL" -i "$jobs" -o /dev/null
    is "$code" 0
}

# ------------------------------------------------------------------------------------------------------- how far it goes

@test "--fail-fast stops at the first failure, exit code 3, and --resume goes on" {
    start_server
    { make_jobs 3 && echo '{"custom_id":"bad","url":"/give?status=404"}' && make_jobs 500 10 '?delay=0.01'; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 2 --fail-fast --json
    is "$code" 3
    [ "$(came 'len(a)')" -lt 50 ]
    is "$(summary "(s['total'], s['failed'])")" "(504, 1)"
    is "$(summary "s['succeeded'] + s['failed'] + s['unknown'] + s['cancelled'] + s['skipped']")" 504
    run_weir -u "$URL" -i "$jobs" -o "$out" --resume --json
    is "$code" 1
    is "$(results "(len(results), len(r), bad)")" "(504, 504, [])"
    is "$(came '(len(a), len(t))')" "(504, 504)"
}

@test "--max-failures N lets N fail, and stops at one more" {
    start_server
    { for i in 1 2 3; do echo "/give?status=404&n=$i"; done && make_jobs 40; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 1 --max-failures 3 --json
    is "$code" 1
    is "$(summary "(s['failed'], s['succeeded'])")" "(3, 40)"
    { for i in 1 2 3 4; do echo "/give?status=404&n=$i"; done && make_jobs 400; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out.2" -c 1 --max-failures 3 --json
    is "$code" 3
    is "$(summary "s['failed'] == 4 and s['succeeded'] < 100")" True
}

@test "--max-failures N% is a share of those that have ended" {
    start_server
    { for i in $(seq 60); do echo "/give?status=404&n=$i" && echo "/ok/$i"; done && make_jobs 600; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -c 4 --max-failures 60% --json
    is "$code" 1
    is "$(summary "s['failed']")" 60
    run_weir -u "$URL" -i "$jobs" -o "$out.2" -c 4 --max-failures 10% --json
    is "$code" 3
    is "$(summary "s['failed'] < 60 and s['succeeded'] < 600")" True
    for bad in x -1 101% '' 5%%; do
        run_weir -u "$URL" -i "$jobs" -o "$out.3" --max-failures "$bad"
        is "$code" 2
    done
    run ! test -e "$out.3"
}

# bats test_tags=any_engine
@test "--dry-run sends nothing, makes no file, says how many jobs and how long at least, and what is bad" {
    start_server
    { make_jobs 501 && echo '{"url":' && echo '/'; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -r 100/s --dry-run
    echo "$code"
    cat "$err" "$json"
    has "$(cat "$err" "$json")" "503"
    has "$(cat "$err" "$json")" "502"
    has "$(cat "$err" "$json")" "100/1s"
    run ! test -e "$out"
    run ! test -s "$arrivals"
    make_jobs 501 >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" -r 100/s --dry-run
    is "$code" 0
    has "$(cat "$err" "$json")" "at least 5.00 s"
    run_weir -u "$URL" -n 501 -r 100/s --dry-run
    is "$code" 0
    has "$(cat "$err" "$json")" "501"
    run ! test -s "$arrivals"
}

@test "--metrics has the run's figures at its end" {
    start_server
    { make_jobs 6 && echo '/give?status=404' && echo '{"url":'; } >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out" --metrics "$BATS_TEST_TMPDIR/weir.prom" --json
    is "$code" 1
    metrics=$(cat "$BATS_TEST_TMPDIR/weir.prom")
    has "$metrics" 'weir_jobs_total{outcome="succeeded"} 6'
    has "$metrics" 'weir_jobs_total{outcome="failed"} 2'
    has "$metrics" 'weir_responses_total{code="404"} 1'
    has "$metrics" 'weir_attempts_total 7'
    is "$(find "$BATS_TEST_TMPDIR" -name 'weir.prom*' | wc -l)" 1
    run_weir -u "$URL" -i "$jobs" -o "$out.2" --metrics "$BATS_TEST_TMPDIR/none/weir.prom"
    [ "$code" -eq 2 ] || [ "$code" -eq 5 ]
    [ ! -s "$out.2" ] # so that the right command can begin in it
}

# bats test_tags=any_engine
@test "--metrics never takes the place of the results, the input or the configuration" {
    start_server
    make_jobs 3 >"$jobs"
    cp "$jobs" "$jobs.copy"
    echo "{\"url\": \"$URL\", \"input\": \"jobs.jsonl\"}" >"$conf"
    cp "$conf" "$conf.copy"
    run_weir "$conf" -o "$out" --metrics "$out"
    [ "$code" -ne 0 ] || is "$(results 'len(r)')" 3
    run_weir "$conf" -o "$out.2" --metrics "$jobs"
    cmp "$jobs" "$jobs.copy"
    run_weir "$conf" -o "$out.3" --metrics "$conf"
    cmp "$conf" "$conf.copy"
}

# bats test_tags=any_engine
@test "standard input cannot be the input and the body, or the input and the configuration" {
    start_server
    make_jobs 3 >"$jobs"
    run_weir -u "$URL" -i - -d @- -o "$out" <"$jobs"
    echo "$code $(cat "$err")"
    is "$code" 2
    echo "{\"url\": \"$URL\", \"input\": \"-\"}" >"$conf"
    run_weir - -o "$out" <"$conf"
    echo "$code $(cat "$err")"
    is "$code" 2
    run ! test -e "$out"
}

@test "a response header of any bytes is valid JSON in the result" {
    start_server
    printf '/give?header=X-Bin:caf%%E9%%22%%5C%%09%%7F&header=X-Long:%s\n' "$(printf '%030000d' 7)" >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    is "$(results "(bad, 'caf' in results[0]['response']['headers']['x-bin'], len(results[0]['response']['headers']['x-long']))")" "([], True, 30000)"
}

@test "secrets are in no result, journal, metric, message or argument" {
    start_server
    printf canary1 >"$BATS_TEST_TMPDIR/token"
    export CANARY=canary2
    echo "{\"url\": \"${URL/\/\//\/\/user:canary3@}\", \"input\": \"jobs.jsonl\", \"headers\": {\"X-Key\": \"\${file:token}\", \"X-Env\": \"\${env:CANARY}\"},
        \"output\": {\"file\": \"results.jsonl\"}}" >"$conf"
    {
        echo '{"url":"/1","headers":{"Authorization":"Bearer canary4","Cookie":"a=canary4","Proxy-Authorization":"canary4"}}'
        echo "{\"url\":\"${URL/\/\//\/\/user:canary4@}/2\"}"
        echo '{"url":"/give?header=Set-Cookie:s=canary5&header=set-cookie:t=canary5;+Secure&status=404"}'
        echo '{"url":"http://user:canary6@127.0.0.1:1/"}'
        echo '{"url":"http://user:canary6@127.0.0.1:99999/"}'
        echo '{"url":"ftp://user:canary6@127.0.0.1/"}'
        echo '{"url":"/canary7'
        echo '{"url":"/4","body":{"a":"canary8"},"method":"POST"}'
        echo '{"url":"/5","url":"canary9"}'
    } >"$jobs"
    run_weir "$conf" -v --metrics "$BATS_TEST_TMPDIR/weir.prom" --retries 1 --set retry.backoff=10ms --progress always
    is "$code" 1
    is "$(came "(t['/1'].headers['authorization'], t['/1'].headers['x-key'], t['/1'].headers['x-env'])")" "('Bearer canary4', 'canary1', 'canary2')"
    is "$(results "[x['response']['headers']['set-cookie'] for x in results if x['weir']['line'] == 3]")" "['***']"
    for file in "$out" "$err" "$json" "$BATS_TEST_TMPDIR/weir.prom"; do
        run ! grep -n canary "$file"
    done
    echo '/give?delay=3' >"$jobs"
    begin "$conf" --force
    wait_for 5 grep -q 'delay=3' "$arrivals"
    run ! grep -q canary "/proc/$run_pid/cmdline"
    kill -9 "$run_pid"
    wait "$run_pid" || true
    run ! grep -n canary "$out" "$err"
}

@test "the results of a response never carry Authorization and its kin" {
    start_server
    echo '/give?header=Authorization:canary&header=Proxy-Authorization:canary&header=Set-Cookie2:canary&header=Cookie:canary&header=X-Fine:yes' >"$jobs"
    run_weir -u "$URL" -i "$jobs" -o "$out"
    is "$code" 0
    run ! grep -q canary "$out"
    is "$(results "results[0]['response']['headers']['x-fine']")" yes
}

# bats test_tags=any_engine
@test "each sample in conf/ is a valid configuration" {
    export WEIR_TOKEN=t
    for sample in "$BATS_TEST_DIRNAME"/../../conf/*.json; do
        case $sample in *schema*) continue ;; esac
        run "$weir" check "$sample"
        echo "$sample: $output"
        is "$status" 0
    done
    grep -l '"input"' "$BATS_TEST_DIRNAME"/../../conf/*.json
}

@test "input and output of a configuration file are relative to its folder" {
    start_server
    mkdir "$BATS_TEST_TMPDIR/folder"
    make_jobs 2 >"$BATS_TEST_TMPDIR/folder/in"
    echo "{\"url\": \"$URL\", \"input\": \"in\", \"output\": {\"file\": \"out\"}}" >"$BATS_TEST_TMPDIR/folder/c.json"
    cd /
    run_weir "$BATS_TEST_TMPDIR/folder/c.json" --quiet
    is "$code" 0
    is "$(results 'sorted(r)' "$BATS_TEST_TMPDIR/folder/out")" "['a1', 'a2']"
}
