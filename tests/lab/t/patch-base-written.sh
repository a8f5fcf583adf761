#!/bin/bash
# lab: solo disks=160M,160M timeout=600 both-kernels
# The default, --patch auto: pages are compared with the base only where that surely holds what was shipped. Whoever writes
# into the base, as a mount does that replays a journal, is noticed by the mappings that the kernel makes. A receiver that knows in
# which state the base was then refuses the change.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 96M
make_pool dst /dev/vdb pool 128k -L 96M
thin_volume src/pool vol 24M
# transfer FROM TO: what the stream is made of in `shown`, what bsr-send says in `said`
transfer() {
  bsr-send -v -i "$1" "$2" 2> said > stream
  bsr-stream dump stream > shown
  expect_same "committed $(uuid "$2")" "$(bsr-recv dst/copy < stream)" "answer"
  expect_equal "$2" "$(newest_generation dst/copy)"
  if active "$1" || active "$2"; then fail "a snapshot is left active"; fi
}
# refused FROM TO: as transfer, but the receiver knows better; it gets TO by its content then.
refused() {
  bsr-send -v -i "$1" "$2" 2> said > stream
  bsr-stream dump stream > shown
  expect_rc 14 receive_from stream dst/copy
  bsr-recv --digests dst/copy > there
  bsr-send --against there "$2" | bsr-recv dst/copy > /dev/null
  expect_equal "$2" "$(newest_generation dst/copy)"
}
has_patch() { grep -q ' PATCH ' shown; }

write_random src/vol 0 8192 1
snapshot src/vol s1
bsr-send src/s1 | bsr-recv --pool dst/pool dst/copy > /dev/null
for ((i = 0; i < 40; i++)); do write_random src/vol $((i * 100)) 1 $((i + 2)); done
snapshot src/vol s2
transfer src/s1 src/s2
has_patch || fail "no PATCH in $(< shown)"
(($(stat -c %s stream) < 400 * 1024)) || fail "$(stat -c %s stream) bytes for 40 KiB"

# Two volumes that the shared blocks belong to have changed since; the base has not.
lvchange -qq -K -ay src/s1
write_random src/s1 0 64 50
lvchange -qq -an src/s1
for ((i = 0; i < 40; i++)); do write_random src/vol $((i * 100 + 50)) 1 $((i + 60)); done
discard src/vol 4096 1024
snapshot src/vol s3
transfer src/s2 src/s3
has_patch || fail "no PATCH in $(< shown)"

# A chunk of the base becomes what the snapshot holds there: left out, the standby would keep its own.
write_random src/vol 1024 64 101
write_random src/vol 2048 1 102
snapshot src/vol s4
lvchange -qq -K -ay src/s3
write_random src/s3 1024 64 101
lvchange -qq -an src/s3
refused src/s3 src/s4
if has_patch; then fail "PATCH against a base that was written to"; fi
grep -q -- '-i src/s3: was written to after it was taken' said || fail "$(< said)"

# What the base discarded reads as zeros here, and does not there. Nothing was written, so there are patches.
write_zero src/vol 6144 128
write_random src/vol 7000 1 104
snapshot src/vol s5
lvchange -qq -K -ay src/s4
discard src/s4 6144 128
lvchange -qq -an src/s4
refused src/s4 src/s5
has_patch || fail "no PATCH in $(< shown)"

# Read-only, and read by somebody else: it stands still. Without the base's volume there is nothing to send from.
write_random src/vol 1 1 105
snapshot src/vol s6
lvchange -qq -pr src/s5
lvchange -qq -K -ay src/s5
exec 5< /dev/src/s5
bsr-send -i src/s5 src/s6 > stream
exec 5<&-
bsr-stream dump stream > shown
has_patch || fail "no PATCH in $(< shown)"
active src/s5 || fail "src/s5 was active before, and is not now"

# Two sessions from one base: the one that made it active cannot take it back, and that is no failure.
lvchange -qq -an src/s5
mkfifo pipe
bsr-send -i src/s5 src/s6 -o pipe 2> said &
sender=$!
until active src/s5; do sleep 0.1; done
exec 5< /dev/src/s5
expect_same "committed $(uuid src/s6)" "$(bsr-recv dst/copy < pipe)" "answer"
expect_rc 0 wait $sender
grep -q 'src/s5 stays active' said || fail "$(< said)"
exec 5<&-
lvchange -qq -an src/s5
expect_equal src/s6 "$(newest_generation dst/copy)"
