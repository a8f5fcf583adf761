#!/bin/bash
# layers_test: the direction of dependency between folders, and which file may use which library.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
failures=0
complain() {
  echo "layers: $*" >&2
  failures=$((failures + 1))
}

# FOLDER: the folders that its files may include from, besides itself.
declare -A may_use=(
  [base]=""
  [formats]="base"
  [platform]="base formats"
  [bsr-send]="base formats platform"
  [bsr-recv]="base formats platform"
  [bsr-stream]="base formats platform"
)
while IFS=: read -r file _ line; do
  included=$(sed -E 's/^ *#include "([^"]*)".*/\1/' <<< "$line")
  from=${file%%/*} to=${included%%/*}
  [[ $from == "$to" ]] && continue
  [[ " ${may_use[$from]} " == *" $to "* ]] || complain "$file includes $included: $from may not use $to"
done < <(grep -nE '^ *#include "' base/*.* formats/*.* bsr-stream/*.* platform/*.* bsr-send/*.* bsr-recv/*.*)

# PATTERN FILES: what only these files may include or call.
only_in() {
  local pattern=$1 allowed=$2 file
  while read -r file; do
    [[ " $allowed " == *" $file "* ]] || complain "$file uses $pattern; only $allowed may"
  done < <(grep -lE "$pattern" base/*.* formats/*.* bsr-stream/*.* platform/*.* bsr-send/*.* bsr-recv/*.* || true)
}
only_in '#include <libdevmapper' 'platform/device_mapper.cc'
only_in '#include <pugixml' 'formats/xml_tag.cc'
only_in '#include <CLI/' 'platform/command_line.h'
only_in '#include <zstd' 'formats/frame_encoder.cc formats/patch.cc formats/resume_token.cc formats/zstd_frame.cc'
only_in '#include <nettle' 'formats/digest.h formats/resume_token.cc'
only_in '#include <liburing' 'platform/io_ring.h'
only_in 'posix_spawn|\bfork\(|\bexecv' 'platform/process.cc'
only_in '\b(popen|system|socket|listen|accept4?)\(' ''
# Nothing in formats/ touches a descriptor, a thread or the clock.
while read -r file; do complain "$file: formats/ touches no descriptor, thread or clock"; done \
  < <(grep -lE '#include <(fcntl|unistd|thread|sys/[a-z]+|chrono|fstream)' formats/*.{h,cc} || true)

((failures == 0)) && echo "layers: every include points the right way"
exit $((failures > 0))
