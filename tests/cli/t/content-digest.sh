#!/bin/bash
# The content root and the content map, against a script that knows only the page; how it is read.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

# root FILE: as the page defines it
root() { python3 "$CLI/content_root.py" "$@"; }

# ---- bsr-stream digest -----------------------------------------------------------------------
truncate -s 0 empty
truncate -s 5M zeros
truncate -s 1234567 odd
write_random odd 500 600 1
truncate -s 5M full
write_random full 0 5120 2
truncate -s 1500M sparse
write_random sparse 1200000 300 3
write_random sparse 100 1100 4
for file in empty zeros odd full sparse; do
  bsr-stream digest --threads 0 -o $file.map $file > said
  expect_same "$(root $file $file.map)" "$(< said)" "root of $file"
  bsr-stream digest --threads 3 -o $file.map3 $file | cmp said -
  cmp $file.map $file.map3
done
json='"name":"sparse","volume_size":1572864000,"content_root":"'$(< said)'","bytes_read":4194304'
expect_same "{\"v\":1,\"type\":\"content\",$json}" "$(bsr-stream digest --json sparse)" "JSON"

expect_rc usage bsr-stream digest -o full.map full  # it exists
expect_rc failed bsr-stream digest missing
expect_rc usage bsr-stream digest .
expect_rc usage bsr-stream digest
expect_rc usage bsr-stream digest full odd
mkfifo pipe
expect_rc usage bsr-stream digest pipe
# Nothing is left of a map that could not be finished.
expect_rc failed bsr-stream digest -o missing/map full
[[ ! -e missing ]] || fail "a folder was made"

# A signal ends it, and nothing is left.
truncate -s 8G large
for ((i = 0; i < 8192; i += 8)); do printf x | dd of=large bs=1M seek=$i conv=notrunc status=none; done
bsr-stream digest --threads 0 -o large.map large > output 2> err &
pid=$!
wait_until test -e large.map.bsr-partial
kill $pid
status=0
wait $pid || status=$?
expect_same "${EXIT_STATUS[SIGTERM]}" "$status" "status after SIGTERM"
[[ ! -e large.map && ! -e large.map.bsr-partial && ! -s output ]] || fail "left: $(ls large*)"
