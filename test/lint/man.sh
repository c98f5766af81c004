#!/usr/bin/env bash
# The manual pages are clean mdoc, and name what there is: each subcommand's options as its help has them, the public
# functions with their prototypes, the fields of the structures they list, the keys of a configuration.  Their examples
# compile, or are accepted by `weir check`.
# Usage: test/lint/man.sh OUT
# shellcheck disable=SC2317 # part() and finds() call the check_ functions by name
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"
out=${1:?usage: man.sh OUT}

# Structures whose fields weir.3 lists; those of the others it leaves to the header.
tabled=(weir_options weir_rate weir_request weir_result weir_limits_options weir_answer weir_advice weir_event
    weir_past_send weir_header)

# roff as its reader sees it
plain() { sed -e 's/\\(dq/"/g' -e "s/\\\\(aq/'/g" -e 's/\\e/\\/g' -e 's/\\-/-/g' -e 's/\\&//g'; }
# A header on one line, without comments
header() {
    grep -v '^#define WEIR_EXPORT' "$1" | tr '\n' ' ' | sed -E -e 's:/\*([^*]|\*+[^*/])*\*+/: :g' -e 's/ +/ /g'
}
lacks() { comm -23 "$1" "$2" | sed "s/^/$3: /"; } # FILE FILE WORDS

# Prints what mandoc finds.  Whether the pages it refers to are installed here is no concern of it.
check_mdoc() { # PAGE
    mandoc -T lint -W style "$1" 2>&1 | grep -vE 'STYLE: referenced manual not found|outdated mandoc.db'
}

# -------------------------------------------------------------------------------------------------------- weir.1

# The subcommands that `weir --help` has without a star, and what their help calls options.
commands() { sed -n 's/^  weir \([a-z]*\) .*[^*]$/\1/p' "$1"; }
helped() { grep -oE '^ +(-[A-Za-z], )?--[a-z-]+' "$1" | tr -c 'A-Za-z-' '\n' | grep -- - | sort -u; }

# The options in the items of a subcommand's part.
paged() { # PAGE COMMAND
    awk -v name="$2" '/^\.S[sh]/ { inside = $0 == ".Ss " name } inside && /^\.It Fl/' "$1" |
        grep -oE 'Fl [A-Za-z-]+' | sed 's/^Fl /-/' | sort -u
}

# HELPS holds a file for each help, and "main".
check_options() { # PAGE HELPS
    local command
    for command in $(commands "$2/main"); do
        grep -qx "\.Ss $command" "$1" || echo "no part for weir $command"
        helped "$2/$command" >"$work/helped"
        paged "$1" "$command" >"$work/paged"
        if [ "$command" = check ]; then # takes those of run, and says so
            paged "$1" run >"$work/paged"
        fi
        [ -s "$work/helped" ] || echo "weir $command: its help has no options"
        lacks "$work/helped" "$work/paged" "weir $command: not on the page"
        lacks "$work/paged" "$work/helped" "weir $command: not in its help"
    done
}

check_codes() { # PAGE HEADER
    sed -n '/define WEIR_ERROR_MAP/,/^enum/s/^ *X([A-Z_]*, [1-9][0-9]*, "\([a-z_]*\)").*/\1/p' "$2" >"$work/codes"
    printf '%s\n' bad_line interrupted >>"$work/codes" # the command's own
    sort -o "$work/codes" "$work/codes"
    sed -n 's/^\.It Li \([a-z_]*\)$/\1/p' "$1" | sort -u >"$work/paged"
    [ "$(wc -l <"$work/codes")" -gt 2 ] || echo "$2 has no error codes"
    lacks "$work/codes" "$work/paged" 'error code not on the page'
}

# -------------------------------------------------------------------------------------------------------- weir.3

# Prototypes without blanks, one a line.
declared() { header "$1" | grep -oE 'WEIR_EXPORT [^;]*' | grep '(' | sed 's/^WEIR_EXPORT //' | tr -d ' ' | sort; }
prototyped() {
    awk '
        /^\.Ft / { type = substr($0, 5) }
        /^\.Fo / { text = type $2 "("; comma = "" }
        /^\.Fa / && text != "" { text = text comma substr($0, 5); comma = "," }
        /^\.Fc/ { print text ")"; text = "" }' "$1" | tr -d '" ' | sort
}

