#!/bin/bash
# JSON Lines of both programs: every line valid, `exit` always the last, and the numbers those of the stream.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M v1
write_random v1 0 512 1
cp v1 v2
write_random v2 100 100 2
write_zero v2 256 64
make_pool 64 v1 v2
rewrite_same 2 20

# word KEY LINE: the value of KEY.
word() { sed -nE "s/.* $1=([^ ]*).*/\\1/p" <<< "$2"; }
summary_of() { json_lines "$1" | grep '^summary '; }

bsr-send "${POOL[@]}" --size 2097152 --json-fd 3 1 3> sent > full.bsr
ended_with ok sent
expect_same None "$(word base "$(summary_of sent)")" "base of a full stream"
bsr-send "${POOL[@]}" --size 2097152 --json-fd 3 -i 1 2 3> sent > delta.bsr
ended_with ok sent
receive_from full.bsr target --json > received
ended_with ok received
receive_from delta.bsr target --base "$(identity 1)" --json > received
ended_with ok received
expect_equal v2 target
sent=$(summary_of sent) received=$(summary_of received)
expect_same True "$(word committed "$received")" "committed"
bsr-stream dump --json delta.bsr > frames
digest=$(bsr-stream verify delta.bsr | sed 's/.*digest //')
for line in "$sent" "$received"; do
  expect_same "$(identity 2)" "$(word uuid "$line")" "uuid"
  expect_same "$(identity 1)" "$(word base "$line")" "base"
  expect_same 2097152 "$(word volume_size "$line")" "volume_size"
  expect_same "$(stat -c %s delta.bsr)" "$(word bytes_wire "$line")" "bytes_wire"
  expect_same "$digest" "$(word digest "$line")" "digest"
  for key in data_bytes zero_bytes unmap_bytes; do
    expect_same "$(sed -nE "s/.*\"type\":\"END\".*\"$key\":([0-9]+).*/\\1/p" frames)" "$(word "$key" "$line")" "$key"
  done
done
for line in "$sent" "$received"; do
  [[ $(word bytes_total "$line") == "$(word bytes_done "$line")" ]] || complain "at the end bytes_done is not bytes_total: $line"
done
expect_same 65536 "$(word unmap_bytes "$sent")" "unmap_bytes"

# The descriptor may be standard error.
bsr-send "${POOL[@]}" --json-fd 2 -o file 1 2> sent
ended_with ok sent

# Failures: the error, then exit.
# fails ID JSON_FILE COMMAND...: also on standard error, for people.
fails() {
  local id=$1 file=$2
  shift 2
  expect_rc "$id" "$@"
  ended_with "$id" "$file"
  [[ $(json_lines "$file") == *"error id=$id text="* ]] || fail "no error in: $(< "$file")"
}
send_json() { bsr-send "${POOL[@]}" --json-fd 3 "$@" 3> sent > stream; }
receive_json() { bsr-recv --json "${@:2}" < "$1" > received; }
fails usage sent send_json -i 1 1
fails failed sent send_json 9
expect_says 'bsr-send: .*9'
fails usage sent send_json -o file 1
head -c 300000 pool.data > pool.short
send_short() { bsr-send --metadata pool.meta --data pool.short --json-fd 3 -o never 1 3> sent; }
fails corrupt sent send_short
head -c 20000 full.bsr > part
fails truncated received receive_json part target
fails truncated received receive_json /dev/null target
fails corrupt received receive_json v1 target
fails base received receive_json delta.bsr target
fails usage received receive_json full.bsr target --base x
(($(wc -l < received) == 2)) || fail "more than error and exit: $(< received)"

# Progress of a slow transfer is told on both sides.
{ bsr-send "${POOL[@]}" --size 2097152 --compress none --json-fd 3 1 3> sent || touch failed; } |
  { head -c 100000 && sleep 3 && cat; } | bsr-recv --json slow > received
[[ ! -e failed ]]
for file in sent received; do
  ended_with ok "$file"
  [[ $(json_lines "$file") == *'status bytes_done='* ]] || complain "no status in $file: $(< "$file")"
done
expect_equal v1 slow

# bsr-recv -n: the same lines; bsr-send -n: what it did ends with exit, too.
receive_from full.bsr dry --json -n > received
ended_with ok received
expect_same False "$(word committed "$(summary_of received)")" "committed after a dry run"
bsr-send "${POOL[@]}" --json-fd 3 -n 1 3> sent
[[ -s sent ]] || complain "bsr-send -n --json-fd: no lines, where the last should be exit"

# What is wrong with the arguments is told in this way, too.
for arguments in -F --no-such-option '--base x --legacy-as neither' 'one too many'; do
  # shellcheck disable=SC2086
  expect_rc usage receive_json full.bsr target $arguments
  [[ -s received ]] || complain "bsr-recv --json $arguments: no lines, where the last should be exit"
done
