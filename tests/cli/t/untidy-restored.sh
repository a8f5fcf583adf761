#!/bin/bash
# A plain file was half written when its transfer was cut. The administrator puts the old state back into it, in place: the same
# inode, size and name; or another file under its name; or writes a block. Such a thing is not continued; and what is there by
# other names (a hard link, a relative way, /proc) is the same thing as before.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 6M v1
write_random v1 0 6144 1
cp v1 v2
for offset in 100 2500 5000; do write_random v2 $offset 700 $offset; done
cp v1 v3
write_random v3 5900 100 77
make_pool 64 v1 v3 v2
send_to delta --compress none --patch never -i 1 3
send_to other --compress none --patch never -i 1 2

# cut_off: `target` holds half of it, `token` continues.
cut_off() {
  bsr-recv -A ./target
  rm -f target
  cp v1 target
  head -c 1700K delta > cut.bsr
  expect_rc truncated receive_from cut.bsr --base "$(identity 1)" ./target
  token=$(bsr-recv -t ./target)
  [[ $token ]] || fail "no token: $OUTPUT"
}

# continued: either refused, or right
continued() {
  local status=0
  send_to rest -t "$token"
  bsr-recv ./target < rest > said 2>&1 || status=$?
  echo "$1: $status: $(< said)"
  if ((status == 0)); then
    expect_equal v2 target
  else
    [[ $status == 13 || $status == 14 ]] || fail "$1: status $status: $(< said)"
  fi
}

cut_off
status=0
continued "as it was"
((status == 0))
expect_equal v2 target

cut_off
dd if=v1 of=target bs=64K conv=notrunc status=none
continued "restored in place"

cut_off
cp v1 new && mv new target
continued "restored under its name"

cut_off
inode=$(stat -c %i target) stamp=$(stat -c @%.9Y target)
dd if=v1 of=target bs=64K conv=notrunc status=none
touch -d "$stamp" target
expect_same "$inode" "$(stat -c %i target)" inode
continued "restored in place, with its time"

cut_off
mv target aside && cp -p v1 target
continued "moved aside"

# By other names it is what it was: half of something.
cut_off
mkdir -p elsewhere
ln -f target elsewhere/hard
ln -sfn "$PWD" here
for name in ./elsewhere/hard ./here/target /proc/self/cwd/target; do
  status=0
  bsr-recv --base "$(identity 1)" "$name" < other > said 2>&1 || status=$?
  echo "$name: $status: $(< said)"
  ((status == 13 || status == 14)) || fail "$name: a change was applied to what is half written ($status)"
done
