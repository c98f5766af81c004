# shellcheck shell=bash
# weir - completion for bash.  Installed as share/bash-completion/completions/weir; sourcing it by hand does as well.
#
# It needs nothing of the package bash-completion, whose _command_offset it uses for the command of `weir exec` if it is
# there.  test/lint/completion.sh holds the options against what `weir help` says.

# Options of a command, as they are typed: one that takes a value has it in _weir_value below.
_weir_options() # COMMAND
{
    case $1 in
    run | check)
        printf '%s ' -u --url -n --total -c --concurrency -r --rate --shape --scope -X --method -H --header -d --data -w --workers \
            -q --queue --engine --timeout --retries -i --input --input-format -o --output --resume --retry-failed --force \
            --fail-fast --max-failures --dry-run --metrics --set --json --quiet --progress -v --verbose -h --help \
            -V --version
        ;;
    serve)
        printf '%s ' -p --port --listen --limit --window --burst --latency --jitter --uplink --fail --reset --headers --refusal \
            --refuse-for --retry-after --seed --body --duration --log --quiet -h --help
        ;;
    bench)
        printf '%s ' -u --url -n --total -c --concurrency --latency -r --rate --limit --engines --peers --rounds --warmups --set \
            --json --csv -o --output --html --quiet -h --help
        ;;
    report) printf '%s ' -o --output -h --help ;;
    exec) printf '%s ' -c --concurrency -r --rate --shape --scope -v --verbose -h --help -V --version ;;
    demo) printf '%s ' -h --help ;;
    esac
}

# Names of the scopes that this machine has.
_weir_scopes()
{
    local file
    for file in /dev/shm/weir.*; do
        [[ ! -O $file || $file == */weir.exec.* ]] || echo "host:${file#/dev/shm/weir.}"
    done
}

# How the value of an option is completed, in COMPREPLY.  Fails where the option takes none.
_weir_value() # COMMAND OPTION
{
    local words='' prefix=''
    case $1:$2 in
    *:-u | *:--url) words='http:// https://' && compopt -o nospace 2>/dev/null ;;
    *:-r | *:--rate) words=auto ;;
    *:--shape) words='strict window paced' ;;
    exec:--scope) words="host: $(_weir_scopes)" && compopt -o nospace 2>/dev/null ;;
    *:--scope) words="process host: $(_weir_scopes)" && compopt -o nospace 2>/dev/null ;;
    *:-X | *:--method) words='GET HEAD POST PUT PATCH DELETE OPTIONS TRACE' ;;
    *:--engine) words='threads async' ;;
    bench:--engines) words='threads async naive none' ;;
    bench:--peers) words='all none' ;;
    *:--input-format) words='batch vegeta' ;;
    *:--progress) words='auto always never' ;;
    serve:--window) words='sliding fixed counter bucket leaky none' ;;
    serve:--headers) words='none retry-after ietf legacy github openai anthropic discord' ;;
    serve:--listen) words='127.0.0.1 ::1' ;;
    *:-i | *:--input | *:-o | *:--output | *:--metrics | serve:--log | bench:--html) _weir_files "$cur" ;;
    *:-d | *:--data)
        case $cur in
        @*)
            _weir_files "${cur#@}"
            prefix=@
            ;;
        esac
        ;;
    *:-n | *:--total | *:-c | *:--concurrency | *:-H | *:--header | *:-w | *:--workers | *:-q | *:--queue | *:--timeout | \
        *:--retries | *:--max-failures | *:--set) ;;
    bench:--latency | bench:--limit | bench:--rounds | bench:--warmups) ;;
    serve:-p | serve:--port | serve:--limit | serve:--burst | serve:--latency | serve:--jitter | serve:--uplink | \
        serve:--fail | serve:--reset | serve:--refusal | serve:--refuse-for | serve:--retry-after | serve:--seed | \
        serve:--body | serve:--duration) ;;
    *) return 1 ;;
    esac
    [ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    COMPREPLY=(${COMPREPLY[@]+"${COMPREPLY[@]/#/$prefix}"})
}

_weir_files() # BEGINNING
{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Puts together again what bash took apart at = and : - into `words`, up to the cursor; `cur` is the last of them, `raw` has
# where each begins in COMP_WORDS, and `left_out` is what bash keeps of the last one, whatever replaces the rest.
_weir_join()
{
    local i word glue=0
    words=("${COMP_WORDS[0]}") raw=(0)
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in = | :) [ "$i" -eq 1 ] || glue=1 ;; esac
        if [ $glue -eq 1 ]; then
            words[-1]+=$word
        else
            words+=("$word")
            raw+=("$i")
        fi
        case $word in = | :) glue=1 ;; *) glue=0 ;; esac
    done
    cur=${words[-1]}
    case ${COMP_WORDS[COMP_CWORD]} in
    = | :) left_out=$cur ;;
    *) left_out=${cur%"${COMP_WORDS[COMP_CWORD]}"} ;;
    esac
}

# Which of `words` begins the command that `weir exec` is to run; as many as there are where none does.
_weir_program()
{
    local i=2
    while [ "$i" -lt ${#words[@]} ]; do
        case ${words[i]} in
        --) echo $((i + 1)) && return ;;
        -c | --concurrency | -r | --rate | --shape | --scope) i=$((i + 2)) ;;
        -*) i=$((i + 1)) ;;
        *) break ;;
        esac
    done
    echo "$i"
}

_weir()
{
    local cur left_out words raw program option
    COMPREPLY=()
    _weir_join
    set -- "${words[1]:-}"

    case $1:${#words[@]} in
    *:2) mapfile -t COMPREPLY < <(compgen -W 'run bench serve demo check exec report help --help --version' -- "$cur") && return ;;
    help:3) mapfile -t COMPREPLY < <(compgen -W 'run bench serve demo check exec report' -- "$cur") && return ;;
    help:* | demo:[!3]) return ;;
    exec:*)
        program=$(_weir_program)
        if [ "$program" -eq $((${#words[@]} - 1)) ]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$cur")
            return
        elif [ "$program" -lt ${#words[@]} ]; then
            if declare -F _command_offset >/dev/null; then _command_offset "${raw[program]}"; else _weir_files "$cur"; fi
            return
        fi
        ;;
    esac

    option=${words[-2]}
    if [[ $cur == --*=* ]]; then
        option=${cur%%=*}
        cur=${cur#*=}
        _weir_value "$1" "$option"
        COMPREPLY=(${COMPREPLY[@]+"${COMPREPLY[@]/#/$option=}"})
    elif ! _weir_value "$1" "$option"; then
        case $cur in
        -*) mapfile -t COMPREPLY < <(compgen -W "$(_weir_options "$1")" -- "$cur") ;;
        *) [ "$1" = demo ] || _weir_files "$cur" ;; # CONFIG
        esac
    fi
    COMPREPLY=(${COMPREPLY[@]+"${COMPREPLY[@]#"$left_out"}"})
}

complete -F _weir weir
