#!/bin/bash
# lab: solo disks=96M,96M timeout=300 both-kernels
# LVM says that it made a working copy, and it holds something else; somebody writes to it while a session does. The pool's metadata tells,
# nothing is committed, and the next session starts from what is right.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 6M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 100 1000 2
snapshot src/vol s2
ship src/s1 '--pool dst/pool dst/copy' > /dev/null
send_to change.bsr --compress none --patch never -i src/s1 src/s2

echo "a copy that is none"
mkdir -p /tmp/wrapped
cat > /tmp/wrapped/lvcreate << 'END'
#!/bin/bash
/sbin/lvcreate "$@" || exit
[[ " $* " == *' --name copy.bsr-recv '* ]] || exit 0
lvchange -qq -K -ay dst/copy.bsr-recv && lab-io random /dev/dst/copy.bsr-recv 5242880 65536 9 && lvchange -qq -an dst/copy.bsr-recv
END
chmod +x /tmp/wrapped/lvcreate
lvremove -qq -y dst/copy.bsr-recv
PATH=/tmp/wrapped:$PATH expect_rc 18 receive_from change.bsr dst/copy
expect_same 1 "$(generations dst/copy | wc -l)" "generations"

echo "somebody writes beside us"
# fed COMMAND...: while bsr-recv waits for the end of the stream
fed() {
  local pid
  rm -f pipe
  mkfifo pipe
  bsr-recv dst/copy < pipe > said 2>&1 &
  pid=$!
  exec 5> pipe
  head -c -300 change.bsr >&5
  until [[ -e /dev/dst/copy.bsr-recv && $(lvs --noheadings -o lv_tags dst/copy.bsr-recv) == *applying* ]]; do sleep 0.2; done
  "$@"
  tail -c 300 change.bsr >&5
  exec 5>&-
  status=0
  wait $pid || status=$?
  cat said
}
for what in write_random discard; do
  if [[ $what == discard ]]; then place=(2048 64); else place=(5120 64 9); fi
  fed "$what" dst/copy.bsr-recv "${place[@]}"
  expect_same 18 "$status" "status after $what"
  expect_same 1 "$(generations dst/copy | wc -l)" "generations"
  if lvs dst/copy.bsr-recv &> /dev/null; then fail "what nobody sent is kept"; fi
done
fed true
expect_same 0 "$status" "status when nobody does"
expect_equal src/s2 "$(newest_generation dst/copy)"
