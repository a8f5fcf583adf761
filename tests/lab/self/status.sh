#!/bin/bash
# lab: solo
# A command ends with another status than the one expected.
set -euo pipefail
. /lab/lib.sh
expect_rc 3 bash -c 'echo "what it said"; exit 4'
