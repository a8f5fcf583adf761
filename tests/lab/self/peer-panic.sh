#!/bin/bash
# lab: pair timeout=60
# The peer's kernel panics, and the test would pass.
set -euo pipefail
lab-wait-ssh dr
ssh dr 'echo c > /proc/sysrq-trigger' || true
