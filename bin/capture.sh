#!/bin/sh
# Records how devices, drivers and IOMMU groups of this machine change while commands run, as a folder
# that `reprobe verify` reads. Run it as root:
#
#   sh capture.sh [OPTION...] OUT [-- COMMAND...]
#   sh capture.sh out -- 'echo 0000:01:00.0 > /sys/bus/pci/drivers/e1000e/unbind' 'modprobe vfio-pci'
#
# Each COMMAND is a line for the shell; one that ends with & runs beside those that follow. The state is
# recorded before the first and after each. The script itself changes nothing but marks in the kernel log.
#
#   --kprobes     trace the functions that bind drivers, with probes that are removed at the end
#   --mount       mount debugfs and tracefs while recording, where they are not
#   --settle S    seconds between a command and the state after it (1)
#   --limit S     seconds after which a command is taken to hang, and left behind (60)
#
# Needs no more than busybox. What is missing here is named at the end, and stops nothing.
# For trying it out: ROOT=DIR has /sys, /proc and /dev below DIR, and RUN=PROGRAM gets each command.

LC_ALL=C
export LC_ALL
ROOT=${ROOT:-}
RUN=${RUN:-}
unset CDPATH
here=$PWD
SYS=$ROOT/sys
PROC=$ROOT/proc
KMSG=$ROOT/dev/kmsg
settle=1
limit=60
kprobes=
may_mount=
mounted=
reader=
instance=
probes=
N=0
pending=
ended=
job=

usage() {
  sed -n '2,19s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

have() {
  command -v "$1" >/dev/null 2>&1
}

missing() {
  printf '%s\n' "$1" >>"$OUT/missing.txt"
}

# What is missing, each behind $1.
each_missing() {
  while IFS= read -r line; do
    printf '%s%s\n' "$1" "$line"
  done <"$OUT/missing.txt"
}

# Tools that may be missing do nothing then, and are named.
replace_missing_tools() {
  for tool in cat find sed sort rm; do
    have $tool && continue
    missing "what needs $tool: there is none"
    eval "$tool() { return 127; }"
  done
  have sleep || missing 'commands that hang: there is no sleep'
}

# The one line of a file as $value; false where there is none.
value_of() {
  value=
  { IFS= read -r value <"$1"; } 2>/dev/null || [ -n "$value" ]
}

# What a link to a folder names last as $target. Without another process, as there are many links.
target_of() {
  if cd -P "$1" 2>/dev/null; then
    target=${PWD##*/}
    cd "$here" || exit 1
    return
  elif have readlink; then
    target=$(readlink "$1" 2>/dev/null)
  else
    target=$(ls -ld "$1" 2>/dev/null)
    target=${target##* -> }
  fi
  target=${target##*/}
}

# Seconds since the kernel started as $uptime.
look_at_clock() {
  uptime=0.00
  value_of "$PROC/uptime" && uptime=${value%% *}
}

note_down() {
  look_at_clock
  printf '%s %s\n' "$uptime" "$1" >>"$OUT/actions.txt"
}

copy() {
  [ -e "$1" ] && cat "$1" >"$2" 2>/dev/null && [ -s "$2" ] && return 0
  rm -f "$2"
  return 1
}

# The lines of file $2, each after $1.
indented() {
  while IFS= read -r line || [ -n "$line" ]; do
    printf '    %s: %s\n' "$1" "$line"
  done <"$2" >>"$OUT/actions.txt"
}

# ---- the state, section by section ----

device_lines() {
  find "$SYS/devices" -name uevent -type f 2>/dev/null | sed 's,/uevent$,,' | sort |
    while IFS= read -r dir; do
      line=${dir#"$SYS/devices/"}
      if [ -L "$dir/subsystem" ]; then
        target_of "$dir/subsystem"
        line="$line bus=$target"
      fi
      for link in driver iommu_group; do
        target=-
        [ -L "$dir/$link" ] && target_of "$dir/$link"
        line="$line $link=$target"
      done
      if value_of "$dir/driver_override" && [ "$value" != '(null)' ]; then
        line="$line driver_override=$value"
      fi
      value_of "$dir/waiting_for_supplier" && line="$line waiting_for_supplier=$value"
      if value_of "$dir/power/runtime_status" && [ "$value" != unsupported ]; then
        line="$line rpm=$value"
      fi
      if value_of "$dir/vendor"; then
        vendor=$value
        value_of "$dir/device" && line="$line id=$vendor:$value"
      fi
      value_of "$dir/state_synced" && line="$line state_synced=$value"
      printf '%s\n' "$line"
    done
}

# The names in a folder as $list, with commas.
names_in() {
  list=
  for one in "$1"/*; do
    [ -e "$one" ] || [ -L "$one" ] || continue
    list=$list${list:+,}${one##*/}
  done
}

group_lines() {
  for group in "$SYS"/kernel/iommu_groups/*; do
    [ -d "$group" ] || continue
    line="group ${group##*/} type="
    if value_of "$group/type"; then line=$line$value; else line=$line-; fi
    value_of "$group/name" && line="$line name=$value"
    names_in "$group/devices"
    regions=
    if [ -r "$group/reserved_regions" ]; then
      while IFS= read -r region; do
        regions=$regions${regions:+; }$region
      done <"$group/reserved_regions"
    fi
    printf '%s devices=%s reserved_regions="%s"\n' "$line" "$list" "$regions"
  done
}

iommu_lines() {
  for iommu in "$SYS"/class/iommu/*; do
    [ -d "$iommu" ] || continue
    names_in "$iommu/devices"
    printf '%s devices=%s\n' "${iommu##*/}" "$list"
  done
}

link_lines() {
  for link in "$SYS"/class/devlink/*; do
    [ -d "$link" ] || continue
    line=${link##*/}
    for attribute in status auto_remove_on runtime_pm sync_state_only; do
      value_of "$link/$attribute"
      line="$line $attribute=\"$value\""
    done
    printf '%s\n' "$line"
  done
}

driver_lines() {
  for bus in pci platform virtio amba; do
    [ -d "$SYS/bus/$bus/drivers" ] || continue
    line=$bus:
    for driver in "$SYS/bus/$bus/drivers"/*; do
      [ -d "$driver" ] && line="$line ${driver##*/}"
    done
    printf '%s\n' "$line"
  done
}

