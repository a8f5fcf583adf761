#!/bin/bash
# lab: solo disks=160M,160M timeout=120
# After SIGKILL of both sides, more than once, whatever runs next puts back what they had activated: a dry run, a
# continued session, -A. What the administrator had activated himself stays.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 96M
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
write_random src/vol 0 8192 2
snapshot src/vol s2
write_random src/vol 0 8192 3
snapshot src/vol s3
ship src/s1 '--pool dst/pool dst/copy' > /dev/null
lvchange -qq -ay -K src/s3
mkfifo line

# killed ARG...: a sender in the middle of its stream, which then comes to no receiver
killed() {
  bsr-send --compress none "$@" > line &
  exec 3< line
  head -c 1000K <&3 > part
  kill -9 $!
  wait $! 2> /dev/null || true
  exec 3<&-
}
active_ones() { lvs --noheadings -o lv_name -S lv_active=active "$1" | tr -d ' ' | sort | tr '\n' ' '; }

killed -i src/s1 src/s2
killed -i src/s2 src/s3
bsr-send -n -i src/s1 src/s2
ship '-i src/s1 src/s2' dst/copy > /dev/null
expect_same 'pool s3 vol ' "$(active_ones src)" "active volumes of the source"

echo "== a receiver"
send_to stream --compress none -i src/s2 src/s3
bsr-recv dst/copy < line > /dev/null 2>&1 &
exec 3> line
head -c 3000K stream >&3
kill -9 $!
wait $! 2> /dev/null || true
exec 3>&-
token=$(bsr-recv -t dst/copy)
if [[ $token ]]; then ship "-t $token" dst/copy > /dev/null; else ship '-i src/s2 src/s3' dst/copy > /dev/null; fi
expect_equal src/s3 "$(newest_generation dst/copy)"
expect_same 'pool ' "$(active_ones dst)" "active volumes of the receiver"
expect_same 'pool s3 vol ' "$(active_ones src)" "active volumes of the source"
