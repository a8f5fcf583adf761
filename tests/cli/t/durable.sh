#!/bin/bash
# `durable N` of --ack is said of what a later session will find, and records and their removal are flushed before anything is said.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 100M v1
write_random v1 0 102400 1
cp v1 v2
write_random v2 10000 90000 2
make_pool 1024 v1 v2
send_to full --compress none 1
send_to change --compress none --patch never -i 1 2

# No record, no promise.
head -c 90000000 full > part
expect_rc truncated bsr-recv --ack --no-resume ./target < part
! grep -q "^durable" <<< "$OUTPUT" || fail "promised, and nothing is kept: $OUTPUT"
[[ $(echo target*) == 'target*' ]] || fail "left: $(echo target*)"
cp v1 held
bsr-recv --digests ./held > map
send_to resync --compress none --against map 2
expect_rc truncated bsr-recv --ack ./held < <(head -c 80000000 resync)
! grep -q "^durable" <<< "$OUTPUT" || fail "promised, and a resync starts again: $OUTPUT"
mkdir target.bsr-resume.new # where the record is written
expect_rc truncated bsr-recv --ack ./target < part
expect_says 'how far it came cannot be recorded'
! grep -q "^durable" <<< "$OUTPUT" || fail "promised, and not recorded: $OUTPUT"
rm -r target*
if ((EUID == 0)); then # a folder in which no record can be made
  mkdir closed
  cp v1 closed/target
  if chattr +i closed 2> /dev/null; then
    at_exit "chattr -i closed"
    expect_rc truncated bsr-recv --ack --base "$(identity 1)" ./closed/target < <(head -c 80000000 change)
    expect_says 'cannot be continued'
    ! grep -q "^durable" <<< "$OUTPUT" || fail "promised without a record: $OUTPUT"
    chattr -i closed
  else
    skip "a folder that cannot be written: no chattr here"
  fi
fi
# All that was promised is there, also after a kill.
mkfifo pipe
bsr-recv --ack ./target < pipe > said 2> err &
pid=$!
exec 5> pipe
head -c 90000000 full >&5
# shellcheck disable=SC2317  # called below
promised() { grep -q '^durable' said; }
wait_until promised
kill -9 $pid
exec 5>&-
{ wait $pid || true; } 2> /dev/null
position=$(sed -n 's/^durable //p' said | tail -n 1)
bsr-send "${POOL[@]}" -n -v -t "$(bsr-recv -t ./target)" 2> plan
at=$(bsr-stream token "$(bsr-recv -t ./target)" | grep -oE 'position=?:? *[0-9]+|at byte [0-9]+|[0-9]+ of' | grep -oE '[0-9]+' | head -n 1)
((at >= position)) || fail "$position was promised, $at is there: $(bsr-stream token "$(bsr-recv -t ./target)")"

command -v strace > /dev/null || { skip "the order of flushes: no strace" && exit; }
rm -f target*
# calls TRACE: flushes, renames, removals and what is said, by the names of files.
calls() {
  sed -nE 's/^[0-9]+ +//; s/^(fsync|fdatasync)\([0-9]+<([^>]*)>.*/\1 \2/p; s/^(rename|renameat|renameat2)\(.*"([^"]*)"(, [A-Z0-9_|]+)?\) = 0/rename \2/p
    s/^(unlink|unlinkat)\(.*"([^"]*)"(, 0)?\) = 0/remove \2/p; s/^writev?\(1<[^>]*>, (\[\{iov_base=)?"([a-z]+) .*/say \2/p' "$1"
}
trace() { strace -f -y -e trace=fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,write,writev -o "$1" "${@:2}"; }
# in_order WORDS...: lines of `calls` that end so are found in this order.
in_order() {
  local line wanted=("$@")
  while read -r line; do
    # shellcheck disable=SC2053  # a pattern
    if ((${#wanted[@]})) && [[ $line == ${wanted[0]} ]]; then wanted=("${wanted[@]:1}"); fi
  done < called
  ((${#wanted[@]} == 0)) || fail "not in this order: $* (missing: ${wanted[*]}) in: $(< called)"
}
here=$PWD
expect_rc truncated trace trace1 bsr-recv --ack ./target < part
calls trace1 > called
in_order "f*sync $here/target.bsr-partial" "fdatasync $here/target.bsr-resume.log" "fsync $here/target.bsr-resume.new" \
  "rename target.bsr-resume" "fsync $here" 'say durable'
cp v1 old
expect_rc truncated bsr-recv --base "$(identity 1)" ./old < <(head -c 80000000 change)
send_to rest --compress none -t "$(bsr-recv -t ./old)"
expect_rc ok trace trace2 bsr-recv ./old < rest
calls trace2 > called
in_order "f*sync $here/old" 'remove old.bsr-resume' "fsync $here" 'remove old.bsr-resume.log' "fsync $here" 'say committed'
# What is half is marked before it is written.
cp v1 fresh
strace -f -y -e trace=fsetxattr,fsync,pwrite64,io_uring_enter -o trace3 bsr-recv --base "$(identity 1)" ./fresh < change > said
grep -oE 'fsetxattr|fsync\([0-9]+<[^>]*fresh>|pwrite64\([0-9]+<[^>]*fresh>|io_uring_enter' trace3 | sed -n '1,2p' > called
expect_same "fsetxattr fsync" "$(sed 's/(.*//' called | xargs)" "what comes before the first write"
