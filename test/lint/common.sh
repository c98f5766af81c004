# shellcheck shell=bash
# For the checks, which source it: counts results, prints them as TAP, and hands the sum to .ci/run (WEIR_TALLY).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# Counts one result: 0 is good.  The beginning of $work/log is shown where it is not.
result() { # STATUS NAME
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok - $2"
    else
        failed=$((failed + 1))
        [ ! -s "$work/log" ] || head -n 60 "$work/log" | sed 's/^/    /'
        echo "not ok - $2"
    fi
    : >"$work/log"
}

# Ends the check.
finish() {
    [ -z "${WEIR_TALLY:-}" ] || echo "$passed $failed" >>"$WEIR_TALLY"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}
