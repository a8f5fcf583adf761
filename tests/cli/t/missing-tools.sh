#!/bin/bash
# thin_dump and thin_delta are not installed: a message that names the Debian package; by default they are not needed.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 256K v1
write_random v1 0 256 1
cp v1 v2
write_random v2 1 1 2
make_pool 64 v1 v2
send_to full 1
send_to delta -i 1 2

# The programs look where root's programs are, too, so it takes a mount to hide them.
without() { # TOOL...
  local tool commands=''
  for tool in "${TOOLS[@]}"; do commands+="mount --bind /dev/null $(readlink -f "$(command -v "$tool")") && "; done
  unshare -m bash -c "$commands"'exec "$@"' bash "$@"
}
TOOLS=(thin_dump thin_delta)
if ! without true 2> /dev/null; then
  skip "hiding thin_dump and thin_delta: mounting is not possible here"
  exit
fi

for what in 1 '-i 1 2'; do
  for engine in thin-tools check; do
    # shellcheck disable=SC2086
    expect_refused failed stream without bsr-send "${POOL[@]}" --delta-engine $engine -o stream $what
    expect_advice 'thin_(dump|delta)'
    expect_says thin-provisioning-tools
  done
done
without bsr-send "${POOL[@]}" 1 > stream
expect_equal full stream
without bsr-send "${POOL[@]}" -i 1 2 > stream
expect_equal delta stream

TOOLS=(lvs)
if command -v lvs > /dev/null; then
  expect_rc failed without bsr-send vg/volume
  expect_says 'lvs|lvm' lvm2
  expect_rc failed without bsr-recv vg/volume < full
  expect_says 'lvs|lvm' lvm2
fi
