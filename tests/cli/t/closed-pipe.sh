#!/bin/bash
# The reader of a pipe is gone: 16, with a message, not a silent death by SIGPIPE.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M v1
write_random v1 0 2048 1
make_pool 64 v1
send_to full 1

# into READER COMMAND...: 16 is the status of the command, when the reader of its output ends early.
into() {
  local reader=$1 statuses
  shift
  set +e +o pipefail
  trap - ERR
  "$@" 2> err | $reader > /dev/null
  statuses=("${PIPESTATUS[@]}")
  set -e -o pipefail
  trap report_failed_command ERR
  OUTPUT=$(< err)
  ((statuses[0] == EXIT_STATUS[peer])) || fail "status ${statuses[0]} instead of 16: $*: $OUTPUT"
  expect_says '^bsr-(send|recv|stream): .*gone'
}
for threads in 0 1 4; do
  into 'head -c 1000' bsr-send "${POOL[@]}" --threads $threads 1
  into true bsr-send "${POOL[@]}" --threads $threads 1
done
into 'head -c 100000' bsr-send "${POOL[@]}" --format thin-1.1 1
# With SIGPIPE ignored, as under some daemons, the same.
into true bash -c 'trap "" PIPE; exec bsr-send "$@"' bsr-send "${POOL[@]}" 1

# The receiver of the pipe says why it stopped, and both end.
status=0
bsr-send "${POOL[@]}" 1 2> sender | bsr-recv --base x target 2> receiver || status=$?
((status == EXIT_STATUS[usage])) || fail "bsr-recv: $status"
grep -q base receiver || fail "bsr-recv says: $(< receiver)"
[[ ! -e target ]]

# The one who should hear of the success is gone. That is no success, and nobody asked for the stream.
slow_to() { { sleep 0.5 && cat full; } | bsr-recv target; }
into true slow_to
[[ $OUTPUT != *"reader of the stream"* ]] || complain "bsr-recv does not write a stream, but says: $OUTPUT"
slow_json() { { sleep 0.5 && cat full; } | bsr-recv --json target2; }
into true slow_json
for what in verify dump; do
  slow_stream() { { sleep 0.5 && cat full; } | bsr-stream "$what"; }
  into true slow_stream
done
