// What a shell runs when Tab is pressed: it asks this program for the words, which knows its own commands. Nothing that was
// typed is evaluated, and no program is looked for in the current folder.

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

/** The script for a shell. @param program the absolute path of what answers `complete` */
export function completionScript(shell: Shell, program: string): string {
  return { bash, zsh, fish }[shell](program);
}

/** Runs on the Bash 3.2 of macOS, and without the package bash-completion. */
function bash(program: string): string {
  return `# Completion of holdfast and "npx holdfast" for Bash.
# In ~/.bashrc:  source <(npx holdfast completion bash)
__holdfast_words() {
  local at=$1 line answer word
  local -a words=()
  # COMP_WORDS is split at ":" and "=", which are part of URLs and options.
  read -ra words <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ "\${COMP_LINE:0:COMP_POINT}" == *[[:space:]] ]] && words+=('')
  local typed="\${words[\${#words[@]}-1]}"
  answer=$(${quoted(program)} complete -- "\${words[@]:at}" 2>/dev/null </dev/null)
  COMPREPLY=()
  if [[ $answer == :files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${typed#--*=}")
    return
  fi
  # Of a word with ":" or "=" Bash replaces what follows the last of them.
  local kept=''
  case $typed in
    *[:=]*) [[ $COMP_WORDBREAKS == *[:=]* ]] && kept="\${typed%"\${typed##*[:=]}"}" ;;
  esac
  while IFS= read -r line; do
    [[ -n $line ]] || continue
    word=\${line%%$'\\t'*}
    word=\${word#"$kept"}
    COMPREPLY+=("$(printf '%q' "$word")")
  done <<< "$answer"
}
__holdfast() { __holdfast_words 1; }
__holdfast_npx() {
  if [[ \${COMP_WORDS[1]} == holdfast && $COMP_CWORD -gt 1 ]]; then
    __holdfast_words 2
  elif [[ -n $__holdfast_npx_before ]]; then
    "$__holdfast_npx_before" "$@"
  fi
}
__holdfast_npx_before=$(complete -p npx 2>/dev/null | sed -n 's/.* -F \\([^ ]*\\) .*/\\1/p')
[[ $__holdfast_npx_before == __holdfast_npx ]] && __holdfast_npx_before=
complete -F __holdfast holdfast
complete -o default -F __holdfast_npx npx
`;
}

function zsh(program: string): string {
  return `#compdef holdfast
# Completion of holdfast and "npx holdfast" for zsh.
# In ~/.zshrc:  source <(npx holdfast completion zsh)
__holdfast() {
  local line word
  local -a answer described
  answer=("\${(@f)$(${quoted(program)} complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  if [[ $answer[1] == :files ]]; then
    compset -P '--*='
    _files
    return
  fi
  for line in "\${answer[@]}"; do
    [[ -n $line ]] || continue
    word=\${line%%$'\\t'*}
    described+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe -V holdfast described
}
__holdfast_npx() {
  if [[ $words[2] == holdfast && $CURRENT -gt 2 ]]; then
    shift words
    (( CURRENT-- ))
    __holdfast
  elif [[ -n $__holdfast_npx_before ]]; then
    "$__holdfast_npx_before" "$@"
  else
    _files
  fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
typeset -g __holdfast_npx_before=\${_comps[npx]:#__holdfast_npx}
compdef __holdfast holdfast
compdef __holdfast_npx npx
`;
}

function fish(program: string): string {
  return `# Completion of holdfast and "npx holdfast" for fish.
# In ~/.config/fish/config.fish:  npx holdfast completion fish | source
function __holdfast
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    test "$words[1]" = npx; and set -e words[1]
    set -e words[1]
    set -l answer (${fishQuoted(program)} complete -- $words "$typed" 2>/dev/null </dev/null)
    if test "$answer[1]" = :files
        set -l joined (string match -r -- '^--[^=]*=' "$typed")
        set -l path (string replace -r -- '^--[^=]*=' '' "$typed")
        for file in (__fish_complete_path "$path")
            echo "$joined$file"
        end
        return
    end
    test (count $answer) -gt 0; and printf '%s\\n' $answer
end
function __holdfast_npx
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = holdfast
end
complete -c holdfast -f -a '(__holdfast)'
complete -c npx -n __holdfast_npx -f -a '(__holdfast)'
`;
}

/** For the shells of POSIX. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", `\\'`)}'`;
}