check_functions() { # PAGE HEADER
    declared "$2" >"$work/declared"
    prototyped "$1" >"$work/prototyped"
    [ -s "$work/declared" ] || echo "$2 has no functions"
    lacks "$work/declared" "$work/prototyped" 'not on the page'
    lacks "$work/prototyped" "$work/declared" 'not in the header'
    sed 's/.*\(weir_[a-z0-9_]*\)(.*/\1/' "$work/declared" | while read -r name; do # and more than a prototype
        grep -qE "^\.Fn $name( |$)" "$1" || echo "not described: $name"
    done
}

fields() { # HEADER STRUCTURE
    header "$1" | sed -n "s/.*struct $2 {\([^}]*\)}.*/\1/p" | tr ';' '\n' |
        grep -oE '[a-z0-9_]+(\[[A-Z0-9_]*\])? *$' | grep -oE '^[a-z0-9_]+'
}

check_values() { # PAGE HEADER
    local structure name
    for structure in "${tabled[@]}"; do
        fields "$2" "$structure" >"$work/fields"
        [ -s "$work/fields" ] || echo "no fields found: struct $structure"
        while read -r name; do
            grep -qE "^\.(It )?Fa (.* )?$name( |$)" "$1" || echo "struct $structure: no word about $name"
        done <"$work/fields"
    done
    header "$2" | grep -oE 'X\([A-Z_]+, [0-9]+, "[^"]*"\)' >"$work/map"
    [ -s "$work/map" ] || echo "$2 has no statuses"
    sed 's/X(\([A-Z_]*\),.*/\1/' "$work/map" | while read -r name; do
        grep -qE "^\.(It )?(Er|Dv) WEIR_(ERROR_|OUTCOME_)?$name( |$)" "$1" || echo "no word about $name"
    done
}

# -------------------------------------------------------------------------------------------------- weir.conf.5

# "KEY DEFAULT" for each key of the table; DEFAULT is NULL where there is none.
keys() { # TABLE
    local text='"(\\.|[^"\\])*"'
    tr '\n' ' ' <"$1" | sed 's/ {"/\n{"/g' |
        sed -nE 's/^\{"([a-z_.]+)", WEIR__KIND_[^"]*[, ]+(NULL|'"$text"'), *'"$text"'\}.*/\1 \2/p' |
        sed -e 's/ "\(.*\)"$/ \1/' -e 's/\\"/"/g'
}

check_keys() { # PAGE TABLE
    local key fallback line
    keys "$2" >"$work/keys"
    [ -s "$work/keys" ] || echo "$2 has no keys"
    while read -r key fallback; do
        line=$(plain <"$1" | grep -F ".It Ic $key Pq ")
        [ -n "$line" ] || echo "not on the page: $key"
        [ "$fallback" = NULL ] || [ "${line##*; default }" = "$fallback" ] || echo "default of $key is not $fallback"
    done <"$work/keys"
    sed -n 's/^\.It Ic \([a-z_.]*\) Pq .*/\1/p' "$1" | sort >"$work/paged"
    cut -d ' ' -f 1 "$work/keys" | sort >"$work/known"
    lacks "$work/paged" "$work/known" 'no such key'
}

# ------------------------------------------------------------------------------------------------------- examples

# Writes what stands after each `.\" example: NAME` to a file of that name in FOLDER.
extract() { # PAGE FOLDER
    plain <"$1" | awk -v folder="$2" '
        /^\.\\" example: / { file = folder "/" $3 }
        /^\.Ed/ { close(file); file = ""; inside = 0 }
        inside { print > file }
        /^\.Bd / { inside = file != "" }'
}

check_examples() { # PAGE
    local file
    rm -rf "$work/examples"
    mkdir "$work/examples"
    extract "$1" "$work/examples"
    for file in "$work"/examples/*; do
        case $file in
        *.c) gcc -std=c99 -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$file" 2>&1 ;;
        *.json) TOKEN=x "$out/weir" check "$file" 2>&1 >"$work/checked" | grep -v '^OK: the configuration is valid$' ;;
        *) echo "no example, or none that can be checked: ${file##*/}" ;;
        esac
    done
}

# -------------------------------------------------------------------------------------------------------- self-test

