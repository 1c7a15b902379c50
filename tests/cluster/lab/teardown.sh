# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# Takes a lab down: the same way whether it is whole, half made, or what a killed command left.

# Groups come and go while they are read.
lab_processes() { { find "/sys/fs/cgroup/pids/$control_groups" -name cgroup.procs -exec cat {} + 2>/dev/null || true; } | sort -un; }

take_down() {
  local hierarchy processes
  # A container's first process takes all others of it along, and a node's last one its network and its mounts.
  for _ in {1..100}; do
    processes=$(lab_processes)
    [[ -n $processes ]] || break
    # shellcheck disable=SC2086 # one argument each
    kill -KILL $processes 2>/dev/null || true
    sleep 0.1
  done
  for hierarchy in $(hierarchies); do
    [[ -d $hierarchy/$control_groups ]] || continue
    for _ in {1..50}; do
      find "$hierarchy/$control_groups" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.1
    done
  done
  rm -rf --one-file-system "$lab"
}

# What there is of a lab of this name, one line each; nothing when there is nothing.
leftovers() {
  local hierarchy process
  for hierarchy in $(hierarchies); do
    [[ ! -d $hierarchy/$control_groups ]] || echo "control group $hierarchy/$control_groups"
  done
  for process in $(lab_processes); do echo "process $process $(tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline")"; done
  awk -v lab="$lab/" 'index($2, lab) == 1 { print "mount " $2 }' /proc/mounts
  [[ ! -e $lab ]] || echo "folder $lab"
}

# Processes that are in a namespace of the lab and not in its control group: `PROCESS NAMESPACE`, sorted. They keep the namespace when the
# lab is gone. Asked before and after, since a namespace's number is given to the next one as soon as it is free.
strangers() {
  local own processes
  processes=$(lab_processes)
  own=$(for process in $processes; do readlink "/proc/$process/ns/net" "/proc/$process/ns/mnt"; done 2>/dev/null |
    sort -u | grep -vxF -e "$(readlink /proc/self/ns/net)" -e "$(readlink /proc/self/ns/mnt)") || return 0
  for process in $(find /proc -maxdepth 1 -name '[0-9]*' -printf '%f\n' | grep -vxF -e "${processes:-none}"); do
    for kind in net mnt; do
      echo "$process $(readlink "/proc/$process/ns/$kind")"
    done
  done 2>/dev/null | grep -F -e "$own" | sort || true
}

# Those of the strangers on standard input that are where they were.
still_there() {
  local process namespace
  while read -r process namespace; do
    [[ -n $process && $(readlink "/proc/$process/ns/${namespace%%:*}" 2>/dev/null) == "$namespace" ]] || continue
    echo "namespace $namespace, held by process $process $(tr '\0' ' ' <"/proc/$process/cmdline")"
  done
}
