#!/usr/bin/env bats
# Command line and configuration: what is refused, how it is said, and weir check.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; helpers.bash sets and reads the rest
bats_require_minimum_version 1.5.0
load helpers

setup() {
    conf=$BATS_TEST_TMPDIR/conf.json
    err=$BATS_TEST_TMPDIR/stderr
}

@test "every mistake is said at once, each with its place, and nothing is sent" {
    cat >"$conf" <<'J'
{
  "url": "ftp://127.0.0.1/",
  "total": -1,
  "concurrency": "three",
  "rate": "100 per second",
  "timeout": {"total": "soon"},
  "redirect": 3,
  "total": 5
}
J
    run "$weir" run "$conf"
    echo "$output"
    is "$status" 2
    has "$output" "7 mistakes in the configuration; nothing was sent"
    for place in conf.json:2: conf.json:3: conf.json:4: conf.json:5: conf.json:6: conf.json:7: conf.json:8:; do
        has "$output" "$place"
    done
    has "$output" "redirects"
    run "$weir" check "$conf"
    is "$status" 2
    has "$output" "7 mistakes"
}

@test "mistakes on the command line name the option" {
    run "$weir" run -u http://127.0.0.1:1/ -n three
    is "$status" 2
    has "$output" "--total"
    has "$output" "three"
    run "$weir" run -u http://127.0.0.1:1/ -n 3 --totl 3
    is "$status" 2
    is "$output" "weir run: unknown option --totl (did you mean --total?)"
    run "$weir" run -u http://127.0.0.1:1/ -n
    is "$status" 2
    is "$output" "weir run: --total needs a value (N)"
    run "$weir" run -u http://127.0.0.1:1/ -n 1 -x
    is "$status" 2
    is "$output" "weir run: unknown option -x (see weir run --help)"
    run "$weir" run http://127.0.0.1:1/ -n 1
    is "$status" 2
    has "$output" "a URL is given with -u"
    run "$weir" run -u http://127.0.0.1:1/ -n 1 --retries 1000
    is "$status" 2
    is "$output" 'weir run: --retries: expected a whole number from 0 to 999, got "1000"'
    run "$weir" run --json=1
    is "$status" 2
    run "$weir" run /nowhere/conf.json
    is "$status" 2
    has "$output" "/nowhere/conf.json"
}

@test "nothing to do is said, with what to give" {
    run "$weir" run
    is "$status" 2
    has "$output" "-u URL"
    run "$weir" run -u http://127.0.0.1:1/
    is "$status" 2
    has "$output" "total"
    run "$weir" run -n 5
    is "$status" 2
    has "$output" "url"
}

@test "check prints the effective configuration without secrets, and OK" {
    echo '{"url": "http://u:sesame@127.0.0.1:1/", "total": 1, "headers": {"Authorization": "sesame"}}' >"$conf"
    run "$weir" check "$conf" --set concurrency=7
    is "$status" 0
    has "$output" '"concurrency": 7'
    has "$output" 'OK'
    lacks "$output" sesame
    "$weir" check "$conf" 2>"$err" | python3 -c 'import json,sys; json.load(sys.stdin)'
    is "$(cat "$err")" "OK: the configuration is valid"
    run "$weir" check
    is "$status" 2
}

@test "what check prints is read again and means the same" {
    echo '{"url": "http://127.0.0.1:1/", "total": 1, "rate": ["100/s", "5000/h"], "retry": {"attempts": 3}}' >"$conf"
    "$weir" check "$conf" 2>/dev/null >"$BATS_TEST_TMPDIR/once.json"
    "$weir" check "$BATS_TEST_TMPDIR/once.json" 2>/dev/null >"$BATS_TEST_TMPDIR/twice.json"
    cmp "$BATS_TEST_TMPDIR/once.json" "$BATS_TEST_TMPDIR/twice.json"
}

@test "check knows --retries and -r auto, and has nothing to say against them" {
    run "$weir" check -u http://127.0.0.1:1/ -n 1 --retries 2 -r auto -r 50/s --set idempotency_key=Idempotency-Key \
        --set timeout.deadline=1m
    is "$status" 0
    has "$output" '"attempts": 3'
    has "$output" '"auto"'
    has "$output" '"50/1s"'
    lacks "$output" 'this version'
}

@test "a configuration comes from stdin as -" {
    run "$weir" check - <<<'{"url": "http://127.0.0.1:1/", "total": 4}'
    is "$status" 0
    has "$output" '"total": 4'
}

@test "help is on stdout, within 80 columns, and names every command and option" {
    for command in '' run check demo; do
        # shellcheck disable=SC2086
        "$weir" $command --help >"$BATS_TEST_TMPDIR/help" 2>"$err"
        is "$(cat "$err")" ""
        is "$(awk 'length > 80' "$BATS_TEST_TMPDIR/help")" ""
    done
    run "$weir" --help
    for command in run bench serve demo check exec report; do has "$output" "weir $command"; done
    "$weir" run --help >"$BATS_TEST_TMPDIR/help"
    for option in url total concurrency rate method header data workers queue input output resume retry-failed force \
        engine shape timeout retries json quiet progress metrics verbose help version set; do
        has "$(cat "$BATS_TEST_TMPDIR/help")" "--$option "
    done
    "$weir" help run | cmp - "$BATS_TEST_TMPDIR/help"
}

@test "version, unknown commands, and each command's help" {
    run "$weir" --version
    is "$status" 0
    [[ "$output" =~ ^weir\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run "$weir" rnu
    is "$status" 2
    is "$output" "weir: unknown command rnu (did you mean run?)"
    run "$weir"
    is "$status" 2
    has "$output" "usage: weir"
    for command in run bench serve demo check exec report; do
        run "$weir" help "$command"
        is "$status" 0
        has "$output" "sage: weir $command"
    done
    code=0
    "$weir" --help >/dev/full 2>/dev/null || code=$?
    is "$code" 5
}
