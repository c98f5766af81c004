#!/usr/bin/env bash
# The library keeps its state in handles: what it has besides that can be written is listed here, each with its reason.
# Usage: test/lint/globals.sh OUT
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"
out=${1:?usage: globals.sh OUT}

# OBJECT NAME: why it may be.  * is whatever the object has.
permitted() {
    cat <<'END'
process.o *: who is to be told of fork() and exit() is the process's own business
crc32c.o once: guards what is computed once,
crc32c.o tables: the tables of CRC-32C,
crc32c.o go_on: and which of two ways to compute it this processor has
easy_setup.o plain_list: never written; libcurl's type has no const
easy_setup.o plain_rest: never written; libcurl's type has no const
END
}

# Prints OBJECT NAME for what is in memory that can be written, thread-local or not.  Relocated constants
# (.data.rel.ro*) cannot once the program runs.
writable() { # ARCHIVE
    nm -f sysv "$1" 2>/dev/null | awk -F'|' '
        /^Symbols from/ { object = $0; sub(/.*\[/, "", object); sub(/\].*/, "", object) }
        NF == 7 {
            gsub(/ /, "", $1); gsub(/[ \t]/, "", $7); gsub(/ /, "", $4)
            if ($4 == "SECTION" || $4 == "FILE" || $7 ~ /^\.data\.rel\.ro/) next
            if ($7 ~ /^\.(data|bss|tdata|tbss|ldata|lbss)(\.|$)/ || $7 ~ /COM\*/) {
                sub(/\.[0-9]+$/, "", $1) # a function'"'"'s own
                print object, $1
            }
        }' | sort -u
}

# Prints what can be written and is not permitted, and what is permitted and not there.
check() { # ARCHIVE
    writable "$1" >"$work/writable"
    permitted | sed 's/:.*//' | sort >"$work/permitted"
    awk 'NR == FNR { ok[$1 " " $2] = 1; next }
        { seen[$1 " " $2] = seen[$1 " *"] = 1 }
        !(($1 " " $2) in ok) && !(($1 " *") in ok) { print $1 ": " $2 " can be written and is not in the list" }
        END { for (each in ok) if (!(each in seen)) print each ": in the list, but not in the library" }' \
        "$work/permitted" "$work/writable"
}

# Each kind of variable must be seen, and no constant.
self_test() {
    local name missed=0
    cat >"$work/planted.c" <<'END'
int counter;
int filled = 3;
static int hidden;
static const char *text = "a";
_Thread_local int own;
const char *const names[] = {"a", "b"};
const int table[] = {1, 2};
int f(int a);
int f(int a)
{
    static int kept;
    static const char *const few[] = {"x", "y"};
    text = few[a & 1];
    return hidden += kept++ + *text + table[a & 1];
}
END
    gcc -fPIC -c -o "$work/planted.o" "$work/planted.c" && ar rcs "$work/planted.a" "$work/planted.o" || return 1
    check "$work/planted.a" >"$work/said"
    for name in counter filled hidden text own kept; do
        grep -q "^planted.o: $name can" "$work/said" || { echo "passed unseen: $name" && missed=1; }
    done
    for name in names table few; do
        ! grep -q "^planted.o: $name can" "$work/said" || { echo "wrongly refused: $name" && missed=1; }
    done
    grep -q '^crc32c.o tables: in the list' "$work/said" || { echo 'passed unseen: an entry without its variable' && missed=1; }
    return $missed
}

self_test >"$work/log" 2>&1
result $? 'globals: the check finds what is planted'
check "$out/libweir.a" >"$work/log" 2>&1
[ ! -s "$work/log" ] && [ -s "$work/writable" ]
result $? 'globals: libweir.a has no variable outside its handles but those in the list'
finish
