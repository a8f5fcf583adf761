# shellcheck shell=bash
# One virtual machine of the lab: its QEMU command line, its monitor, and the snapshot of the
# booted machine that later runs resume. Sourced after host-lib.sh, never run.
#
# The folder DIR of a machine holds console.log (kernel log), status, out.tar (what the test
# left in /lab/out), payload.tar, and three pairs of pipes: monitor, command (to init) and
# control (requests of lab-ctl).

# Only software emulation: a KVM device may be there and hang. LA57 makes KASAN kernels report a
# false positive; the string and vector features left out are slower than the code without them.
QEMU=(setpriv --pdeathsig KILL qemu-system-x86_64 -accel "tcg,thread=multi,tb-size=512"
  -cpu "max,la57=off,erms=off,fsrm=off,avx=off,avx2=off"
  -nodefaults -no-user-config -display none -no-reboot -rtc "base=utc,clock=host")
MACHINE=q35,hpet=off,vmport=off,usb=off,i8042=off,sata=off,smbus=off
# A panic ends the machine at once. norandmaps: fork and exec in a sixth of the time.
KERNEL_OPTIONS="console=ttyS0 panic=-1 oops=panic loglevel=7 nokaslr norandmaps mitigations=off \
tsc=reliable no_timer_check random.trust_cpu=on cryptomgr.notests=1 clearcpuid=112 audit=0 raid=noautodetect"

NETWORK='' MAC=''  # of the next machine: a QEMU -netdev, none when empty

# serial_port NAME CHARDEV: a virtio port that init knows by name.
serial_port() {
  COMMAND+=(-chardev "$2,id=$1" -device "virtserialport,chardev=$1,name=lab.$1")
}

# machine_command boot|save|resume DIR [DISK...]: sets COMMAND to the QEMU command line of the
# machine of DIR. The disks are raw files, or addresses of them: /dev/vda, /dev/vdb...
machine_command() {
  local mode=$1 dir=$2 pipe held index=0
  shift 2
  for pipe in "$dir"/{monitor,command,control}.{in,out}; do
    rm -f "$pipe"
    mkfifo "$pipe"
    # shellcheck disable=SC2034
    exec {held}<> "$pipe"  # held open, so that nothing written early is lost
  done
  COMMAND=("${QEMU[@]}" -smp "$CPUS" -m "$MEMORY" -kernel "$IMAGE/vmlinuz" -initrd "$IMAGE/initrd"
    -device "isa-debug-exit,iobase=0xf4,iosize=0x04"
    -chardev "file,id=console,path=$dir/console.log" -serial chardev:console
    -chardev "pipe,id=monitor,path=$dir/monitor" -mon "chardev=monitor,mode=control"
    -object "rng-random,id=rng,filename=/dev/urandom" -device "virtio-rng-pci,rng=rng"
    -device "virtio-serial-pci,max_ports=8")
  serial_port status "file,path=$dir/status"
  serial_port out "file,path=$dir/out.tar"
  serial_port cmd "pipe,path=$dir/command"
  serial_port ctl "pipe,path=$dir/control"
  serial_port test "file,path=$dir/test.log"
  # Memory is a file; resumed machines map the saved one copy-on-write.
  case $mode in
    boot) COMMAND+=(-machine "$MACHINE" -append "$KERNEL_OPTIONS") ;;
    save) COMMAND+=(-machine "$MACHINE,memory-backend=ram" -append "$KERNEL_OPTIONS lab.hold=1"
      -object "memory-backend-file,id=ram,size=${MEMORY}M,mem-path=$dir/ram,share=on") ;;
    resume) COMMAND+=(-machine "$MACHINE,memory-backend=ram" -append "$KERNEL_OPTIONS lab.hold=1"
      -object "memory-backend-file,id=ram,size=${MEMORY}M,mem-path=$SNAPSHOT/ram,share=off" -incoming defer) ;;
  esac
  while (($#)); do
    add_disk "disk$index" "$1,discard=unmap"
    index=$((index + 1))
    shift
  done
  add_disk lab-payload "$dir/payload.tar,readonly=on"
  if [[ -n $NETWORK ]]; then
    COMMAND+=(-netdev "$NETWORK,id=net0" -device "virtio-net-pci,id=nic0,netdev=net0,mac=$MAC,romfile=")
  fi
}

# add_disk NAME FILE[,OPTION...]. cache=unsafe does not flush on the host, and loses nothing when
# QEMU is killed: what it wrote is in the host's page cache. A volatile disk hears of flushes.
add_disk() {
  local flushes=unsafe
  if [[ $2 == nbd+unix:* ]]; then flushes=writeback; fi
  COMMAND+=(-drive "if=none,id=$1,format=raw,cache=$flushes,file=$2"
    -device "virtio-blk-pci,drive=$1,serial=$1,num-queues=1")
}

# monitor DIR JSON: one command for QEMU's monitor; its answer on stdout, 1 for an error.
monitor() {
  local line output status=1
  exec {output}<> "$1/monitor.out"
  if [[ ! -e $1/monitor.ready ]]; then
    touch "$1/monitor.ready"
    monitor "$1" '{"execute":"qmp_capabilities"}' > /dev/null
  fi
  printf '%s\n' "$2" 1<> "$1/monitor.in"
  while IFS= read -rt 20 -u "$output" line; do
    case $line in
      '{"return"'*) status=0 ;;
      '{"error"'*) ;;
      *) continue ;;
    esac
    printf '%s\n' "$line"
    break
  done
  exec {output}>&-
  return $status
}

