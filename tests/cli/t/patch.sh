#!/bin/bash
# --patch: only pages that differ travel, packed against what the base holds; what is as it was does not.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 8M v1
write_random v1 0 6000 1
cp v1 v2
write_sectors v2 5 131 60 2        # in as many chunks, one page each
write_random v2 6400 300 3   # where the base has nothing
write_zero v2 1024 64        # a chunk that goes
write_zero v2 2064 32        # two units of zeros inside of one
dd if=v1 of=v2 bs=1 skip=3000000 seek=3000007 count=20000 conv=notrunc status=none # moved by some bytes
# Other sizes, which end inside of a page.
head -c $((5 * 1048576 + 1536)) v2 > v3
write_sectors v3 9000 500 2 4
cp v3 v4
truncate -s $((7 * 1048576 + 512)) v4
write_sectors v4 10200 3 30 5

for chunk in 64 256; do
  make_pool $chunk v1 v2 v3 v4
  rewrite_same 2 4 7
  for pair in '1 2' '2 3' '3 4' '4 1' '2 1'; do
    read -r from to <<< "$pair"
    sizes=(--size "$(stat -c %s "v$to")" --base-size "$(stat -c %s "v$from")")
    send_to whole "${sizes[@]}" --patch never -i "$from" "$to"
    send_to patches "${sizes[@]}" --patch always -i "$from" "$to"
    (($(stat -c %s patches) < $(stat -c %s whole))) || fail "$pair: $(stat -c %s patches) bytes with patches, $(stat -c %s whole) without"
    for threads in 0 3; do
      send_to again "${sizes[@]}" --threads $threads --patch always -i "$from" "$to"
      expect_equal patches again
    done
    bsr-stream verify patches
    cp "v$from" target
    receive_from patches ./target --base "$(identity "$from")" > said
    expect_same "committed $(identity "$to")" "$(< said)" "answer"
    expect_equal "v$to" target
  done
done
make_pool 64 v1 v2 v3 v4

# Sixty sectors of random bytes are 30 KiB, 300 KiB have no base, the bytes that moved are found.
send_to patches --size 8388608 --patch always -i 1 2
(($(stat -c %s patches) < 350 * 1024)) || fail "$(stat -c %s patches) bytes for 330 KiB"
bsr-stream dump patches > shown
grep -q ' PATCH ' shown || fail "no PATCH in $(< shown)"
bsr-stream dump --json patches > shown
grep -q '"type":"PATCH","bytes":[0-9]*,"extents":\[\[' shown || fail "no PATCH in JSON"

# Damage below a patch is noticed before it is covered up; elsewhere it is not the patch's business.
cp v1 target
flip_byte target $((5 * 512))
expect_rc verify receive_from patches ./target --base "$(identity 1)"
expect_says 'between bytes [0-9]+ and [0-9]+ the base here is not what the stream was made against' 'send'

# Cut and continued: in place, what was written behind the resume point is not the base any more, and the token knows it.
cp v1 target
head -c $(($(stat -c %s patches) * 3 / 4)) patches > part
expect_rc truncated receive_from part ./target --base "$(identity 1)"
token=$(bsr-recv -t ./target)
bsr-send "${POOL[@]}" -t "$token" | tee rest | bsr-recv ./target > said
expect_equal v2 target
bsr-stream dump rest > shown
if grep -q ' PATCH ' shown; then fail "a PATCH behind the resume point"; fi
expect_rc usage bsr-send "${POOL[@]}" --patch always -t "$token"
expect_says '--patch always' 'wrote over its base'

# By default it is the same, where the session is not long enough for more than that.
send_to default --size 8388608 -i 1 2
expect_equal patches default

# What was written again with the same bytes is planned, and not sent.
make_pool 64 v1 v1
rewrite_same 2 1 2 3 40
expect_same $'size\t262144' "$(bsr-send "${POOL[@]}" -nP -i 1 2 | tail -n 1)" "plan"
send_to same --size 8388608 --patch always -i 1 2
(($(stat -c %s same) < 1000)) || fail "$(stat -c %s same) bytes for nothing"
cp v1 target
receive_from same ./target --base "$(identity 1)" > said
expect_equal v1 target
# A page is left out because it is as in the base here; that the receiver's base has another there is noticed by the root.
send_to same --size 8388608 --content-digest -i 1 2
cp v1 target
flip_byte target 70000
expect_rc verify receive_from same ./target --base "$(identity 1)"
expect_says 'content root'

