#!/usr/bin/env bash
# The completions for bash and zsh know every subcommand and each of its options, as `weir help` has them, and no other.
# Usage: test/lint/completion.sh OUT
# shellcheck source=test/lint/common.sh
. "$(dirname "$0")/common.sh"
out=${1:?usage: completion.sh OUT}

# The subcommands that this version has, and the options that the help of one lists.
commands() { "$out/weir" help | sed -n 's/^  weir \([a-z]*\) .*[^*]$/\1/p' | sort -u; }
helped() { "$out/weir" help "$1" | sed -nE 's/^  (   |-[A-Za-z],) (--[a-z-]+)( .*)?$/\1 \2/p' | tr -s ', ' '\n' | grep -- - | sort; }

# What each shell's completion offers after `weir COMMAND -`.
in_bash() { # FILE COMMAND
    bash --norc -c '. "$1" && COMP_WORDS=(weir "$2" -) COMP_CWORD=2 && _weir && printf "%s\n" "${COMPREPLY[@]}"' \
        in_bash "$1" "$2" 2>/dev/null | sort
}
in_zsh() { # FILE COMMAND
    # The completion system is not there: what would be handed to it (after -s -S) is printed, the options cut out.
    # shellcheck disable=SC2016 # expanded by the zsh
    zsh -f -c 'compdef() {}; _describe() {}
        _arguments() { print -rl -- "${@[3,-1]}" }
        words=(weir $2 -) CURRENT=3; source $1' in_zsh "$1" "$2" 2>/dev/null |
        sed -E 's/^\([^)]*\)//; s/^\*//' | grep -oE '^--?[A-Za-z][a-z-]*' | sed -E 's/-$//' | sort
}

# Whether each value that a help text names is offered: "how rates are kept: strict, window or paced".
values_in_bash() { # FILE COMMAND OPTION VALUE...
    local file=$1 command=$2 option=$3 value
    shift 3
    bash --norc -c '. "$1" && COMP_WORDS=(weir "$2" "$3" "") COMP_CWORD=3 && _weir && printf "%s\n" "${COMPREPLY[@]}"' \
        values "$file" "$command" "$option" 2>/dev/null >"$work/values"
    for value in "$@"; do grep -qxF -- "$value" "$work/values" || echo "bash: weir $command $option: no $value"; done
}

check() { # BASH-FILE ZSH-FILE
    local command
    commands >"$work/commands"
    [ "$(wc -l <"$work/commands")" -ge 4 ] || echo 'weir help lists no subcommands'
    bash --norc -c '. "$1" && COMP_WORDS=(weir "") COMP_CWORD=1 && _weir && printf "%s\n" "${COMPREPLY[@]}"' all "$1" |
        grep -v '^-' | grep -vx help | sort >"$work/offered"
    sort "$work/commands" | diff - "$work/offered" | sed -n 's/^</bash: no command/p; s/^>/bash: no such command:/p'
    grep -oE "^        '[a-z]+:" "$2" | tr -d " ':" | grep -vx help | sort >"$work/offered"
    sort "$work/commands" | diff - "$work/offered" | sed -n 's/^</zsh: no command/p; s/^>/zsh: no such command:/p'
    while read -r command; do
        helped "$command" >"$work/helped"
        [ -s "$work/helped" ] || echo "weir help $command lists no options"
        in_bash "$1" "$command" | diff "$work/helped" - | sed -n "s/^</bash: weir $command has no/p; s/^>/bash: weir $command has, wrongly,/p"
        in_zsh "$2" "$command" | diff "$work/helped" - | sed -n "s/^</zsh: weir $command has no/p; s/^>/zsh: weir $command has, wrongly,/p"
    done <"$work/commands"
    values_in_bash "$1" run --shape strict window paced
    values_in_bash "$1" run --progress auto always never
    values_in_bash "$1" run --input-format batch vegeta
    values_in_bash "$1" serve --window sliding fixed counter bucket leaky none
    values_in_bash "$1" serve --headers retry-after ietf legacy github openai anthropic discord none
    values_in_bash "$1" run -i Makefile src
    values_in_bash "$1" run '' Makefile src
}

self_test() {
    local missed=0
    sed 's/ --resume//; s/ serve / /g' src/cli/weir.bash >"$work/bad.bash"
    sed "/--jitter/d; s/'demo:/'other:/; s/--seed=/--sead=/" src/cli/_weir >"$work/bad.zsh"
    check "$work/bad.bash" "$work/bad.zsh" >"$work/said" 2>&1
    for text in 'bash: weir run has no --resume' 'bash: no command serve' 'zsh: weir serve has no --jitter' \
        'zsh: no command demo' 'zsh: no such command: other' 'zsh: weir serve has, wrongly, --sead'; do
        grep -qxF "$text" "$work/said" || { echo "passed unseen: $text" && missed=1; }
    done
    return $missed
}

bash -n src/cli/weir.bash >"$work/log" 2>&1 && shellcheck src/cli/weir.bash >"$work/log" 2>&1
result $? 'completion: bash and shellcheck accept weir.bash'
zsh -n src/cli/_weir >"$work/log" 2>&1
result $? 'completion: zsh accepts _weir'
self_test >"$work/log" 2>&1
result $? 'completion: the check finds what is planted'
check src/cli/weir.bash src/cli/_weir >"$work/log" 2>&1
[ ! -s "$work/log" ]
result $? 'completion: every command and option of weir help is there, and no other'
finish
