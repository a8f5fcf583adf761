#!/bin/bash
# promises_test: every test that the documents name exists: `tests/PATH`, `lab/NAME`, `Suite.Name` and `Suite.*` of the unit tests.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
failures=0
complain() {
  echo "promises: $*" >&2
  failures=$((failures + 1))
}

# Suite.Name, however the lines are broken.
known=$(find tests/unit -name '*_test.cc' -exec cat {} + | tr -d ' \n' | grep -oE 'TEST(_[FP])?\([A-Za-z0-9_]+,[A-Za-z0-9_]+\)' |
  sed -E 's/.*\((.*),(.*)\)/\1.\2/')
named() { grep -noE "\`$1\`" docs/*.md | tr -d '\`'; }

while IFS=: read -r file line name; do
  compgen -G "$name" > /dev/null || complain "$file:$line: there is no $name"
done < <(named 'tests/[^` ]*')
while IFS=: read -r file line name; do
  compgen -G "tests/lab/t/${name#lab/}.sh" > /dev/null || complain "$file:$line: there is no $name"
done < <(named 'lab/[^` ]*')
while IFS=: read -r file line name; do
  grep -q "^${name//./\\.}\$" <<< "$known" || complain "$file:$line: there is no test $name"
done < <(named '[A-Z][A-Za-z0-9]+\.[A-Z][A-Za-z0-9]+')
while IFS=: read -r file line name; do
  grep -q "^${name%\*}" <<< "$known" || complain "$file:$line: there is no suite $name"
done < <(named '[A-Z][A-Za-z0-9]+\.\*')

((failures == 0)) && echo "promises: every test that the documents name is there"
exit $((failures > 0))
