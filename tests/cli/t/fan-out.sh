#!/bin/bash
# bsr-send -o A -o B: read once, for several; who is slow or gone does not hurt the others.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 128M v1
write_random v1 0 1024 1
for ((i = 1; i < 128; i++)); do dd if=v1 of=v1 bs=1M count=1 seek=$i conv=notrunc status=none; done
cp v1 v2
write_random v2 20000 3000 2
make_pool 64 v1 v2
SEND=(bsr-send "${POOL[@]}" --compress none)
send_to expected --compress none 1
mkfifo a b
mkdir out

# Two files, two pipes of one shell, standard output and a file: all the same stream.
"${SEND[@]}" -o out/a -o out/b 1
expect_equal expected out/a
expect_equal expected out/b
"${SEND[@]}" -o >(cat > out/c; touch out/c.done) -o >(bsr-recv ./out/d > out/d.done) 1
wait_until test -s out/d.done
wait_until test -e out/c.done
expect_equal expected out/c
expect_equal v1 out/d
"${SEND[@]}" -o /dev/stdout -o out/e 1 > out/f
expect_equal expected out/e
expect_equal expected out/f
rm out/*

# A change, with patches and the content root: both receivers check what they hold as a whole.
cp v1 out/a
cp v1 out/b
base=$(identity 1)
bsr-recv --base "$base" ./out/a < a > a.said &
first=$!
bsr-recv --base "$base" ./out/b < b > b.said &
second=$!
bsr-send "${POOL[@]}" --patch always -i 1 -o a -o b 2
wait $first && wait $second
expect_same "committed $(identity 2)" "$(< a.said)" "what the first receiver says"
expect_same "$(< a.said)" "$(< b.said)" "what the second receiver says"
expect_equal v2 out/a
expect_equal v2 out/b
rm out/*

# One receiver reads nothing until the other has committed; then it gets the rest, and memory stayed in bounds.
/usr/bin/time -f %M -o peak "${SEND[@]}" -v --json-fd 3 -o a -o b 1 3> json 2> err &
sender=$!
exec 5< b
bsr-recv ./out/a < a > a.said
expect_same "committed $base" "$(< a.said)" "what the quick receiver says"
expect_equal v1 out/a
kill -0 $sender || fail "bsr-send has ended: $(< err)"
bsr-recv ./out/b <&5 > b.said
exec 5<&-
wait $sender
expect_equal v1 out/b
OUTPUT=$(< err)
expect_says '^bsr-send: b: is slower' '^bsr-send: 1 to a: 128.0 MiB data' '^bsr-send: 1 to b: 128.0 MiB data'
ended_with ok json
expect_same "output=a output=b" "$(json_lines json | grep ^summary | grep -o 'output=[ab]' | xargs)" "summaries"
if (($(tail -n 1 peak) > 120000)); then complain "$(tail -n 1 peak) KiB of memory"; fi
rm out/*

# A FIFO that nobody has opened yet lets the others go on; so does one whose reader goes away.
bsr-send "${POOL[@]}" --content-digest -o b -o out/a 1 2> err &
sender=$!
wait_until test -e out/a
bsr-recv ./out/b < b > b.said
wait $sender
expect_equal v1 out/b
rm out/*
head -c 1000000 < b > part &
expect_rc peer "${SEND[@]}" -o out/a -o b 1
expect_says '^bsr-send: b: .*gone' '^bsr-send: b: not complete.*; complete: out/a'
expect_equal expected out/a
rm out/*

# The disk of one is full; the source is damaged, which is everybody's failure.
{ head -c 1000000 > part; } < a &
expect_rc peer "${SEND[@]}" -o a 1
expect_says '^bsr-send: the reader of the output is gone'
head -c 100000000 pool.data > short
expect_refused corrupt out/a bsr-send --metadata pool.meta --data short -o out/a -o out/b 1
expect_says '^bsr-send: out/a: .*short' '^bsr-send: out/a, out/b: not complete.*complete: none'

# Whoever waits for a FIFO sees the end, also when nothing could be sent, or nobody reads another one.
cat a > part &
reader=$!
waits_for_writer() { [[ $(< "/proc/$reader/wchan") == wait_for_partner ]]; }
wait_until waits_for_writer
expect_rc failed "${SEND[@]}" -o a 77
wait $reader
timeout 60 bsr-send --metadata pool.meta --data short --stall-timeout 0 -o out/a -o a 1 2> err && fail 'it sent what is not there'
expect_same '' "$(ls -A out)" "files in out"

# A signal while all wait.
"${SEND[@]}" -o a -o b 1 2> err &
sender=$!
exec 5< a 6< b
head -c 10 <&5 > part
kill -TERM $sender
status=0
wait $sender || status=$?
exec 5<&- 6<&-
expect_same 143 $status "status after SIGTERM"
expect_same 1 "$(wc -l < err)" "lines in: $(< err)"

# What cannot be an output.
expect_refused usage out/a bsr-send "${POOL[@]}" -o out/a -o out/a 1
expect_advice out/a
expect_refused usage out/a bsr-send "${POOL[@]}" -o a -o ./a 1
expect_advice ./a
expect_refused usage out/a bsr-send "${POOL[@]}" -o out/a -o /dev/fd/3 -o /dev/fd/4 1 3> >(cat) 4>&3
expect_advice /dev/fd/4
expect_refused usage out/a bsr-send "${POOL[@]}" -o out/a -o '' 1
expect_advice --output
expect_refused usage out/a bsr-send "${POOL[@]}" -o out/a -o /dev/fd/2 1
expect_advice /dev/fd/2
expect_refused usage out/a bsr-send "${POOL[@]}" --format thin-1.1 -o out/a -o out/b 1
expect_advice --output
expect_refused usage out/a bsr-send "${POOL[@]}" -o out/a -o /dev/fd/77 1
expect_advice /dev/fd/77
expect_refused usage out/a bsr-send "${POOL[@]}" -o out/a -o /dev/fd/0 1
expect_advice /dev/fd/0
if ((EUID == 0)); then
  mkfifo theirs
  chown nobody theirs
  expect_refused usage theirs bsr-send "${POOL[@]}" -o theirs 1
  expect_advice theirs
else
  skip 'a FIFO of another user: not root'
fi
touch out/b
expect_refused usage out/b bsr-send "${POOL[@]}" -o out/a -o out/b 1
expect_same b "$(ls -A out)" "files in out"
expect_refused usage out/a bsr-send "${POOL[@]}" --json-fd 3 -o /dev/fd/3 1 3> json
expect_advice --json-fd
