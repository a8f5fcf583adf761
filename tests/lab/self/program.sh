#!/bin/bash
# lab: solo
# Needs a program that is not there.
set -euo pipefail
. /lab/lib.sh
bsr-stream --version
