#!/bin/bash
# lab: solo
# Passes: shows that the failures beside it are not all that the runner knows.
set -euo pipefail
. /lab/lib.sh
expect_rc 3 bash -c 'echo said; exit 3'
expect_same said "$OUTPUT" "captured output"
