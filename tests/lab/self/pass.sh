#!/bin/bash
# lab: solo
# Passes: shows that the failures beside it are not all that the runner knows.
set -euo pipefail
. /lab/lib.sh
expect_rc 3 bash -c 'echo said; exit 3'
expect_same said "$OUTPUT" "captured output"

# An orphan does not stay as a zombie.
orphan=$(sh -c 'sleep 0.3 > /dev/null & echo $!')
sleep 1
[[ ! -e /proc/$orphan ]]