# The state after command $1, 0 being before the first; `end` is the last.
snapshot() {
  file=sysfs-$1.txt
  value_of "$PROC/uptime"
  {
    printf '# uptime %s\n[devices]\n' "$value"
    device_lines
    echo '[iommu_groups]'
    group_lines
    echo '[class_iommu]'
    iommu_lines
    echo '[devices_deferred]'
    cat "$SYS/kernel/debug/devices_deferred" 2>/dev/null
    echo '[devlink]'
    link_lines
    echo '[modules]'
    cat "$PROC/modules" 2>/dev/null
    echo '[drivers]'
    driver_lines
    echo '[/dev/vfio]'
    for one in "$ROOT"/dev/vfio/*; do
      [ -e "$one" ] && printf '%s\n' "${one##*/}"
    done
  } >"$OUT/$file"
  note_down "SNAPSHOT $file"
  write_log
  have sync && sync
}

# ---- the kernel log ----

start_log() {
  if [ -f "$KMSG" ]; then
    return
  elif [ -r "$KMSG" ]; then
    # From the oldest record that the kernel still has; ends when it is killed.
    cat "$KMSG" >"$OUT/kmsg.txt" 2>/dev/null &
    reader=$!
    have sleep && sleep 1
  else
    missing '/dev/kmsg: cannot be read; the log is what dmesg prints'
  fi
}

