#!/bin/bash
# The content root and the content map, against a script that knows only the page; how it is read.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

# root FILE: as the page defines it
root() { python3 "$CLI/content_root.py" "$@"; }

# ---- bsr-stream digest -----------------------------------------------------------------------
truncate -s 0 empty
truncate -s 5M zeros
truncate -s 1234567 odd
write_random odd 500 600 1
truncate -s 5M full
write_random full 0 5120 2
truncate -s 1500M sparse
write_random sparse 1200000 300 3
write_random sparse 100 1100 4
for file in empty zeros odd full sparse; do
  bsr-stream digest --threads 0 -o $file.map $file > said
  expect_same "$(root $file $file.map)" "$(< said)" "root of $file"
  bsr-stream digest --threads 3 -o $file.map3 $file | cmp said -
  cmp $file.map $file.map3
done
json='"name":"sparse","volume_size":1572864000,"content_root":"'$(< said)'","bytes_read":4194304'
expect_same "{\"v\":1,\"type\":\"content\",$json}" "$(bsr-stream digest --json sparse)" "JSON"

expect_rc usage bsr-stream digest -o full.map full  # it exists
expect_rc failed bsr-stream digest missing
expect_rc usage bsr-stream digest .
expect_rc usage bsr-stream digest
expect_rc usage bsr-stream digest full odd
mkfifo pipe
expect_rc usage bsr-stream digest pipe
# Nothing is left of a map that could not be finished.
expect_rc failed bsr-stream digest -o missing/map full
[[ ! -e missing ]] || fail "a folder was made"

# A signal ends it, and nothing is left.
truncate -s 8G large
for ((i = 0; i < 8192; i += 8)); do printf x | dd of=large bs=1M seek=$i conv=notrunc status=none; done
bsr-stream digest --threads 0 -o large.map large > output 2> err &
pid=$!
wait_until test -e large.map.bsr-new
kill $pid
status=0
wait $pid || status=$?
expect_same "${EXIT_STATUS[SIGTERM]}" "$status" "status after SIGTERM"
[[ ! -e large.map && ! -e large.map.bsr-new && ! -s output ]] || fail "left: $(ls large*)"

# ---- END carries it --------------------------------------------------------------------------
truncate -s 8M v1
write_random v1 0 3000 1
write_random v1 6000 2192 2
cp v1 v2
write_random v2 1000 100 3
write_zero v2 6400 640
make_pool 64 v1 v2
ids=("" "$(identity 1)" "$(identity 2)")

# root_in_end FILE
root_in_end() { bsr-stream dump --json "$1" | sed -nE 's/.*"type":"END".*"content_root":("[0-9a-f]+"|null).*/\1/p'; }
send_to plain 1
send_to full --content-digest 1
send_to change --content-digest -i 1 2
expect_same null "$(root_in_end plain)" "root without the option"
expect_same "\"$(root v1)\"" "$(root_in_end full)" "root in the full stream"
expect_same "\"$(root v2)\"" "$(root_in_end change)" "root in the delta"
for threads in 0 4; do bsr-send "${POOL[@]}" --threads $threads --content-digest -i 1 2 | cmp change -; done

expect_same "committed ${ids[1]} $(root v1)" "$(bsr-recv --ack ./target < full | tail -n 1)" "answer"
bsr-recv --json -v --base "${ids[1]}" ./target < change > json 2> err
expect_equal v2 target
json_lines json > words
grep -q "^summary .*content_root=$(root v2)" words || fail "JSON: $(< json)"
grep -q "content root $(root v2), read 6.0 MiB" err || fail "said: $(< err)"
bsr-send "${POOL[@]}" -v --json-fd 3 --content-digest 2 3> json 2> err > /dev/null
json_lines json > words
grep -q "^summary .*content_root=$(root v2)" words || fail "JSON: $(< json)"
grep -q "content root $(root v2), read" err || fail "said: $(< err)"
digest_of() { bsr-stream dump --json "$1" | sed -nE 's/.*"type":"END".*"digest":"([0-9a-f]+)".*/\1/p'; }
expect_same "committed ${ids[1]} $(digest_of plain)" "$(bsr-recv --ack ./old < plain | tail -n 1)" "answer without a root"

# ---- what was in hand is not read once more --------------------------------------------------
# figure FILE: what was read for the root
figure() { sed -nE 's/.*content root [0-9a-f]{64}, read ([0-9.]+ [MK]?i?B) for it.*/\1/p' "$1"; }
# received EXPECTED STREAM ARG...: what bsr-recv reads for the root
received() {
  bsr-recv -v "${@:3}" < "$2" > said 2> err
  expect_same "$1" "$(figure err)" "read for the root by bsr-recv ${*:3}"
}
expect_same 'CONTENT' "$(bsr-stream dump full | awk 'NR == 2 {print $3}')" "first frame behind BEGIN"
bsr-stream dump plain | grep -q CONTENT && fail "a root is announced that does not come"
for threads in 0 3; do
  bsr-send "${POOL[@]}" -v --threads $threads --content-digest 1 2> err > again
  expect_same '0 B' "$(figure err)" "read by bsr-send --threads $threads"
done
# In a new file there are holes in leaves, which are looked at beside the stream; what was there before was zeroed, and that
# read back.
received '0 B' full ./new
expect_equal v1 new
cp v2 new
received '0 B' full ./new
expect_equal v1 new
received '' full --verify none ./new # nobody looks
# A cut: what came before was read back from its log, and has to be read by the sender. No file is new any more.
rm new
expect_rc truncated bsr-recv ./new < <(head -c 2500000 full)
bsr-send "${POOL[@]}" -v --content-digest -t "$(bsr-recv -t ./new)" > rest 2> err
expect_same '3.0 MiB' "$(figure err)" "read by bsr-send for what lies below the cut"
received '0 B' rest ./new
expect_equal v1 new
rm new

# One byte of the base, which the delta does not touch, is another: noticed, and not to be continued.
cp v1 target
flip_byte target 7500000
expect_rc verify receive_from change --base "${ids[1]}" ./target
expect_says "content root of snapshot ${ids[2]} is $(root v2)" 'bsr-stream digest' 'neither the old nor the new state'
[[ $OUTPUT != *committed* && ! -e target.bsr-resume ]] || fail "it says $OUTPUT, left: $(ls target*)"
expect_same '' "$(bsr-recv -t ./target)" "token"
# So is a new file, also one that was continued.
expect_rc truncated bsr-recv ./new < <(head -c 2500000 full)
send_to rest --content-digest -t "$(bsr-recv -t ./new)"
expect_same "committed ${ids[1]}" "$(bsr-recv ./new < rest)" "answer"
rm new
expect_rc truncated bsr-recv ./new < <(head -c 2500000 full)
send_to rest --content-digest -t "$(bsr-recv -t ./new)"
flip_byte new.bsr-partial 1000
expect_rc diverged receive_from rest ./new
expect_says 'is not there any more' 'bsr-recv -A ./new$'
expect_rc ok bsr-recv -A ./new
[[ $(echo new*) == 'new*' ]] || fail "left: $(ls new*)"
# Without a root nobody looks.
cp v1 target
flip_byte target 7500000
send_to without -i 1 2
expect_rc ok receive_from without --base "${ids[1]}" ./target

expect_rc usage bsr-send "${POOL[@]}" --content-digest --format thin-1.1 1
