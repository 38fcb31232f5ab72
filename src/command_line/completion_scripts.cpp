// SPDX-License-Identifier: MIT
//
// One script for each shell. Each asks the program that is being completed, and adds paths where
// the program says so.

#include <array>

#include "command_line/completion.h"

namespace overpass::command_line {

namespace {

constexpr std::string_view kBash = R"SHELL(# bash completion for overpass and overpass-broker
# Use: eval "$(overpass completion bash)"

_overpass() {
    local word glued= kind begin typed before line candidate
    local -a words=()
    # bash cuts words at '=' and ':'. Put the pieces together again.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if [[ $glued || $word == [=:]* ]] && ((${#words[@]})); then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        glued=
        [[ $word == *[=:] ]] && glued=1
    done
    # A piece that begins after a break is completed alone: the shell keeps what stands before it.
    typed=${words[-1]}
    before=${typed%"${typed##*[=:]}"}
    [[ $COMP_WORDBREAKS == *[=:]* ]] || before=
    COMPREPLY=()
    {
        read -r kind begin
        while IFS=$'\t' read -r candidate _; do
            candidate=${candidate#"$before"}
            # Where paths are offered, the shell itself quotes.
            [[ $kind == none && $candidate == *[!A-Za-z0-9_./,:=@%+-]* ]] && printf -v candidate %q "$candidate"
            COMPREPLY+=("$candidate")
        done
    } < <("$1" __complete "${words[@]}" 2>/dev/null)
    if [[ $kind == files || $kind == directories ]]; then
        local action=-f path=${typed:begin}
        [[ $kind == directories ]] && action=-d
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do
            line=${typed:0:begin}$line
            COMPREPLY+=("${line#"$before"}")
        done < <(compgen "$action" -- "$path")
    fi
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _overpass overpass overpass-broker
)SHELL";

constexpr std::string_view kZsh = R"SHELL(#compdef overpass overpass-broker
# zsh completion for overpass and overpass-broker
# Use: eval "$(overpass completion zsh)", after compinit

_overpass() {
    local line kind begin
    local -a lines plain open
    lines=("${(@f)$(${words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    (( $#lines )) || return 1
    kind=${lines[1]%% *}
    begin=${lines[1]##* }
    for line in "${(@)lines[2,-1]}"; do
        [[ -n $line ]] || continue
        if [[ ${line%%$'\t'*} == *= ]]; then
            open+=("${line%%$'\t'*}")
        else
            plain+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        fi
    done
    (( $#plain )) && _describe -t values value plain
    (( $#open )) && compadd -S '' -- "${(@)open}"
    if [[ $kind != none ]]; then
        (( begin )) && compset -P "${(l:begin::?:)}"
        if [[ $kind == directories ]]; then _files -/; else _files; fi
    fi
}

if [[ ${funcstack[1]} == _overpass ]]; then
    _overpass "$@"
else
    compdef _overpass overpass overpass-broker
fi
)SHELL";

constexpr std::string_view kFish = R"SHELL(# fish completion for overpass and overpass-broker
# Use: overpass completion fish | source

function __overpass_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l typed (commandline -ct)
    set -l lines ($program __complete $words "$typed" 2>/dev/null)
    test (count $lines) -gt 0; or return
    set -l head (string split ' ' -- $lines[1])
    set -e lines[1]
    printf '%s\n' $lines
    test "$head[1]" = none; and return
    set -l before (string sub -l $head[2] -- "$typed")
    set -l path (string sub -s (math $head[2] + 1) -- "$typed")
    if test "$head[1]" = directories
        printf '%s\n' $before(__fish_complete_directories "$path" '')
    else
        printf '%s\n' $before(__fish_complete_path "$path" '')
    end
end

complete -c overpass -f -a '(__overpass_complete)'
complete -c overpass-broker -f -a '(__overpass_complete)'
)SHELL";

constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

}  // namespace

std::optional<std::string_view> completion_script(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return std::nullopt;
}

std::span<const std::string_view> completed_shells() { return kShells; }

}  // namespace overpass::command_line
