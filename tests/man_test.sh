#!/bin/bash
# Checks the manual pages: they build, they are clean, and what they say about options and exit
# codes is what the programs say. Usage: man_test.sh BINDIR
set -euo pipefail

bin=${1:?usage: man_test.sh BINDIR}
man=$(cd "$(dirname "$0")/../man" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

complain() {
  printf 'FAILED: %s\n' "$1" >&2
  failures=$((failures + 1))
}

# The lines of a page's section, without its heading.
section() {  # PAGE HEADING
  awk -v heading="# $2" '/^# /{inside = ($0 == heading); next} inside' "$man/$1.scd"
}

# Every -x and --long that a page's OPTIONS section has an entry for.
options_of_page() {  # PAGE
  section "$1" OPTIONS | grep '^\*-' | grep -oE '(^|[* ])--?[A-Za-z][A-Za-z0-9-]*' | tr -d '* ' | sort -u
}

# Every -x and --long in the option lists of the help texts, as CLI11 prints them:
#   -i,--incremental TEXT       what it is for
options_of_help() {  # PROGRAM ARGUMENT...
  "$@" --help | sed -nE 's/^  (-[^ ]*).*/\1/p' | tr ',' '\n'
}

for page in bsr-send.8 bsr-recv.8 bsr-stream.8 bsr-stream.5; do
  if ! scdoc <"$man/$page.scd" >"$work/$page" 2>"$work/error"; then
    complain "scdoc refuses $page: $(cat "$work/error")"
    continue
  fi
  # scdoc puts paragraph macros where none is needed; everything else is ours.
  lint=$(mandoc -Tlint -W warning "$work/$page" | grep -v 'skipping paragraph macro' || true)
  [ -z "$lint" ] || complain "mandoc about $page: $lint"
done

options_of_help "$bin/bsr-send" | sort -u >"$work/bsr-send.help"
options_of_help "$bin/bsr-recv" | sort -u >"$work/bsr-recv.help"
{
  options_of_help "$bin/bsr-stream"
  options_of_help "$bin/bsr-stream" dump
  options_of_help "$bin/bsr-stream" verify
  options_of_help "$bin/bsr-stream" merge
  options_of_help "$bin/bsr-stream" token
  options_of_help "$bin/bsr-stream" digest
} | sort -u >"$work/bsr-stream.help"

for program in bsr-send bsr-recv bsr-stream; do
  options_of_page "$program.8" >"$work/$program.page"
  [ -s "$work/$program.page" ] || complain "$program.8 lists no options"
  [ -s "$work/$program.help" ] || complain "$program --help lists no options"
  difference=$(diff "$work/$program.page" "$work/$program.help") ||
    complain "options of $program: page (<) and --help (>) differ: $difference"
  section "$program.8" "EXIT STATUS" >"$work/$program.codes"
  grep -q '128+n' "$work/$program.codes" || complain "$program.8 has no table of exit codes"
  cmp -s "$work/bsr-send.codes" "$work/$program.codes" ||
    complain "exit codes of bsr-send.8 and $program.8 differ"
done

# Each is produced by the real program in some test.
tests=$(dirname "$0")
while read -r code id; do
  grep -rqE "expect_(rc|refused) ($code|$id)( |\$)" "$tests/cli/t" "$tests/lab/t" ||
    complain "no test expects exit status $code, $id"
done < <(awk '/^\|  [0-9]+$/ {code = $2} /^:  [a-z]+$/ && code != "" {print code, $2; code = ""}' "$work/bsr-send.codes")

[ "$failures" -eq 0 ] || exit 1
echo "manual pages: ok"
