# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# Takes a lab down: the same way whether it is whole, half made, or what a killed command left.

lab_processes() { find "/sys/fs/cgroup/pids/$control_groups" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un; }

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

# The namespaces that the lab's processes hold beside the machine's own.
lab_namespaces() {
  local process
  for process in $(lab_processes); do
    for kind in net mnt; do readlink "/proc/$process/ns/$kind" || true; done
  done 2>/dev/null | sort -u | grep -vxF -e "$(readlink /proc/self/ns/net)" -e "$(readlink /proc/self/ns/mnt)" || true
}

# Which of those given on standard input anybody still holds.
held_namespaces() {
  local held
  held=$(find /proc/[0-9]*/ns -maxdepth 1 \( -name net -o -name mnt \) -printf '%l\n' 2>/dev/null | sort -u)
  grep -xF -f <(echo "$held") | sed 's/^/namespace /' || true
}
