# shellcheck shell=bash
# shellcheck disable=SC2034  # used by tests
# Streams of thin_send, made by hand; to be read after lib.sh.

GOLDEN=$CLI/../golden/legacy
MAGIC_10=ca7f00d5de7ec7ed MAGIC_11=24c4f02aae2e4fa9
DATA=0 UNMAP=1 BEGIN=2 END=3

# chunk MAGIC COMMAND OFFSET LENGTH: the 28 bytes before what follows.
chunk() { perl -e 'print pack("H16 Q> Q> L>", @ARGV[0, 2, 3], $ARGV[1])' "$1" "$2" "$3" "$4"; }
# counts ALL DATA UNMAP: what follows END.
counts() { perl -e 'print pack("Q> Q> Q>", @ARGV)' "$@"; }
begin_11() { chunk $MAGIC_11 $BEGIN 0 0; }
# end_11 ALL DATA UNMAP
end_11() {
  chunk $MAGIC_11 $END 0 24
  counts "$@"
}

# For a delta the example of bsr-recv(8) gives no base; these streams do not name theirs.
AS_DELTA=(--legacy-as delta)
truncate -s 128K "$SCRATCH/probe"
if ! receive_from "$GOLDEN/delta-1.1" "${AS_DELTA[@]}" "$SCRATCH/probe" &> /dev/null; then AS_DELTA+=(--base legacy); fi
