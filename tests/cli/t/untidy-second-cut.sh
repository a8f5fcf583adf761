#!/bin/bash
# A transfer is continued, and that fails in every way before it has a checkpoint of its own: nothing comes, or little, a
# damaged byte, SIGKILL. What was there stays, and the printed command goes on from it. For a new file and one in place.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 6M v1
write_random v1 0 6144 1
cp v1 v2
for offset in 100 2500 5000; do write_random v2 $offset 700 $offset; done
make_pool 64 v1 v2

# the arguments of the printed command, of each of both programs
printed() { sed -nE 's/^ *(bsr-send -t [^|]*\| *bsr-recv .*)$/\1/p' <<< "$OUTPUT"; }

for kind in new in-place; do
  rm -rf target*
  if [[ $kind == new ]]; then
    send_to stream --compress none 1
    head -c 3000K stream > cut.bsr
    expect_rc truncated receive_from cut.bsr ./target
  else
    cp v1 target
    send_to stream --compress none --patch never -i 1 2
    head -c 1500K stream > cut.bsr
    expect_rc truncated receive_from cut.bsr --base "$(identity 1)" ./target
  fi
  token=$(bsr-recv -t ./target)
  [[ $token && $(printed) == *"$token"* ]] || fail "$kind: no command in: $OUTPUT"
  send_to rest --compress none -t "$token"

  for failure in nothing begin damaged killed; do
    status=0
    case $failure in
      nothing) bsr-recv ./target < /dev/null > said 2>&1 || status=$? ;;
      begin) head -c 5000 rest | bsr-recv ./target > said 2>&1 || status=$? ;;
      damaged)
        cp rest damaged
        flip_byte damaged 9000
        bsr-recv ./target < damaged > said 2>&1 || status=$?
        ;;
      killed)
        mkfifo -m 600 line 2> /dev/null || true
        bsr-recv ./target < line > said 2>&1 &
        exec 3> line
        head -c 100K rest >&3
        kill -9 $!
        wait $! 2> /dev/null || status=$?
        exec 3>&-
        ;;
    esac
    ((status != 0)) || fail "$kind, $failure: committed"
    expect_same "$token" "$(bsr-recv -t ./target)" "$kind, $failure: the token"
    OUTPUT=$(< said)
    if [[ $failure == begin || $failure == damaged ]]; then
      [[ $(printed) == *"$token"* ]] || complain "$kind, $failure: no command that continues in: $OUTPUT"
    fi
  done
  receive_from rest ./target
  if [[ $kind == new ]]; then expect_equal v1 target; else expect_equal v2 target; fi
  expect_same '' "$(bsr-recv -t ./target)" "$kind: a token in the end"
done
