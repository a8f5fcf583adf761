#!/bin/bash
# A full stream of a pool image into a file: one that is missing, and one of the right size with other content.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M volume
write_random volume 0 300 1
write_text volume 512 200 'compresses well'
write_random volume 1983 1 2
write_random volume 2047 1 3
make_pool 64 volume
at_start=$(sha256sum pool.*)

# "After success, and only then, one line is on standard output: committed UUID"
bsr-send "${POOL[@]}" --size 2097152 1 > stream
expect_rc ok receive_from stream missing
expect_same "committed $(identity 1)" "$OUTPUT" "output of bsr-recv"
expect_equal volume missing

# What no extent names reads as zeros, whatever the target held before.
truncate -s 2M old
write_random old 0 2048 9
expect_rc ok receive_from stream old
expect_same "committed $(identity 1)" "$OUTPUT" "output of bsr-recv"
expect_equal volume old

# Once more onto itself, and through a pipe.
expect_same "$(identity 1)" "$(ship '--size 2097152 1' old)" "identity"
expect_equal volume old

# A path with a folder, an absolute path, a symbolic link to a file.
mkdir folder
ship '--size 2097152 1' ./folder/a > /dev/null
ship '--size 2097152 1' "$PWD/folder/b" > /dev/null
expect_equal volume folder/a
expect_equal volume folder/b
truncate -s 2M behind-link
ln -s behind-link link
ship '--size 2097152 1' link > /dev/null
expect_equal volume behind-link
[[ -L link ]] || fail "the link was replaced"

# Two streams of the same snapshot are the same. Without --size the volume ends where its last mapped chunk does.
send_to again --size 2097152 1
expect_equal stream again
truncate -s 576K part
write_random part 64 33 4
make_pool 64 part
ship 1 default-size > /dev/null
truncate -s 128K part
expect_equal part default-size

# A volume without any content.
truncate -s 1M empty
make_pool 64 volume empty
send_to stream --size 1048576 2
(($(stat -c %s stream) < 1024)) || fail "an empty volume takes $(stat -c %s stream) bytes"
expect_rc ok receive_from stream new-empty
expect_equal empty new-empty
truncate -s 1M dirty
write_random dirty 0 1024 5
expect_rc ok receive_from stream dirty
expect_equal empty dirty

# Files get holes where the volume is not mapped or zero.
truncate -s 16M sparse
write_random sparse 5000 1 6
make_pool 64 sparse
send_to stream --size 16777216 1
for target in new-sparse old-sparse; do
  [[ $target != old* ]] || write_random old-sparse 0 16384 7
  receive_from stream $target > /dev/null
  expect_equal sparse $target
  (($(du -k $target | cut -f1) < 1000)) || fail "$target takes $(du -k $target | cut -f1) KiB"
done

make_pool 64 volume
expect_same "$at_start" "$(sha256sum pool.*)" "the source, after all this"
