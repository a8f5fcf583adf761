# shellcheck shell=bash
# Verbs for tests of the programs; see also tests/lab/guest-lib.sh, where verbs of the same name do the same to LVM. A test begins with
#   set -euo pipefail
#   . "$CLI/lib.sh"
# in an empty folder of its own, and then fails at the first command that fails, naming its line.

# ---- failing ---------------------------------------------------------------------------------
# where: the calls in the test that led here, innermost first, as file:line.
where() {
  local frame
  for ((frame = 2; frame < ${#BASH_SOURCE[@]}; frame++)); do
    [[ ${BASH_SOURCE[frame]} != "$CLI/lib.sh" ]] || continue
    printf '%s:%s ' "${BASH_SOURCE[frame]##*/}" "${BASH_LINENO[frame - 1]}"
  done
}

# In a "$(command)" among arguments a failure is otherwise lost: it is remembered until the end.
report_failed_command() {
  local status=$? command=$BASH_COMMAND
  echo "$(where)status $status: $command" >&2
  if ((BASHPID != $$)); then touch "$SCRATCH/failed-inside"; fi
}

# at_exit COMMAND: runs when the test ends, whatever happens; the last one first.
AT_EXIT=()
at_exit() { AT_EXIT=("$*" "${AT_EXIT[@]}"); }

finish() {
  local status=$? command
  set +eE
  trap - ERR
  for command in "${AT_EXIT[@]}"; do eval "$command"; done
  if ((status == 0 && COMPLAINTS > 0)); then status=1; fi
  if ((status == 0)) && [[ -e $SCRATCH/failed-inside ]]; then
    echo "FAILED: a command inside an argument, see above" >&2
    status=1
  fi
  rm -rf "$SCRATCH"
  exit "$status"
}
set -E
shopt -s inherit_errexit
SCRATCH=$PWD.scratch
mkdir "$SCRATCH"
COMPLAINTS=0
trap report_failed_command ERR
trap finish EXIT

# fail MESSAGE: ends the test.
fail() {
  echo "$(where)FAILED: $*" >&2
  trap - ERR
  exit 1
}

# complain MESSAGE: the test fails, but goes on: for what says nothing about the rest of it.
complain() {
  echo "$(where)FAILED: $*" >&2
  COMPLAINTS=$((COMPLAINTS + 1))
}

skip() { echo "skipped: $*"; }

# The ids of bsr-recv(8), EXIT STATUS.
declare -A EXIT_STATUS=([ok]=0 [failed]=1 [usage]=2 [busy]=10 [truncated]=11 [corrupt]=12 [base]=13 [diverged]=14
  [nospace]=15 [peer]=16 [verify]=18 [unsupported]=20 [SIGTERM]=143)

# expect_rc ID COMMAND [ARG...]: the command must end with this exit status. What it prints, on both outputs, is in
# $OUTPUT, and shown when the status is another.
OUTPUT=''
expect_rc() {
  local id=$1 expected=${EXIT_STATUS[$1]} status=0
  shift
  "$@" > "$SCRATCH/output" 2>&1 || status=$?
  OUTPUT=$(tr -d '\0' < "$SCRATCH/output")
  ((status == expected)) && return
  printf '%s\n' "$OUTPUT" | head -n 20 >&2
  fail "status $status instead of $expected, $id: $*"
}

# expect_says REGEX...: each (extended) is found in $OUTPUT, in the wording of one line.
expect_says() {
  local regex
  for regex in "$@"; do
    grep -Eq -e "$regex" <<< "$OUTPUT" || complain "no \"$regex\" in: $OUTPUT"
  done
}

# expect_advice OBJECT: $OUTPUT is one line that names its program and this object (a regular expression), and then says
# what to do.
expect_advice() {
  expect_same 1 "$(wc -l <<< "$OUTPUT")" "lines in: $OUTPUT"
  expect_says '^bsr-(send|recv|stream): ' "$1"
  grep -Eq -e "$ADVICE" <<< "${OUTPUT#*: }" || complain "no next step in: $OUTPUT"
}
ADVICE='\b([Gg]ive|[Ss]end|[Ss]ay|[Uu]se|[Cc]hoose|[Ww]ait|[Rr]un|[Ii]nstall|[Pp]ipe|[Ss]ee|[Mm]ake|[Ll]eave|[Cc]heck|[Cc]ompare|'
ADVICE+='[Ff]ree|[Ee]xtend|[Rr]emove|[Rr]eceive|[Uu]pgrade|[Rr]epair|[Rr]ead|[Tt]ake|[Ss]top|[Uu]nmount)\b'

# expect_same EXPECTED ACTUAL WHAT
expect_same() {
  [[ $1 == "$2" ]] || fail "$3: expected $1, got $2"
}

# expect_equal FILE FILE: the same content, of the same length.
expect_equal() {
  cmp "$1" "$2" >&2 || fail "content of $2 is not that of $1"
}

# expect_refused ID TARGET COMMAND [ARG...]: as expect_rc; TARGET is as before or still missing, nothing else appeared in
# its folder, and nobody was told of a success.
expect_refused() {
  local before names
  before=$(state_of "$2")
  names=$(ls -A "$(dirname "$2")")
  expect_rc "$1" "${@:3}"
  expect_same "$before" "$(state_of "$2")" "state of $2"
  expect_same "$names" "$(ls -A "$(dirname "$2")")" "files beside $2"
  [[ $OUTPUT != *committed* ]] || fail "it says: $OUTPUT"
}

# state_of FILE: size and sum, or what else it is.
state_of() {
  if [[ -f $1 ]]; then stat -Lc %s "$1" && sha256sum < "$1"; else stat -c '%F %i' "$1" 2> /dev/null || echo missing; fi
}

# ---- content ---------------------------------------------------------------------------------
# write_random FILE OFFSET_KIB LENGTH_KIB SEED: bytes that follow from SEED, and do not compress.
write_random() {
  perl -e 'srand($ARGV[1]); print pack("L*", map { int(rand(2**32)) } 1 .. $ARGV[0] * 256)' "$3" "$4" |
    dd of="$1" bs=64K seek="$(($2 * 1024))B" conv=notrunc iflag=fullblock status=none
}

# write_sectors FILE FIRST STEP COUNT SEED: single sectors of random bytes, that far apart.
write_sectors() {
  perl -e 'my ($file, $first, $step, $count, $seed) = @ARGV; srand($seed); open F, "+<", $file; binmode F;
    for (0 .. $count - 1) { seek F, ($first + $_ * $step) * 512, 0; print F pack("L*", map { int(rand(2**32)) } 1 .. 128) }' "$@"
}

# write_text FILE OFFSET_KIB LENGTH_KIB WORD: bytes that compress well.
write_text() {
  perl -e 'print substr("$ARGV[1]\n" x (1 + $ARGV[0] * 1024 / length $ARGV[1]), 0, $ARGV[0] * 1024)' "$3" "$4" |
    dd of="$1" bs=64K seek="$(($2 * 1024))B" conv=notrunc iflag=fullblock status=none
}

# write_zero FILE OFFSET_KIB LENGTH_KIB. In a pool image a chunk of zeros is not mapped, as if it was discarded.
write_zero() {
  dd if=/dev/zero of="$1" bs=1K seek="$2" count="$3" conv=notrunc status=none
}

# flip_byte FILE POSITION: every bit of it.
flip_byte() {
  perl -e 'open F, "+<", $ARGV[0]; binmode F; seek F, $ARGV[1], 0; read F, $b, 1; seek F, $ARGV[1], 0; print F ~$b' "$@"
}

# ---- pools -----------------------------------------------------------------------------------
# make_pool CHUNK_KIB VOLUME_IMAGE...: the pool image pool.meta, pool.data, with the images as thin devices 1, 2 and so
# on, each a snapshot taken after the one before.
POOL=(--metadata pool.meta --data pool.data)
make_pool() {
  make-pool-image "$1" pool.xml pool.data "${@:2}"
  restore_metadata
}

restore_metadata() {
  rm -f pool.meta
  truncate -s 4M pool.meta
  thin_restore -i pool.xml -o pool.meta > /dev/null
}

# rewrite_same DEVICE CHUNK...: as if these chunks were written again with what they hold, before the snapshot DEVICE was
# taken. A chunk that is not mapped gets zeros.
rewrite_same() {
  python3 "$CLI/rewrite_same.py" pool.xml pool.data "$@"
  restore_metadata
}

# identity DEVICE: of a thin device of the pool image, as bsr-send(8) defines it.
identity() {
  sed -nE "s/.*<device dev_id=\"$1\" .* transaction=\"([0-9]+)\" creation_time=\"([0-9]+)\".*/image:$1.\\1.\\2/p" pool.xml
}

# ---- bsr -------------------------------------------------------------------------------------
# send_to FILE ARG..., from the pool image; receive_from FILE ARG...
send_to() { bsr-send "${POOL[@]}" "${@:2}" > "$1"; }
receive_from() { bsr-recv "${@:2}" < "$1"; }

# ship 'SEND_ARGS' 'RECV_ARGS': one transfer from the pool image that must succeed on both sides; prints the identity.
ship() {
  local answer
  # shellcheck disable=SC2086  # words on purpose
  answer=$(bsr-send "${POOL[@]}" $1 | bsr-recv $2)
  [[ $answer == 'committed '* ]] || fail "bsr-recv said: $answer"
  echo "${answer#committed }"
}

# json_lines FILE: checks what the programs promise of their JSON Lines, and prints each as words: type and KEY=VALUE...
json_lines() { python3 "$CLI/json_lines.py" < "$1"; }

# ended_with ID FILE: the last of the JSON Lines in FILE is of type exit and says this.
ended_with() {
  local last
  last=$(json_lines "$2" | tail -n 1)
  expect_same "exit code=${EXIT_STATUS[$1]} id=$1" "$last" "last line of JSON"
}

# wait_until COMMAND...: it succeeds within 30 seconds.
wait_until() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    if "$@"; then return; fi
    sleep 0.1
  done
  fail "does not happen: $*"
}
