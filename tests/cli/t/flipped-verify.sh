#!/bin/bash
# bsr-stream verify of streams with one flipped bit: as bsr-recv.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

mkdir none
for name in delta-zstd full; do
  python3 "$CLI/damage.py" "$CLI/../golden/bsr-1/$name.bsr" none/target flip:3 bits:-112:0 -- bsr-stream verify
done