# The log so far: the records without their fields, with the stamps that dmesg prints.
write_log() {
  [ -f "$KMSG" ] && copy "$KMSG" "$OUT/kmsg.txt"
  if [ -s "$OUT/kmsg.txt" ]; then
    sed -n '
      s/^[0-9][0-9]*,[0-9][0-9]*,\([0-9][0-9]*\),[^;]*;/[0000000\1] /
      t record
      d
      :record
      s/^\[0*\([0-9]*[0-9]\)\([0-9]\{6\}\)\]/[\1.\2]/
      s/^\[\([0-9]\)\./[    \1./
      s/^\[\([0-9][0-9]\)\./[   \1./
      s/^\[\([0-9]\{3\}\)\./[  \1./
      s/^\[\([0-9]\{4\}\)\./[ \1./
      s/\\x09/	/g
      s/\\x5c/\\/g
      p
    ' "$OUT/kmsg.txt" >"$OUT/dmesg.txt" 2>/dev/null
  elif [ -z "$ROOT" ] && have dmesg; then
    dmesg >"$OUT/dmesg.txt" 2>/dev/null
  fi
}

# Puts a mark into the kernel log and the trace.
mark() {
  [ -w "$KMSG" ] && printf 'reprobe-action: %s\n' "$1" 2>/dev/null >>"$KMSG"
  [ -n "$instance" ] && [ -w "$instance/trace_marker" ] &&
    printf 'reprobe-action: %s\n' "$1" 2>/dev/null >>"$instance/trace_marker"
}

# ---- the machine ----

# The bytes of a file as hexadecimal digits, 16 bytes a line or fewer.
hex_of() {
  case $dump in
  od) od -An -v -tx1 "$1" ;;
  hexdump) hexdump -v -e '16/1 "%02x " "\n"' "$1" ;;
  xxd) xxd -p -c 16 "$1" ;;
  esac 2>/dev/null
}

find_dump() {
  for dump in od hexdump xxd; do
    have $dump || continue
    [ "$(hex_of "$OUT/probe.tmp" | tr -d ' \n')" = 61626364 ] && return
  done
  dump=
}

pci_config() {
  printf abcd >"$OUT/probe.tmp"
  find_dump
  rm -f "$OUT/probe.tmp"
  if [ -z "$dump" ]; then
    missing 'PCI configuration: there is no od, hexdump or xxd'
    return
  fi
  for device in "$SYS"/bus/pci/devices/*; do
    [ -e "$device/config" ] || continue
    printf '# %s\n' "${device##*/}"
    # Words are in the order of the bus: the lowest byte first.
    hex_of "$device/config" | sed 's/ //g
      s/\(..\)\(..\)\(..\)\(..\)/\4\3\2\1\
/g' | sed '/^ *$/d'
  done >"$OUT/machine-pci-config.txt"
  [ -s "$OUT/machine-pci-config.txt" ] || rm -f "$OUT/machine-pci-config.txt"
}

driver_rows() {
  for driver in "$SYS"/bus/*/drivers/*; do
    [ -d "$driver" ] || continue
    bus=${driver%/drivers/*}
    target=
    [ -L "$driver/module" ] && target_of "$driver/module"
    bind=0
    [ -e "$driver/bind" ] && bind=1
    printf '%s %s module=%s bind=%s\n' "${bus##*/}" "${driver##*/}" "$target" "$bind"
  done >"$OUT/machine-drivers.txt"
}

modalias_rows() {
  find "$SYS/devices" -name modalias -type f 2>/dev/null | sed 's,/modalias$,,' | sort |
    while IFS= read -r dir; do
      value_of "$dir/modalias" && printf '%s %s\n' "${dir##*/}" "$value"
    done >"$OUT/machine-modalias.txt"
}

kernel_config() {
  copy "$PROC/config.gz" "$OUT/machine-config.gz" && return
  for file in "$ROOT/boot/config-$release" "$ROOT/lib/modules/$release/config" \
    "$ROOT/lib/modules/$release/build/.config"; do
    copy "$file" "$OUT/machine-config" && return
  done
  missing 'kernel configuration: neither /proc/config.gz nor a config file of this kernel is there'
}

describe_machine() {
  firmware=
  copy "$SYS/firmware/fdt" "$OUT/machine-fdt.dtb" && firmware=1
  for table in IORT DMAR IVRS VIOT; do
    copy "$SYS/firmware/acpi/tables/$table" "$OUT/machine-$table.bin" && firmware=1
  done
  [ -n "$firmware" ] || missing 'firmware: no devicetree, IORT, DMAR, IVRS or VIOT can be read'
  [ -d "$SYS/bus/pci/devices" ] && pci_config
  driver_rows
  modalias_rows
  kernel_config
  copy "$PROC/cmdline" "$OUT/proc-cmdline.txt" || missing 'command line: no /proc/cmdline'
  value_of "$PROC/cmdline"
  printf '# kernel command line (as passed)\n%s\n' "$value" >"$OUT/cmdline.txt"
  [ -d "$SYS/kernel/iommu_groups" ] || missing 'groups: no /sys/kernel/iommu_groups in this kernel'
  [ -e "$SYS/kernel/debug/devices_deferred" ] ||
    missing 'devices_deferred: debugfs is not mounted (--mount) or the kernel has no such file'
  [ -d "$SYS/class/devlink" ] || missing 'device links: no /sys/class/devlink in this kernel'
}

# ---- kprobes ----

# kp NAME FUNCTION ARGUMENTS RETURN BTF-ARGUMENTS: those by type where the kernel knows its types.
kp() {
  for arguments in "$5" "$3"; do
    [ -n "$arguments" ] || continue
    probe p "$1" "$2" "$arguments" && break
  done
  [ -z "$4" ] || probe r "$1_ret" "$2" "ret=\$retval:$4"
}

probe() {
  if printf '%s:reprobe/%s %s %s\n' "$1" "$2" "$3" "$4" 2>/dev/null >>"$tracing/kprobe_events"; then
    probes="$probes $2"
    return 0
  fi
  printf 'kprobe not installed: %s:reprobe/%s %s %s\n' "$1" "$2" "$3" "$4" >>"$OUT/kprobe-setup.txt"
  return 1
}

start_kprobes() {
  tracing=
  for one in "$SYS/kernel/tracing" "$SYS/kernel/debug/tracing"; do
    [ -w "$one/kprobe_events" ] && tracing=$one && break
  done
  if [ -z "$tracing" ]; then
    missing 'kprobes: no kprobe_events: tracefs is not mounted (--mount) or the kernel has no kprobes'
    return
  fi
  # struct device began with other members before 5.1.
  at=0
  case $release in
  [1-4].* | 5.0 | 5.0[!0-9]*) at=16 ;;
  esac
  dev="dev=+0(+$at(\$arg1)):string"
  group="group=+0(+0(\$arg1)):string"
  owner='owner_cnt=%s->owner_cnt:u32 owner=%s->owner:x64'
  # shellcheck disable=SC2059
  of_dev="$dev grp=dev->iommu_group->id:s32 $(printf "$owner" 'dev->iommu_group' 'dev->iommu_group')"
  # shellcheck disable=SC2059
  of_group="$group $(printf "$owner" group group)"
  kp really_probe really_probe "$dev drv=+0(+0(\$arg2)):string" s32 ''
  kp driver_bound driver_bound "$dev" '' ''
  kp check_suppliers device_links_check_suppliers "$dev" s32 ''
  kp check_state driver_deferred_probe_check_state "$dev" s32 ''
  kp of_iommu_configure of_iommu_configure "$dev" x64 ''
  kp acpi_iommu_configure_id acpi_iommu_configure_id "$dev" x64 ''
  kp use_default_domain iommu_device_use_default_domain "$dev" s32 "$of_dev"
  kp unuse_default_domain iommu_device_unuse_default_domain "$dev" '' "$of_dev"
  kp claim_group iommu_group_claim_dma_owner "$group" s32 "$of_group"
  kp release_group iommu_group_release_dma_owner "$group" '' "$of_group"
  kp dma_owner_claimed iommu_group_dma_owner_claimed "$group" u8 "$of_group"
  kp __iommu_probe_device __iommu_probe_device "$dev" s32 ''
  kp iommu_probe_device iommu_probe_device "$dev" s32 ''
  kp iommu_release_device iommu_release_device "$dev" '' ''
  kp iommu_device_register iommu_device_register '' s32 ''
  kp device_iommu_capable device_iommu_capable "$dev cap=\$arg2:u32" u8 ''
  kp group_add_device iommu_group_add_device "$group dev=+0(+$at(\$arg2)):string" '' ''
  # A buffer of its own, so that another user of the tracer is not disturbed.
  instance=$tracing
  mkdir "$tracing/instances/reprobe" 2>/dev/null && instance=$tracing/instances/reprobe
  printf '8192\n' 2>/dev/null >"$instance/buffer_size_kb"
  printf '1\n' 2>/dev/null >"$instance/events/reprobe/enable" ||
    missing 'kprobes: they cannot be switched on'
}

stop_kprobes() {
  [ -n "$instance" ] || return
  copy "$instance/trace" "$OUT/kprobe.txt" || missing 'kprobes: nothing was traced'
  printf '0\n' 2>/dev/null >"$instance/events/reprobe/enable"
  [ "$instance" = "$tracing" ] || rmdir "$instance" 2>/dev/null
  for one in $probes; do
    printf '%s\n' "-:reprobe/$one" 2>/dev/null >>"$tracing/kprobe_events"
  done
  instance=
}

# ---- the commands ----

execute() {
  if [ -n "$RUN" ]; then
    $RUN "$1"
    return
  fi
  # The echo of some shells does not say which error a write met.
  for echo in /bin/echo /usr/bin/echo; do
    [ -x "$echo" ] && break
  done
  # shellcheck disable=SC2317
  [ -x "$echo" ] && echo() { "$echo" "$@"; }
  eval "$1"
}

# Waits for file $1 for $2 seconds.
wait_for() {
  tries=0
  while [ ! -s "$1" ] && [ "$tries" -lt 5 ]; do
    sleep 0.1 2>/dev/null || nap 1
    tries=$((tries + 1))
  done
  tries=0
  while [ ! -s "$1" ] && [ "$tries" -lt "$2" ]; do
    nap 1
    tries=$((tries + 1))
  done
  [ -s "$1" ]
}

# Sleeps, or, where there is no sleep, waits for the command that runs.
nap() {
  if have sleep; then
    sleep "$1"
  else
    wait "$job" 2>/dev/null
  fi
}

run_here() {
  mark "$N: $command"
  note_down "ACTION $N: $command"
  (
    (execute "$command") >"$OUT/out.tmp" 2>"$OUT/err.tmp" </dev/null
    echo $? >"$OUT/rc-$N.tmp"
  ) &
  job=$!
  wait_for "$OUT/rc-$N.tmp" "$limit"
  indented stdout "$OUT/out.tmp"
  indented stderr "$OUT/err.tmp"
  if value_of "$OUT/rc-$N.tmp"; then
    rc=$value
    # Some shells say 2 of a file that they cannot open, others 1.
    [ "$rc" = 2 ] && grep -q ': cannot create ' "$OUT/err.tmp" 2>/dev/null && rc=1
    look_at_clock
    printf '    -> rc=%s (done at %s)\n' "$rc" "$uptime" >>"$OUT/actions.txt"
  else
    missing "command $N: it did not end within $limit s and was left behind"
  fi
}

run_beside() {
  mark "$N: (background) $command"
  note_down "ACTION $N (background, output in bg-$N.txt): $command"
  (
    (execute "$command") >"$OUT/bg-$N.txt" 2>&1 </dev/null
    echo $? >"$OUT/rc-$N.tmp"
  ) &
  job=$!
  pending="$pending $N"
}

# Notes which commands in the background have ended; waits $1 seconds for each.
look_for_ended() {
  rest=
  for n in $pending; do
    if wait_for "$OUT/rc-$n.tmp" "$1" && value_of "$OUT/rc-$n.tmp"; then
      note_down "BACKGROUND $n finished rc=$value"
      indented bg "$OUT/bg-$n.txt"
    else
      rest="$rest $n"
    fi
  done
  pending=$rest
}

run_all() {
  for command in "$@"; do
    N=$((N + 1))
    have tr && command=$(printf '%s' "$command" | tr '\n' ' ')
    command=${command%"${command##*[! ]}"}
    case $command in
    *'&&') run_here ;;
    *'&')
      command=${command%&}
      command=${command%"${command##*[! ]}"}
      run_beside
      ;;
    *) run_here ;;
    esac
    [ "$settle" = 0 ] || nap "$settle"
    [ -z "$pending" ] || look_for_ended 0
    snapshot "$N"
  done
  [ -z "$pending" ] || look_for_ended 5
  for n in $pending; do
    missing "command $n: it still runs"
  done
}