# Zeros travel also where the base reads as zeros: it may do so because what it held was discarded.
cp v1 holes
cp v1 zeroed
write_zero holes 1024 64
write_zero zeroed 1024 64
make_pool 64 holes v1 zeroed
python3 "$CLI/rewrite_same.py" pool.xml pool.data 3 16
restore_metadata
send_to zeros --size 8388608 -i 1 3
rm target # the session that failed is remembered
cp v1 target
receive_from zeros ./target --base "$(identity 1)" > said
expect_equal zeroed target

# Nor is anything packed against such zeros: the receiver may still have what was discarded.
cp holes filled
write_sectors filled 2050 3 40 8
write_sectors filled 2180 3 40 9
make_pool 64 holes filled
send_to filling --size 8388608 --patch always -i 1 2
bsr-stream dump filling > shown
grep -q ' PATCH ' shown || fail "no PATCH in $(< shown)"
cp v1 target
receive_from filling ./target --base "$(identity 1)" > said
expect_equal filled target

# A base that was written to after it was taken need not hold what was shipped.
make_pool 64 v1 v2
sed -i '0,/creation_time="1"/s//creation_time="0"/' pool.xml
restore_metadata
send_to written --size 8388608 -v -i 1 2 2> said
grep -q -e '-i 1: was written to after it was taken.*: whole areas are sent' said || fail "$(< said)"
send_to whole --size 8388608 --patch never -i 1 2
expect_equal whole written
expect_rc base bsr-send "${POOL[@]}" --size 8388608 --patch always -i 1 2
expect_says 'was written to after it was taken' '--patch always'
expect_rc base bsr-send "${POOL[@]}" --size 8388608 --patch always --delta-engine thin-tools -i 1 2
expect_says 'was written to after it was taken'
make_pool 64 v1 v2
send_to patches --size 8388608 --delta-engine check -i 1 2

# Patches can be merged behind a full stream, or with the base: one of these must say what they apply to.
make_pool 64 v1 v2 v3
send_to full --size 8388608 1
send_to 1-2 --size 8388608 --patch always -i 1 2
send_to 2-3 --size "$(stat -c %s v3)" --base-size 8388608 --patch always -i 2 3
bsr-stream merge full 1-2 2-3 > merged
receive_from merged ./merged-copy > said
expect_equal v3 merged-copy
chmod 400 v1
before=$(stat -c '%s %y' v1; sha256sum v1)
bsr-stream merge --base v1 1-2 2-3 > 1-3
expect_same "$before" "$(stat -c '%s %y' v1; sha256sum v1)" "the base"
cp v1 target
chmod 600 v1 target
receive_from 1-3 ./target --base "$(identity 1)" > said
expect_equal v3 target
expect_refused unsupported none bsr-stream merge 1-2 2-3 -o none
expect_advice '^bsr-stream: 1-2: '
expect_says 'begin with a full stream' '--patch never' 'a file or device \(--base\)'
expect_refused base none bsr-stream merge --base v2 1-2 2-3 -o none
expect_advice '^bsr-stream: 1-2: a patch at byte 0 .* from the base in v2'
expect_refused base none bsr-stream merge --base v3 1-2 2-3 -o none
expect_advice "^bsr-stream: v3: has $(stat -c %s v3) bytes.*8388608"
expect_refused usage none bsr-stream merge --base v1 full 1-2 -o none
expect_advice '^bsr-stream: v1: '
expect_refused failed none bsr-stream merge --base missing 1-2 2-3 -o none
expect_says '^bsr-stream: missing: '
expect_rc usage bsr-send "${POOL[@]}" --patch always 1
expect_says '--patch' '--incremental'
expect_rc usage bsr-send "${POOL[@]}" --patch always --compress none -i 1 2
expect_rc usage bsr-send "${POOL[@]}" --patch always --format thin-1.1 -i 1 2
expect_rc usage bsr-send "${POOL[@]}" --patch sometimes -i 1 2
