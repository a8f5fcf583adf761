#!/bin/bash
# bsr-stream merge: streams that follow each other as one, also over sizes that change; and what cannot be merged.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 3M v1
write_random v1 0 1500 1
write_text v1 2000 1000 text
head -c 1M v1 > v2 # shrank, with changes
write_random v2 100 300 2
write_zero v2 600 200
cp v2 v3 # grew beyond v1: what v1 had behind the end of v2 must not come back
truncate -s 4M v3
write_random v3 200 50 3
write_random v3 2500 900 4
write_random v3 3500 10 5
cp v3 v4 # shrank, and some of what was new is gone
write_zero v4 2496 128
truncate -s 3584K v4
make_pool 64 v1 v2 v3 v4

size_of() { stat -c %s "$1"; }
# field KEY FILE: of BEGIN
field() { bsr-stream dump --json "$2" | sed -nE "1s/.*\"$1\":\"?([^\",}]*).*/\\1/p"; }
send_to full1 --size "$(size_of v1)" 1
for to in 2 3 4; do
  from=$((to - 1))
  send_to $from-$to --patch never --base-size "$(size_of v$from)" --size "$(size_of v$to)" -i $from $to
done

# applied FROM TO FILE: FILE makes snapshot TO of snapshot FROM, wherever that is.
applied() {
  expect_rc ok bsr-stream verify "$3"
  rm -f target # a session that failed is remembered
  cp "v$1" target
  expect_same "committed $(identity "$2")" "$(bsr-recv --base "$(identity "$1")" ./target < "$3")" "answer to $3"
  expect_equal "v$2" target
}

bsr-stream merge 1-2 2-3 > 1-3
applied 1 3 1-3
bsr-stream merge 2-3 3-4 > 2-4
applied 2 4 2-4
bsr-stream merge 1-2 2-3 3-4 > 1-4
applied 1 4 1-4
bsr-stream merge 1-3 3-4 > left
bsr-stream merge 1-2 2-4 > right
applied 1 4 left
applied 1 4 right
expect_same "$(identity 4) $(identity 1)" "$(field uuid 1-4) $(field base 1-4)" "what it is about"
expect_same "$(size_of v4) $(size_of v1) 65536" \
  "$(field volume_size 1-4) $(field base_size 1-4) $(field chunk_size 1-4)" "sizes"
expect_same "$(field name 3-4) $(field snapshot_time 3-4)" "$(field name 1-4) $(field snapshot_time 1-4)" "name and time"

# With a full one it is a full one: the same plan as the sender's own. So a cut transfer can be continued by it.
bsr-stream merge full1 1-2 2-3 > full3
bsr-send "${POOL[@]}" --size "$(size_of v3)" 3 > sent3
expect_same null "$(field base full3)" "base"
for key in plan_data plan_unmap plan_extents plan_hash; do
  expect_same "$(field $key sent3)" "$(field $key full3)" "$key"
done
expect_same "committed $(identity 3)" "$(bsr-stream merge full1 1-2 2-3 | bsr-recv ./new)" "answer"
expect_equal v3 new
rm new
expect_rc truncated bsr-recv ./new < <(head -c -300000 full3)
token=$(bsr-recv -t ./new)
[[ -n $token ]] || fail "no token"
expect_same "committed $(identity 3)" "$(bsr-send "${POOL[@]}" -t "$token" | bsr-recv ./new)" "answer"
expect_equal v3 new

# The content root is that of the last stream: it is about the snapshot, however one comes to it.
send_to 2-3.root --patch never --content-digest --base-size "$(size_of v2)" --size "$(size_of v3)" -i 2 3
bsr-stream merge 1-2 2-3.root > 1-3.root
root_of() { bsr-stream dump --json "$1" | sed -nE '$s/.*"content_root":"([0-9a-f]{64})".*/\1/p'; }
[[ -n $(root_of 2-3.root) ]] || fail "no content root"
expect_same "$(root_of 2-3.root)" "$(root_of 1-3.root)" "content root"
applied 1 3 1-3.root
cp v1 target
flip_byte target 50000 # nothing names it
expect_rc verify bsr-recv --base "$(identity 1)" ./target < 1-3.root

# What the token says.
expect_rc ok bsr-stream token "$token"
expect_same 1 "$(wc -l <<< "$OUTPUT")" "lines"
expect_says "^TOKEN name=.* uuid=$(identity 3) .*volume_size=4194304 .* resume_position=[1-9][0-9]* .*frames=[1-9]" 'digest=[0-9a-f]{64}'
bsr-stream token --json "$token" | python3 -c 'import json, sys
said = json.loads(sys.stdin.read())
assert said["type"] == "TOKEN" and said["base"] is None, said
assert 0 < said["resume_position"] <= said["volume_size"] == 4194304, said
assert said["data_bytes"] > 0 and said["frames"] > 0 and said["extents_total"] > 0, said'
expect_rc usage bsr-stream token "${token}A"
expect_rc usage bsr-stream token x
expect_says token
expect_rc unsupported bsr-stream token "bsr2.${token:5}"

# -o: the whole stream under its name, or nothing.
mkdir out
expect_rc ok bsr-stream merge -o out/1-3 1-2 2-3
expect_same '' "$OUTPUT" "output"
expect_equal 1-3 out/1-3
expect_refused usage out/1-3 bsr-stream merge --output out/1-3 1-2 2-3
expect_advice out/1-3

