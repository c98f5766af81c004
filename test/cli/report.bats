#!/usr/bin/env bats
# weir report: pages of benchmarks and runs, and of what is neither.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    json=$BATS_TEST_TMPDIR/summary.json
    err=$BATS_TEST_TMPDIR/stderr
    page=$BATS_TEST_TMPDIR/page.html
    results=$BATS_TEST_TMPDIR/results.jsonl
    bench=$BATS_TEST_TMPDIR/bench.json
    support=$BATS_TEST_DIRNAME/../support
    target_pid=
}

teardown() {
    stop_target
}

# report ARGUMENTS: exit code in $code, stdout in $json, stderr in $err.
report() {
    code=0
    timeout 25 "$weir" report "$@" >"$json" 2>"$err" || code=$?
}

# a_run ARGUMENTS: a results file in $results.
a_run() {
    timeout 20 "$weir" run -u "$URL/get" -o "$results" --force --quiet "$@" || [ $? -eq 1 ]
}

# look FILE [--plots N]: in a browser.
look() {
    local said status=0
    said=$(python3 "$support/look.py" "$@") || status=$?
    [ $status -ne 77 ] || skip "$said"
    is "$said" "nothing is wrong with it"
}

# What every page holds to, without a browser: one file, whole, nothing from elsewhere, each id once.
is_page() {
    python3 - "$1" <<'END'
import html.parser, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
ids, open_tags, void = [], [], {"meta", "link", "br"}
class Page(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        assert tag not in ("script", "iframe", "img", "object", "embed", "use", "image"), tag
        assert not any(name.startswith("on") for name in given), given
        for name in ("href", "src", "xlink:href"):
            assert given.get(name) in (None, "data:,"), given
        if "id" in given: ids.append(given["id"])
        if tag not in void: open_tags.append(tag)
    def handle_startendtag(self, tag, attributes): pass
    def handle_endtag(self, tag):
        assert open_tags and open_tags[-1] == tag, (tag, open_tags[-3:], self.getpos())
        open_tags.pop()
Page().feed(text)
assert not open_tags, open_tags
assert len(ids) == len(set(ids)), ids
assert text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n")
outside = [u for u in re.findall(r"(?:url\(|@import|https?://)[^\s<]*", text.split("</style>")[0])]
assert not outside, outside
for left in ("Zq", "Zw-", "rgb(", "\x01", "\x02", "gnuplot"):
    assert left not in text, left
END
}

plots() {
    grep -o '<svg class="plot"' "$1" | wc -l
}

@test "the page of a benchmark has its words, a table and plots for each cell, and a browser finds nothing wrong with it" {
    python3 "$support/bench_results.py" >"$bench"
    report "$bench" -o "$page"
    is "$code" 0
    is "$(cat "$err")" ""
    is_page "$page"
    has "$(cat "$page")" 'At 50 ms and 100 in flight, threads and async send the same; async uses 3'
    has "$(cat "$page")" 'hey was not measured: not installed.'
    has "$(cat "$page")" '1,480 were refused (429)'
    is "$(grep -c '<section id="cell-' "$page")" 2
    # three bars, percentiles, rounds, and four over time for each of three that tell
    is "$(plots "$page")" $((2 * (3 + 2 + 3 * 4)))
    look "$page" --plots 34
}

@test "names, errors and URLs that are markup or commands of gnuplot stay text" {
    local name='<script>alert(1)</script>' url="http://h/'\"><img src=x onerror=alert(1)>&amp;"
    python3 "$support/bench_results.py" --name "$name" --url "$url" >"$bench"
    report "$bench" -o "$page"
    is "$code" 0
    is_page "$page"
    lacks "$(cat "$page")" '<script'
    lacks "$(cat "$page")" '<img'
    has "$(cat "$page")" '&lt;script&gt;alert(1)&lt;/script&gt;'
    has "$(cat "$page")" 'http://h/&#39;&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;'
    python3 "$support/bench_results.py" --name "'; system('touch $BATS_TEST_TMPDIR/run'); \`touch $BATS_TEST_TMPDIR/run\`" >"$bench"
    report "$bench" -o "$page"
    is "$code" 0
    [ ! -e "$BATS_TEST_TMPDIR/run" ]
    look "$page"
}

@test "the page of a run has its figures and plots, and a browser finds nothing wrong with it" {
    start_target --latency 5ms --fail 500:10%
    a_run -n 300 -c 10 --retries 0
    report "$results" -o "$page"
    is "$code" 0
    is "$(cat "$err")" ""
    is_page "$page"
    has "$(cat "$page")" '<h1>A run of 300 jobs</h1>'
    has "$(cat "$page")" 'http_status'
    is "$(plots "$page")" 7
    look "$page" --plots 7
}

@test "pauses of a run are shaded, and retries are shown" {
    start_target --limit 20/500ms
    a_run -n 60 -c 5
    report "$results" -o "$page"
    is "$code" 0
    has "$(cat "$page")" 'var(--shade)'
    has "$(cat "$page")" 'Retries'
    has "$(cat "$page")" "sends were not a job&#39;s first"
    is "$(plots "$page")" 8
}

@test "weir bench writes results that make a page, and with --html the page itself" {
    "$weir" bench --help >/dev/null 2>&1 || skip "no weir bench here"
    timeout 25 "$weir" bench -n 100 -c 8 --latency 1ms --rounds 2 --engines threads --quiet -o "$bench" --html "$page" >/dev/null
    is_page "$page"
    report "$bench" -o "$page.2"
    is "$code" 0
    is_page "$page.2"
    is "$(plots "$page.2")" "$(plots "$page")"
    look "$page"
}

@test "-o - writes the page to standard output, and - reads results from standard input" {
    start_target
    a_run -n 20 -c 4
    report "$results" -o -
    is "$code" 0
    is_page "$json"
    code=0
    # shellcheck disable=SC2002 # a pipe is what is tested
    cat "$results" | timeout 20 "$weir" report - -o "$page" 2>"$err" || code=$?
    is "$code" 0
    is_page "$page"
}

@test "results without a journal's notes are enough" {
    start_target
    timeout 20 "$weir" run -u "$URL/get" -n 30 -c 4 -o - --quiet >"$results"
    report "$results" -o "$page"
    is "$code" 0
    has "$(cat "$page")" 'A run of 30 jobs'
}

@test "a torn last line is passed over with a word; damage before it is not" {
    start_target
    a_run -n 30 -c 1
    head -c -50 "$results" >"$results.torn"
    report "$results.torn" -o "$page"
    is "$code" 0
    has "$(cat "$err")" 'is not whole'
    has "$(cat "$page")" 'does not say that the run ended in order'
    sed '8s/succeeded/failed___/' "$results" >"$results.bad"
    rm "$page"
    report "$results.bad" -o "$page"
    is "$code" 4
    has "$(cat "$err")" 'line 8 is damaged'
    [ ! -e "$page" ]
}

@test "a run that was resumed is one page, without the time between" {
    start_target --latency 5ms
    timeout 20 "$weir" run -u "$URL/" -n 40 -c 2 -o "$results" --quiet
    sed -n '1,20p' "$results" >"$results.part"
    sleep 1.1
    timeout 20 "$weir" run -u "$URL/" -n 40 -c 2 -o "$results.part" --resume --quiet
    report "$results.part" -o "$page"
    is "$code" 0
    has "$(cat "$page")" 'It was resumed 1 time'
    has "$(cat "$page")" '<h1>A run of 40 jobs</h1>'
    has "$(cat "$page")" '40 jobs ended in'
    lacks "$(cat "$page")" '>1 s<'
}

@test "what is no file of results is refused with the line, and no page is left" {
    echo 'hello' >"$results"
    report "$results" -o "$page"
    is "$code" 2
    has "$(cat "$err")" 'line 1'
    echo '{"weir_bench":1,"cells":7}' >"$results"
    report "$results" -o "$page"
    is "$code" 2
    has "$(cat "$err")" 'cells: expected an array'
    : >"$results"
    report "$results" -o "$page"
    is "$code" 2
    start_target
    a_run -n 1 -c 1
    head -n 2 "$results" >"$results.begun"
    report "$results.begun" -o "$page"
    is "$code" 2
    has "$(cat "$err")" 'no job has ended yet'
    [ ! -e "$page" ]
}

@test "without gnuplot it says which package, and writes nothing" {
    python3 "$support/bench_results.py" --cells 1 >"$bench"
    mkdir "$BATS_TEST_TMPDIR/bin"
    code=0
    PATH=$BATS_TEST_TMPDIR/bin "$weir" report "$bench" -o "$page" 2>"$err" || code=$?
    is "$code" 2
    has "$(cat "$err")" 'gnuplot-nox'
    [ ! -e "$page" ]
}

@test "a page that cannot be written leaves what was there" {
    python3 "$support/bench_results.py" --cells 1 >"$bench"
    report "$bench" -o "$BATS_TEST_TMPDIR/none/page.html"
    is "$code" 5
    report "$BATS_TEST_TMPDIR/none.json" -o "$page"
    is "$code" 5
    report "$bench" -o "$bench"
    is "$code" 5
    has "$(cat "$err")" 'would replace the results'
    echo before >"$page"
    ln -s "$page" "$page.link"
    report "$bench" -o "$page.link"
    is "$code" 5
    is "$(cat "$page")" before
    is "$(find "$BATS_TEST_TMPDIR" -name '*.tmp')" ""
}

@test "usage: what is missing, unknown or too much" {
    report
    is "$code" 2
    report "$bench"
    is "$code" 2
    has "$(cat "$err")" '-o FILE.html'
    report a b -o "$page"
    is "$code" 2
    report --nothing
    is "$code" 2
    report --help
    is "$code" 0
    has "$(cat "$json")" 'usage: weir report RESULTS -o FILE.html'
}

@test "the look at pages notices what is wrong with one" {
    cat >"$page" <<'END'
<!DOCTYPE html><html><head><meta name="viewport" content="width=device-width"><style>body{background:#fff;color:#eee}</style></head>
<body><p id="a">pale</p><p id="a" style="width:900px">wide</p><svg class="plot" aria-labelledby="no"></svg>
<script src="http://127.0.0.1:9/x.js"></script><script>throw new Error("x")</script></body></html>
END
    local said status=0
    said=$(python3 "$support/look.py" "$page") || status=$?
    [ $status -ne 77 ] || skip "$said"
    is "$status" 1
    for each in 'request: http' 'contrast' 'twice' 'wide in a window' 'is empty' 'there is a SCRIPT' 'light and dark are the same' 'exception: '; do
        has "$said" "$each"
    done
}
