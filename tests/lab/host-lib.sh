# shellcheck shell=bash
# What the host's lab scripts share: places, options, the payload that a virtual machine
# receives, and the verdict on one that has ended. Sourced, never run.
# shellcheck disable=SC2034  # what is set here is used by those that source it
LAB=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
CACHE=${LAB_CACHE:-$(dirname "$(dirname "$LAB")")/build/lab-cache}

die() {
  echo "${0##*/}: $*" >&2
  exit 2
}

# libraries_of FILE...: the paths of the libraries these programs load, through all levels.
libraries_of() {
  ldd "$@" 2> /dev/null | sed -nE 's/.*=> (\/[^ ]+) .*/\1/p; s/^\s+(\/[^ ]+) \(.*/\1/p' | sort -u
}

# ---- options of lab-run and lab-pair ---------------------------------------------------------
IMAGE='' TIME_LIMIT=120 MEMORY=768 CPUS=1 KEEP='' RESUME=1 ALLOW_WARNINGS=0
PROGRAMS_IN=() FILES_IN=() ENVIRONMENT=()

# common_option OPTION [VALUE]: takes an option that both know. OPTION_WORDS then says how many
# words it had; 0: not a common option.
common_option() {
  OPTION_WORDS=2
  case $1 in
    --image) IMAGE=$2 ;;
    --bin) PROGRAMS_IN+=("$2") ;;
    --file) FILES_IN+=("$2") ;;
    --env) ENVIRONMENT+=("$2") ;;
    --timeout) TIME_LIMIT=$2 ;;
    --mem) MEMORY=$2 ;;
    --cpus) CPUS=$2 ;;
    --keep) KEEP=$2 ;;
    --cold) RESUME=0 OPTION_WORDS=1 ;;
    --allow-warnings) ALLOW_WARNINGS=1 OPTION_WORDS=1 ;;
    *) OPTION_WORDS=0 ;;
  esac
}

# ---- payload ---------------------------------------------------------------------------------
# The environment of the test, and of commands that arrive through ssh: one K=V a line.
guest_environment() {
  echo "LAB_ROLE=$1"
  echo "DM_DISABLE_UDEV=1"
  echo "ASAN_OPTIONS=abort_on_error=1:disable_coredump=0:detect_leaks=1:strict_string_checks=1"
  echo "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:abort_on_error=1"
  if ((${#ENVIRONMENT[@]})); then printf '%s\n' "${ENVIRONMENT[@]}"; fi
}

# add_programs STAGE: PROGRAMS_IN and those of their libraries that the image lacks.
# Debug information stays behind: nothing in the guest reads it.
add_programs() {
  local file
  ((${#PROGRAMS_IN[@]})) || return 0
  for file in "${PROGRAMS_IN[@]}"; do
    strip -g -o "$1/usr/local/bin/${file##*/}" "$file" 2> /dev/null ||
      cp -L --preserve=mode "$file" "$1/usr/local/bin/" || die "cannot take $file"
  done
  for file in $(libraries_of "${PROGRAMS_IN[@]}"); do
    file=$(cd "$(dirname "$file")" && pwd -P)/${file##*/}
    grep -qxF "$file" "$IMAGE/manifest" && continue
    mkdir -p "$1$(dirname "$file")"
    cp -L --preserve=mode "$file" "$1$file"
  done
}

# make_payload FILE ROLE IP MAC [TEST [ARG...]]: the tar that init unpacks in its root.
# Without TEST the machine is a server that waits for commands.
make_payload() {
  local file=$1 role=$2 ip=$3 mac=$4 stage name value
  shift 4
  stage=$(mktemp -d "$RUN/stage.XXXXXX")
  mkdir -p "$stage"/{lab/test,root/.ssh,usr/local/bin}
  head -c 256 /dev/urandom > "$stage/lab/seed"
  cp "$LAB/guest-lib.sh" "$stage/lab/lib.sh"
  {
    printf 'LAB_IP=%q LAB_MAC=%q\n' "$ip" "$mac"
    guest_environment "$role" | while IFS='=' read -r name value; do printf 'export %s=%q\n' "$name" "$value"; done
  } > "$stage/lab/env"
  {
    echo "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/usr/lib/busybox"
    guest_environment "$role"
  } > "$stage/root/.ssh/environment"
  if (($#)); then
    install -m755 "$1" "$stage/lab/test/"
    if ((${#FILES_IN[@]})); then install -m644 "${FILES_IN[@]}" "$stage/lab/test/" || die "cannot take ${FILES_IN[*]}"; fi
    {
      echo '#!/bin/bash'
      printf 'exec /lab/test/%q' "${1##*/}"
      if (($# > 1)); then printf ' %q' "${@:2}"; fi
    } > "$stage/lab/run"
    chmod 755 "$stage/lab/run"
  fi
  add_programs "$stage"
  tar -C "$stage" --owner=0 --group=0 -cf "$file" .
  rm -rf "$stage"
}

# ---- verdict ---------------------------------------------------------------------------------
# console_verdict DIR: 254 for a kernel panic, 252 for a kernel warning, otherwise 0.
console_verdict() {
  if grep -qaF 'Kernel panic - not syncing' "$1/console.log"; then
    echo 254
  elif ((!ALLOW_WARNINGS)) &&
    grep -qaE '\] (WARNING: |BUG: |INFO: task .* blocked for|=+.*lockdep)' "$1/console.log"; then
    echo 252
  else
    echo 0
  fi
}

# machine_verdict DIR: the exit status of the machine that ended in DIR: the test's own, or
# 124 time limit, 137 killed by the test, 254 kernel panic, 253 died without a status,
# 252 the test passed but the kernel warned.
machine_verdict() {
  local status console
  status=$(sed -n 's/^exit \([0-9]*\)$/\1/p' "$1/status")
  console=$(console_verdict "$1")
  if ((console == 254)); then
    echo 254
  elif [[ -e $1/timeout ]]; then
    echo 124
  elif [[ -e $1/killed ]]; then
    echo 137
  elif [[ $status == 0 ]]; then
    echo "$console"
  else
    echo "${status:-253}"
  fi
}

# explain STATUS DIR [NAME]: for a status that the lab made, the end of the console.
explain() {
  local reason
  case $1 in
    124) reason="time limit of $TIME_LIMIT s" ;;
    252) reason="the kernel warned" ;;
    253) reason="the machine died" ;;
    254) reason="kernel panic" ;;
    *) return 0 ;;
  esac
  echo "${0##*/}: $reason; the end of the console${3:+ of $3}:"
  cat "$2/qemu.log"
  grep -aE -A 45 -m 1 '\] (WARNING: |BUG: |Oops: |.* \[#1\])' "$2/console.log" || true
  tail -n 60 "$2/console.log"
}

# keep_files DIR PLACE: what a machine left (console, output, /lab/out) goes to PLACE.
keep_files() {
  mkdir -p "$2/out"
  cp -f "$1"/{console,test,qemu}.log "$2/" 2> /dev/null
  if [[ -s $1/out.tar ]]; then tar -C "$2/out" -xf "$1/out.tar"; fi
  rmdir "$2/out" 2> /dev/null || true
}