# refused ID OBJECT FILE...: these cannot be merged; not a byte comes out, and the message names the file.
refused() {
  expect_refused "$1" out/none bsr-stream merge -o out/none "${@:3}"
  expect_says "^bsr-stream: $2: "
  bsr-stream merge "${@:3}" 2> /dev/null > stdout || true
  expect_same 0 "$(size_of stdout)" "bytes on standard output"
}
refused base 1-2 2-3 1-2
expect_advice 1-2
expect_says 'the other order'
refused base 3-4 1-2 3-4
expect_advice 3-4
refused base 3-4 1-2 2-3 3-4 3-4
refused base 1-2 1-2 1-2
refused base full1 full1 full1
expect_advice full1
refused base full1 1-2 full1
refused base 2-3 full1 2-3
# As if the older snapshot had another size.
send_to other-size --patch never --base-size 1049088 --size 4194304 -i 2 3
refused base other-size 1-2 other-size
expect_says 1049088 1048576

head -c 100000 1-2 > cut-older
cp 1-2 damaged
flip_byte damaged $(($(size_of damaged) / 2))
head -c 50000 2-3 > cut-newer
cp 2-3 damaged-newer
flip_byte damaged-newer $(($(size_of 2-3) - 60)) # in END
{ cat 2-3 && echo; } > longer
echo 'not a stream' > text
: > empty
refused truncated cut-older cut-older 2-3
refused truncated cut-newer 1-2 cut-newer
refused corrupt damaged damaged 2-3
refused corrupt damaged-newer 1-2 damaged-newer
refused corrupt longer 1-2 longer
refused truncated empty empty 2-3
refused truncated empty 1-2 empty
refused corrupt text 1-2 text
refused failed missing 1-2 missing
refused failed out 1-2 out
send_to legacy --format thin-1.1 --size 1048576 -i 1 2
refused unsupported legacy legacy 2-3
expect_advice legacy
refused unsupported legacy 1-2 legacy
send_to rest -t "$token"
refused usage rest rest 3-4
expect_advice rest
# A pipe cannot be read twice.
expect_refused usage out/none bsr-stream merge -o out/none <(cat 1-2 || true) 2-3
expect_advice '/dev/fd/[0-9]+'

# The reader of the output goes away.
status=0
{ bsr-stream merge full1 1-2 2> err || echo $? > status; } | head -c 10 > /dev/null
status=$(cat status)
((status == EXIT_STATUS[peer])) || fail "status $status: $(< err)"

# Streams as bsr-send makes them: what patches are packed against waits in a temporary file without a name, and only then.
for to in 2 3 4; do
  from=$((to - 1))
  send_to packed-$from-$to --patch always --base-size "$(size_of v$from)" --size "$(size_of v$to)" -i $from $to
done
bsr-stream merge full1 packed-1-2 packed-2-3 packed-3-4 | bsr-recv ./of-packed > said
expect_equal v4 of-packed
bsr-stream merge --base v1 packed-1-2 2-3 packed-3-4 > 1-4
applied 1 4 1-4
mkdir temporary
TMPDIR=$PWD/temporary bsr-stream merge full1 packed-1-2 > 1-2.full
expect_same '' "$(ls -A temporary)" "left in TMPDIR"
rmdir temporary
export TMPDIR=$PWD/temporary
expect_same "$(sha256sum < full3)" "$(bsr-stream merge full1 1-2 2-3 | sha256sum)" "merged without patches and without TMPDIR"
expect_refused failed none bsr-stream merge -o none full1 packed-1-2
expect_says "^bsr-stream: $TMPDIR: " 'TMPDIR'
unset TMPDIR
# No room for it, as far as a limit of the size of files is that.
too_large() { (ulimit -f 500 && trap '' XFSZ && "$@"); }
expect_refused nospace none too_large bsr-stream merge -o none full1 packed-1-2
expect_says 'cannot write the temporary file .*TMPDIR'

# A signal while that file is written: slowly, because strace delays it.
mkdir temporary slow
if command -v strace > /dev/null && strace -o /dev/null true 2> /dev/null; then
  TMPDIR=$PWD/temporary ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:delay_enter=300000 \
    bsr-stream merge -o slow/merged full1 packed-1-2 packed-2-3 2> err &
  strace=$!
  writes() { [[ -n $(find /proc/"$(pgrep -P "$strace" bsr-stream)"/fd -lname "$PWD/temporary/*" 2> /dev/null) ]]; }
  wait_until writes
  kill -TERM "$(pgrep -P "$strace" bsr-stream)"
  status=0
  wait "$strace" || status=$?
  expect_same 143 "$status" "status after SIGTERM: $(< err)"
  expect_same '' "$(ls -A slow && ls -A temporary)" "left after SIGTERM"
else
  skip "a signal while the temporary file is written: no strace"
fi

# Memory grows neither with the volume nor with the patches.
write_random big1 0 16384 6
cat big1 big1 big1 big1 > all && mv all big1
cp big1 big2
write_sectors big2 3 8 16000 7
make_pool 64 big1 big2
send_to big 1
send_to big-patches --patch always -i 1 2
if [[ -x /usr/bin/time ]]; then
  export ASAN_OPTIONS=quarantine_size_mb=1
  /usr/bin/time -q -f %M -o memory bsr-stream merge big big-patches > big-merged
  /usr/bin/time -q -f %M -o memory-small bsr-stream merge full1 packed-1-2 > small-merged
  (($(< memory) < $(< memory-small) + 8000)) || complain "$(< memory) KiB for 64 MiB, $(< memory-small) for 3"
  bsr-recv ./big-copy < big-merged > said
  expect_equal big2 big-copy
else
  skip "memory: no /usr/bin/time"
fi