# The check must say something like PATTERN about the page after an edit.
finds() { # PATTERN EDIT PAGE CHECK [ARGUMENT...]
    sed -e "$2" "$3" >"$work/planted"
    if cmp -s "$3" "$work/planted"; then
        echo "nothing to edit: $2" >>"$work/log"
        return 1
    fi
    "$4" "$work/planted" "${@:5}" >"$work/said" 2>&1
    grep -q "$1" "$work/said" || { echo "not found: $2" | cat - "$work/said" >>"$work/log" && return 1; }
}

self_test() {
    local missed=0
    options() { finds "$1" "$2" "$command_page" check_options "$work/help" || missed=1; }
    functions() { finds "$1" "$2" "$library_page" check_functions include/weir.h || missed=1; }
    values() { finds "$1" "$2" "$library_page" check_values include/weir.h || missed=1; }
    of_keys() { finds "$1" "$2" "$config_page" check_keys "$table" || missed=1; }

    finds 'unknown macro' 's/^\.Sh DESCRIPTION/&\n.Xy/' "$command_page" check_mdoc || missed=1
    options 'run: not on the page: --total$' 's/^\.It Fl n , Fl -total/.It Fl n , Fl -totals/'
    options 'run: not in its help: --totals$' 's/^\.It Fl n , Fl -total/.It Fl n , Fl -totals/'
    options 'serve: not on the page: --latency$' '/^\.It Fl -latency/d'
    options 'no part for weir demo' 's/^\.Ss demo/.Ss demos/'
    finds 'page: deadline' 's/^\.It Li deadline/&s/' "$command_page" check_codes include/weir.h || missed=1
    functions 'not on the page: .*weir_cancel(structweir\*weir,uint64_tjob_id)' 's/^\.Fa "uint64_t job_id"/.Fa "int job_id"/'
    functions 'not in the header: .*weir_cancel' 's/^\.Fa "uint64_t job_id"/.Fa "int job_id"/'
    functions 'not described: weir_limits_began$' 's/^\.Fn weir_limits_began/&s/'
    values 'no word about keep_bodies' 's/ keep_bodies/&s/'
    values 'no word about NOT_FOUND' 's/WEIR_NOT_FOUND/&S/'
    values 'no word about CANCELLED' 's/WEIR_OUTCOME_CANCELLED/&S/'
    values 'no word about DEADLINE' 's/WEIR_ERROR_DEADLINE/&S/'
    of_keys 'not on the page: queue$' 's/^\.It Ic queue /.It Ic queues /'
    of_keys 'no such key: queues$' 's/^\.It Ic queue /.It Ic queues /'
    of_keys 'default of timeout.connect is not 10s' 's/default 10s/default 11s/'
    finds 'no member' 's/options\.rates = /options.rate = /' "$library_page" check_examples || missed=1
    finds durability 's/"durability": "power"/"durability": "much"/' "$config_page" check_examples || missed=1
    return $missed
}

command_page=src/cli/weir.1
library_page=include/weir.3
config_page=conf/weir.conf.5
table=src/json/config_keys.c
mkdir "$work/help"
"$out/weir" --help >"$work/help/main"
for name in $(commands "$work/help/main"); do "$out/weir" "$name" --help >"$work/help/$name"; done

self_test
result $? 'man: the check finds what is planted'

# What a check says is wrong; silence is good.
part() { # NAME CHECK ARGUMENT...
    "${@:2}" >"$work/log" 2>&1
    [ ! -s "$work/log" ]
    result $? "man: $1"
}

for page in "$command_page" "$library_page" "$config_page"; do part "${page##*/} is clean mdoc" check_mdoc "$page"; done
part 'weir.1 has the options of each subcommand' check_options "$command_page" "$work/help"
part 'weir.1 has every error code' check_codes "$command_page" include/weir.h
part 'weir.3 has every function as weir.h declares it' check_functions "$library_page" include/weir.h
part 'weir.3 has the fields, statuses, outcomes and errors' check_values "$library_page" include/weir.h
part 'weir.3: the examples compile' check_examples "$library_page"
part 'weir.conf.5 has every key and its default' check_keys "$config_page" "$table"
part 'weir.conf.5: weir check accepts the examples' check_examples "$config_page"
finish
