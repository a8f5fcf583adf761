#!/bin/bash
# Streams with right checksums that break a rule of bsr-stream(5), one each: refused with the exit status that the page
# demands, in bounded time and memory. And streams that are as odd as it allows.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

mkdir streams to
python3 "$CLI/craft.py" streams
(($(echo streams/* | wc -w) > 90)) || fail "not many streams"

# seen ID FILE COMMAND...
seen() {
  local expected=${EXIT_STATUS[$1]} status=0
  timeout 20 "${@:3}" < "$2" > out 2> err || status=$?
  ((status == expected)) || complain "status $status instead of $expected, $1: $3 < $2: $(head -c 1000 err)"
  if ((status > 0)) && [[ $(wc -l < err) != 1 || -s out ]]; then
    complain "not one line of error: $3 < $2: $(head -c 1000 out err)"
  fi
}
for file in streams/*; do
  id=$(basename "${file%%.*}")
  seen "$id" "$file" bsr-stream verify
  seen "$id" "$file" bsr-recv --no-resume ./to/target
  if [[ $id == ok ]]; then
    [[ -e to/target ]] || complain "no target: $file"
    rm -f to/target
  elif [[ -n $(ls -A to) ]]; then
    complain "left by $file: $(ls -A to)"
    rm -f to/*
  fi
done

# Memory does not grow with what a stream claims.
if [[ -x /usr/bin/time ]]; then
  for file in streams/corrupt.{payload-of-4-gib,content-of-4-gib,number-of-extents,zstd-bomb} streams/corrupt.plan-beyond-the-volume; do
    /usr/bin/time -q -f %M -o memory bsr-stream verify "$file" &> /dev/null || true
    /usr/bin/time -q -f %M -o memory-plain bsr-stream verify streams/ok.plain > /dev/null
    (($(< memory) < $(< memory-plain) + 20000)) || complain "$(< memory) KiB for $file, $(< memory-plain) for a plain one"
  done
else
  skip "memory: no /usr/bin/time"
fi
