#!/bin/bash
# Who finds the changes makes no difference to the stream; `check` says that both agree.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M v1
write_random v1 0 700 1
write_random v1 1300 500 2
cp v1 v2
write_random v2 10 3 3
write_zero v2 256 128
write_random v2 900 200 4
cp v2 v3
write_zero v3 0 2048
cp v1 v4
for chunk in 64 128 192; do
  make_pool "$chunk" v1 v2 v3 v4
  rewrite_same 2 1 3 6
  for what in 1 2 3 '-i 1 2' '-i 2 3' '-i 3 4' '-i 1 4' '-i 1 3'; do
    for engine in thin-tools native check; do
      # shellcheck disable=SC2086
      send_to "$engine" --size 2097152 --patch never --delta-engine "$engine" $what
    done
    expect_equal thin-tools native
    expect_equal thin-tools check
    # shellcheck disable=SC2086
    send_to default --size 2097152 --patch never $what
    expect_equal thin-tools default
    rm -f target
    base=${what##* }
    if [[ $what == -i* ]]; then
      read -r _ base to <<< "$what"
      cp "v$base" target
      receive_from check target --base "$(identity "$base")" > /dev/null
      expect_equal "v$to" target
    else
      receive_from check target > /dev/null
      expect_equal "v$what" target
    fi
  done
done

expect_rc usage bsr-send "${POOL[@]}" --delta-engine guess 1
expect_says thin-tools native check