# ---- begin and end ----

mount_all() {
  [ -n "$may_mount" ] || return
  if [ ! -e "$SYS/kernel/debug/devices_deferred" ] && [ -d "$SYS/kernel/debug" ]; then
    mount -t debugfs none "$SYS/kernel/debug" 2>/dev/null && mounted="$SYS/kernel/debug"
  fi
  if [ ! -e "$SYS/kernel/tracing/trace" ] && [ -d "$SYS/kernel/tracing" ]; then
    mount -t tracefs none "$SYS/kernel/tracing" 2>/dev/null &&
      mounted="$SYS/kernel/tracing $mounted"
  fi
}

write_notes() {
  {
    printf '# Recorded by reprobe capture\n\n'
    printf 'kernel %s, %s commands\n' "$release" "$N"
    if [ -s "$OUT/missing.txt" ]; then
      printf '\nNot recorded:\n\n'
      each_missing '- '
    fi
  } >"$OUT/NOTES.md"
}

finish() {
  [ -z "$ended" ] || return
  ended=1
  stop_kprobes
  if [ -n "$reader" ]; then
    have sleep && sleep 1
    kill "$reader" 2>/dev/null
    wait "$reader" 2>/dev/null
    reader=
  fi
  write_log
  [ -s "$OUT/dmesg.txt" ] || missing 'kernel log: neither /dev/kmsg nor dmesg gives one'
  for one in $mounted; do
    umount "$one" 2>/dev/null
  done
  write_notes
  if have gzip; then
    for one in kmsg.txt machine-pci-config.txt; do
      [ -f "$OUT/$one" ] && gzip -f "$OUT/$one"
    done
  fi
  printf 'recorded in %s: %s commands\n' "$OUT" "$N" >&2
  if [ -s "$OUT/missing.txt" ]; then
    printf 'not recorded:\n' >&2
    each_missing '  ' >&2
  fi
  printf 'look at it before you share it: it has names and addresses of this machine\n' >&2
  rm -f "$OUT"/*.tmp "$OUT/missing.txt"
}

while [ $# -gt 0 ]; do
  case $1 in
  --kprobes) kprobes=1 ;;
  --mount) may_mount=1 ;;
  --settle | --limit)
    case ${2:-x} in *[!0-9]*) usage ;; esac
    if [ "$1" = --settle ]; then settle=$2; else limit=$2; fi
    shift
    ;;
  -*) usage ;;
  *) break ;;
  esac
  shift
done
OUT=${1:-}
[ -n "$OUT" ] || usage
shift
if [ $# -gt 0 ]; then
  [ "$1" = -- ] || usage
  shift
fi

if ! { [ -d "$OUT" ] || mkdir -p "$OUT" 2>/dev/null; } || ! printf '' 2>/dev/null >>"$OUT/missing.txt"; then
  printf 'capture: %s cannot be written\n' "$OUT" >&2
  exit 1
fi
if [ -e "$OUT/actions.txt" ]; then
  printf 'capture: %s has a recording already; name another folder\n' "$OUT" >&2
  exit 1
fi
value_of "$PROC/sys/kernel/osrelease" || value=$(uname -r 2>/dev/null)
release=${value:-unknown}
value_of "$PROC/sys/kernel/version" || value=
name=${OUT##*/}
case $name in '' | *[!A-Za-z0-9._-]*) name=capture ;; esac
printf '# session %s kernel %s %s\n' "$name" "$release" "$value" >"$OUT/actions.txt"
printf '%s\n' "$@" >"$OUT/session.sh"
trap 'finish; exit 130' INT TERM HUP
[ "$(id -u 2>/dev/null)" = 0 ] || missing 'some files: this is not root, who alone may read them'
replace_missing_tools
note_down 'INIT started'
mount_all
start_log
describe_machine
[ -z "$kprobes" ] || start_kprobes
snapshot 0
run_all "$@"
snapshot end
finish
exit 0