# Memory files are mapped, not copied into the saved state.
monitor_ignore_shared() {
  monitor "$1" '{"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"x-ignore-shared","state":true}]}}'
}

# find_snapshot DISKS: sets SNAPSHOT to the folder of a machine with so many disks that is booted
# up to the point before its first disk access; boots and saves it when the cache has none.
find_snapshot() {
  local lock
  SNAPSHOT=$CACHE/snapshot-$(echo "$IMAGE $1 ${NETWORK:+network} $MEMORY $CPUS ${QEMU[*]} $MACHINE $KERNEL_OPTIONS" \
    "$(qemu-system-x86_64 --version)" | sha256sum | cut -c1-16)
  exec {lock}> "$CACHE/lock"
  flock "$lock"
  if [[ -d $SNAPSHOT ]]; then
    touch "$SNAPSHOT"
  else
    save_snapshot "$1"
    find "$CACHE" -maxdepth 1 -name 'snapshot-*' -printf '%T@ %p\n' | sort -rn |
      tail -n +11 | cut -d' ' -f2- | xargs -r rm -rf  # the ten last used stay
  fi
  exec {lock}>&-
}

save_snapshot() {
  local dir count=$1 disks=() MAC=52:54:00:77:00:00 NETWORK=${NETWORK:+hubport,hubid=0}
  dir=$(mktemp -d "$CACHE/building.XXXXXX")
  truncate -s 1M "$dir/payload.tar"
  while ((${#disks[@]} < count)); do
    disks+=("$dir/disk${#disks[@]}")
    truncate -s 1M "${disks[-1]}"
  done
  (
    machine_command save "$dir" ${disks[@]+"${disks[@]}"}
    "${COMMAND[@]}" < /dev/null &> "$dir/qemu.log" &
    save_machine "$dir" $!
  ) || {
    tail -n 20 "$dir"/{qemu,console,monitor}.log >&2
    rm -rf "$dir"
    die "cannot save a snapshot of the booted machine"
  }
  rm -f "$dir"/{disk*,payload.tar,*.in,*.out}
  mv -T "$dir" "$SNAPSHOT"
}

# save_machine DIR PID: waits until init holds, saves the state beside the memory file.
save_machine() {
  local deadline=$((SECONDS + 120)) progress=''
  until grep -qaF LAB-HOLD "$1/console.log" 2> /dev/null; do
    sleep 0.1
    kill -0 "$2" 2> /dev/null && ((SECONDS < deadline)) || return 1
  done
  sleep 0.3  # init now sleeps in its read
  monitor_ignore_shared "$1" > "$1/monitor.log"
  monitor "$1" '{"execute":"migrate","arguments":{"uri":"exec:cat > '"'$1/state'"'"}}' >> "$1/monitor.log"
  until [[ $progress == *'"status": "completed"'* ]]; do
    sleep 0.1
    ((SECONDS < deadline)) || return 1
    progress=$(monitor "$1" '{"execute":"query-migrate"}')
  done
  monitor "$1" '{"execute":"quit"}' >> "$1/monitor.log"
  wait "$2"
}

# resume_machine DIR: after a `resume` start, loads the saved state and lets init go on.
resume_machine() {
  monitor_ignore_shared "$1" > "$1/monitor.log"
  monitor "$1" '{"execute":"migrate-incoming","arguments":{"uri":"exec:cat '"'$SNAPSHOT/state'"'"}}' >> "$1/monitor.log"
  printf 'go %s\n' "$(date +%s.%N)" 1<> "$1/command.in"
}

# start_machine DIR [DISK...]: a machine from the options, NETWORK and MAC; sets MACHINE_PID.
# Its test's output grows in DIR/test.log.
start_machine() {
  local mode=boot
  if ((RESUME)); then
    find_snapshot $(($# - 1))
    mode=resume
  fi
  machine_command "$mode" "$@"
  touch "$1/test.log"
  "${COMMAND[@]}" < /dev/null &> "$1/qemu.log" &
  # shellcheck disable=SC2034
  MACHINE_PID=$!
  if ((RESUME)); then resume_machine "$1"; fi
}

# show_output DIR PID: the test's output on stdout until the machine has ended; in the background.
show_output() {
  tail -c +1 -f -s 0.1 --pid="$2" "$1/test.log" &
}
