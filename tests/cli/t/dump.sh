#!/bin/bash
# bsr-stream dump: a line for each frame, with position and length; of what is damaged, all that comes before.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

GOLDEN=$CLI/../golden

# tabular FILE: sequence number, position, length and type of each frame, from the JSON form; checked to be JSON.
tabular() {
  python3 -c 'import json, sys
for text in sys.stdin:
    line = json.loads(text)
    print(line["sequence"], line["at"], line["wire"], line["type"])' < "$1"
}

for text in "$GOLDEN"/bsr-1/*.txt; do
  stream=${text%.txt}.bsr
  bsr-stream dump "$stream" > lines
  bsr-stream dump --json "$stream" > json
  bsr-stream dump < "$stream" > piped
  expect_equal lines piped
  # The script wrote: position, length, what the frame says.
  grep -v ^volume "$text" | awk '{ print NR - 1, $1, $2 }' > expected
  tabular json | cut -d' ' -f 1-3 > seen
  expect_equal expected seen
  awk '{ match($0, /wire=[0-9]+/); print $1, $2, substr($0, RSTART + 5, RLENGTH - 5) }' lines > seen
  expect_equal expected seen
  # What is said of BEGIN, and of extents.
  for key in sector:sector_size size:volume_size base_size:base_size chunk:chunk_size epoch:epoch time:snapshot_time; do
    expect_same "$(sed -nE "1s/.* ${key%:*}=([^ ]*).*/\\1/p" "$text")" \
      "$(sed -nE "1s/.*\"${key#*:}\":([^,}]*).*/\\1/p" json)" "${key#*:} of $stream"
  done
  for key in snapshot:uuid volume:volume name:name; do
    expect_same "$(sed -nE "1s/.* ${key%:*}=<([^>]*)>.*/\\1/p" "$text")" \
      "$(sed -nE "1s/.*\"${key#*:}\":\"([^\"]*)\".*/\\1/p" json)" "${key#*:} of $stream"
  done
  grep -oE ' [0-9]+\+[0-9]+' "$text" | tr -d ' ' > expected || true
  grep -oE '[0-9]+\+[0-9]+' lines > seen || true
  expect_equal expected seen
  grep -oE '\[[0-9]+,[0-9]+\]' json | tr -d '[]' | tr , + > seen || true
  expect_equal expected seen
done

# More than four extents are only counted, but for --json.
truncate -s 2M v1
write_random v1 0 2048 1
cp v1 v2
for i in 1 5 9 13 17 21; do write_zero v2 $((i * 64)) 64; done
make_pool 64 v1 v2
send_to stream --size 2097152 -i 1 2
bsr-stream dump stream | sed -n 2p > line
grep -qE ' 65536\+65536,.* wire=' line || fail "line: $(< line)"
(($(grep -o '+65536' line | wc -l) <= 4)) || fail "more than four: $(< line)"
grep -q 6 line || fail "no number of extents: $(< line)"
bsr-stream dump --json stream | sed -n 2p > line
expect_same 6 "$(grep -o ',65536\]' line | wc -l)" "extents with --json"

# Cut off and damaged: the lines of all whole frames before that, then the exit status.
stream=$GOLDEN/bsr-1/delta.bsr
bsr-stream dump "$stream" > all
bsr-stream dump --json "$stream" > all.json
size=$(stat -c %s "$stream")
tabular all.json > frames
while read -r number position length type; do
  for cut in $position $((position + 1)) $((position + 39)) $((position + 40)) $((position + length - 1)); do
    ((cut < position + length)) || continue
    head -c "$cut" "$stream" > part
    status=0
    bsr-stream dump part > lines 2> err || status=$?
    ((status == EXIT_STATUS[truncated])) || fail "cut at $cut, in frame $number, $type: status $status"
    expect_equal <(head -n "$number" all) lines
    [[ -s err ]] || fail "not a word"
    bsr-stream dump --json < part > lines 2> err || true
    expect_equal <(head -n "$number" all.json) lines
  done
  cp "$stream" part
  flip_byte part $((position + 20 + length / 3))
  status=0
  bsr-stream dump part > lines 2> err || status=$?
  ((status == EXIT_STATUS[corrupt])) || fail "damaged frame $number, $type: status $status, $(< err)"
  expect_equal <(head -n "$number" all) lines
  expect_rc corrupt bsr-stream verify part
  expect_same 1 "$(wc -l <<< "$OUTPUT")" "lines of verify: an error, and nothing"
done < frames

# verify: one line that begins with ok.
expect_rc ok bsr-stream verify "$stream"
expect_same 1 "$(wc -l <<< "$OUTPUT")" "lines"
expect_says '^ok snapshot-2 ' "$(sed -nE 's/.* digest=([0-9a-f]+)$/\1/p' "${stream%.bsr}.txt" | tail -n 1)" "\\b$size bytes"
expect_rc truncated bsr-stream verify /dev/null
expect_rc truncated bsr-stream dump /dev/null

# Streams of thin_send, too: positions ascend, lengths add up to the size, no chunk is left out.
for stream in "$GOLDEN"/legacy/{full,delta}-1.{0,1}; do
  bsr-stream dump --json "$stream" > json
  tabular json > frames
  at=0
  while read -r number position length type; do
    if ((position != at || length == 0)); then
      complain "dump of ${stream##*/}: chunk $number, $type, at $position with length $length, but it is at $at"
      break
    fi
    at=$((at + length))
  done < frames
done
