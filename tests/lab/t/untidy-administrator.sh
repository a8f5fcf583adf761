#!/bin/bash
# lab: solo disks=300M,300M timeout=900 files=untidy/verbs.sh,untidy/model.sh,untidy/steps.sh,untidy/sessions.sh,untidy/plain.sh both-kernels
# Random histories of what administrators do to volumes, snapshots, pools and copies between two sessions, and in the
# middle of one. `committed` means equal, also then; a refusal changes nothing, says what works, and never meets
# what stood still. Each history has a seed of its own: BSR_SEED=N BSR_ROUNDS=1 repeats one. Without one the histories are always the same; check --long takes others.
set -euo pipefail
. /lab/lib.sh
. /lab/test/verbs.sh
. /lab/test/model.sh
. /lab/test/steps.sh
. /lab/test/sessions.sh
. /lab/test/plain.sh

first=${BSR_SEED:-500} rounds=${BSR_ROUNDS:-10}
for ((SEED = first; SEED < first + rounds; SEED++)); do
  echo "seed $SEED"
  one_history
done
