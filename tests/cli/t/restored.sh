#!/bin/bash
# What a cut transfer wrote is restored, replaced or written to before it is continued: refused, and nothing is touched.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 12M v1
write_random v1 0 12288 1
cp v1 v2
for offset in 100 2500 5500 7000 10000; do write_random v2 $offset 1000 $offset; done
write_zero v2 640 64
cp v1 v3
write_random v3 11500 100 77
make_pool 64 v1 v3 v2
full=(--compress none 3)
change=(--compress none --patch never -i 1 3)
send_to full "${full[@]}"
send_to change "${change[@]}"
send_to other --patch never -i 1 2
one=$(identity 1)

# cut: the change is, into ./target, which holds v1; the stream that would continue is `rest`.
cut() {
  rm -f target*
  cp v1 target
  expect_rc truncated bsr-recv --base "$one" ./target < <(head -c 3000000 change)
  send_to rest --compress none -t "$(bsr-recv -t ./target)"
}
# not_continued [ID]
not_continued() {
  expect_refused "${1:-diverged}" target receive_from rest ./target
  expect_advice_lines target
}
expect_advice_lines() { grep -Eq -e "$ADVICE" <<< "$OUTPUT" || complain "no next step in: $OUTPUT"; }
# advised: what the refusal says, done.
advised() {
  grep -x ' *bsr-recv -A .*' <<< "$OUTPUT" > drop.sh
  sh drop.sh
  expect_refused base target receive_from other --base "$one" ./target
  expect_rc ok receive_from full ./target
  expect_equal v2 target
}

cut
cp v1 target
not_continued
advised
cut
cp --preserve=all v1 target
not_continued
# In the middle, one sector of what was written.
cut
cp target before
write_random target 600 1 5
not_continued
# What was zeroed.
cut
write_random target 650 1 5
not_continued
# Another state, of another size too.
cut
cp v3 target
not_continued
# Or what it was to become.
cut
cp v2 target
expect_rc ok receive_from rest ./target
expect_equal v2 target
cut
truncate -s 11M target
expect_rc base receive_from rest ./target

# Another file of the name, even with the number of the inode: nothing waits there, and it holds what its owner says.
cut
rm target
cp v1 target
not_continued base
expect_rc ok receive_from other --base "$one" ./target
expect_equal v3 target
expect_same '' "$(bsr-recv -t ./target)" token
[[ $(echo target.*) == 'target.*' ]] || fail "left: $(echo target.*)"
cut
cp target copy
mv copy target
not_continued base
# Moved away and back it is the same. So is a name more.
cut
mv target away
mv away target
ln target hard
expect_rc ok receive_from rest ./target
expect_equal v2 target
rm hard

# The file that holds a part of a new one.
rm -f new*
expect_rc truncated bsr-recv ./new < <(head -c 3000000 full)
send_to rest --compress none -t "$(bsr-recv -t ./new)"
head -c 12M /dev/zero > new.bsr-partial
expect_refused diverged new.bsr-partial receive_from rest ./new
expect_rc ok bsr-recv -A ./new
expect_rc ok receive_from full ./new
expect_equal v2 new
rm -f new*
expect_rc truncated bsr-recv ./new < <(head -c 3000000 full)
send_to rest --compress none -t "$(bsr-recv -t ./new)"
truncate -s 1M new.bsr-partial
expect_refused diverged new.bsr-partial receive_from rest ./new
# Without its log nobody knows, so nothing waits.
rm -f new*
expect_rc truncated bsr-recv ./new < <(head -c 3000000 full)
send_to rest --compress none -t "$(bsr-recv -t ./new)"
truncate -s 30 new.bsr-resume.log
expect_refused base new.bsr-partial receive_from rest ./new
expect_same '' "$(bsr-recv -t ./new)" token
expect_rc ok receive_from full ./new
expect_equal v2 new

# Who asks for nothing to be read back gets that.
cut
write_random target 600 1 5
expect_rc ok receive_from rest --verify none ./target
