#!/bin/bash
# bsr-send -n, -v and -P, and bsr-recv -n and -v: who says what, and where.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M v1
write_random v1 0 512 1
write_random v1 1024 64 2
cp v1 v2
write_random v2 1 1 3     # chunk 0
write_random v2 300 1 4   # chunk 4
write_random v2 1536 65 5 # chunks 24 and 25, which were not mapped
write_zero v2 128 128     # chunks 2 and 3 go: they do not count
make_pool 64 v1 v2
rewrite_same 2 26 # mapped zeros count
full=$((9 * 65536)) delta=$((5 * 65536))

# split ARG...: standard output to `out`, standard error to `err`.
split() { bsr-send "${POOL[@]}" --size 2097152 "$@" > out 2> err; }

split -n -P 1
expect_same "$(printf 'full\t1\t%s\nsize\t%s' $full $full)" "$(< out)" "plan of a full stream"
expect_same '' "$(< err)" "standard error"
split -nP -i 1 2
expect_same "$(printf 'incremental\t1\t2\t%s\nsize\t%s' $delta $delta)" "$(< out)" "plan of a delta"
split --dry-run --parsable --incremental 1 2
expect_same "$(printf 'incremental\t1\t2\t%s\nsize\t%s' $delta $delta)" "$(< out)" "plan with long options"
split -nP -i 1 2 --delta-engine native
expect_same "$(printf 'incremental\t1\t2\t%s\nsize\t%s' $delta $delta)" "$(< out)" "plan of the other engine"

# Without -n the plan is on standard error, and the stream on standard output. The size is what BEGIN says.
split -P -i 1 2
expect_same "$(printf 'incremental\t1\t2\t%s\nsize\t%s' $delta $delta)" "$(< err)" "plan while sending"
expect_rc ok bsr-stream verify out
bsr-stream dump --json out > frames
expect_same $delta "$(sed -nE 's/.*"plan_data":([0-9]+).*/\1/p' frames)" "plan in the stream"
bsr-send "${POOL[@]}" --size 2097152 -P -o file -i 1 2 > out 2> err
expect_same '' "$(< out)" "standard output with -o"
expect_same "$(printf 'incremental\t1\t2\t%s\nsize\t%s' $delta $delta)" "$(< err)" "plan with -o"

# "size" is the exact number of bytes in changed areas: where no page is left out, the data and zeros of the stream.
split --patch never -i 1 2
bsr-stream dump --json out > frames
read -r data zero < <(sed -nE 's/.*"type":"END".*"data_bytes":([0-9]+),"zero_bytes":([0-9]+).*/\1 \2/p' frames)
expect_same $delta $((data + zero)) "bytes in the stream"

# -n: nothing on standard output but what -P asks for; -v: on standard error.
split -n 1
expect_same '' "$(< out)" "standard output of -n"
split -n -v -i 1 2
expect_same '' "$(< out)" "standard output of -nv"
[[ -s err ]] || fail "-n -v says nothing"
split -v 1
expect_rc ok bsr-stream verify out
(($(wc -l < err) == 2)) || fail "-v: not a plan and a summary: $(< err)"
split 1
expect_same '' "$(< err)" "standard error without -v"

# The receiver.
split 1
expect_refused ok target receive_from out target -n
expect_refused ok target receive_from out target --dry-run -v
[[ -n $OUTPUT ]] || fail "-n -v says nothing"
receive_from out target > said 2> err
expect_same "committed $(identity 1)" "$(< said)" "standard output"
expect_same '' "$(< err)" "standard error without -v"
receive_from out target --verbose > said 2> err
expect_same "committed $(identity 1)" "$(< said)" "standard output with -v"
[[ -s err ]] || fail "-v says nothing"
# -n reads and checks it all.
split -i 1 2
expect_refused ok target receive_from out target -n --base "$(identity 1)"
head -c -1 out > shorter
expect_refused truncated target receive_from shorter target -n --base "$(identity 1)"
expect_refused base target receive_from out target -n --base "$(identity 2)"
expect_refused base missing receive_from out missing -n --base "$(identity 1)"

# An unwritable standard output is noticed: a script reads this number.
expect_rc nospace bash -c 'bsr-send "$@" > /dev/full' bsr-send "${POOL[@]}" -nP 1
