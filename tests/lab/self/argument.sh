#!/bin/bash
# lab: solo
# A command fails inside an argument, and what it prints would do.
set -euo pipefail
. /lab/lib.sh
expect_same "" "$(cat /nonexistent)" "nothing"
