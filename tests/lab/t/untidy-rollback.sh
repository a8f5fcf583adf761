#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# The generation was trimmed, or written to, and the working copy, the witness, is gone: by hand, or by -A as the manual
# says. Neither a change nor a rollback may go on from there; a resync does.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 96M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 100 200 2
snapshot src/vol s2

# changed TARGET VERB ARG...: its newest generation, made writable for that
changed() {
  local generation
  generation=$(newest_generation "$1")
  lvchange -qq -prw "$generation"
  lvchange -qq -ay -K "$generation"
  "$2" "$generation" "${@:3}"
  lvchange -qq -an "$generation"
  lvchange -qq -pr "$generation"
}
for target in trimmed written; do
  echo "== $target"
  ship src/s1 "--pool dst/pool dst/$target" > /dev/null
  if [[ $target == trimmed ]]; then changed dst/$target discard 3072 64; else changed dst/$target write_random 3072 64 9; fi
  if [[ $target == trimmed ]]; then bsr-recv -A dst/$target; fi
  if lvs dst/$target.bsr-recv &> /dev/null; then lvremove -qq -y dst/$target.bsr-recv; fi
  honest src/s2 '-i src/s1 src/s2' dst/$target dst/$target
  if [[ $OUTCOME == refused ]]; then honest src/s2 '-i src/s1 src/s2' "--rollback dst/$target" dst/$target; fi
  if [[ $OUTCOME == refused ]]; then
    [[ $OUTPUT == *--digests* ]] || fail "the message does not name the resync that repairs it"
    bsr-recv --digests dst/$target > map
    ship '--against map src/s2' dst/$target > /dev/null
  fi
  expect_equal src/s2 "$(newest_generation dst/$target)"
done
