# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# The lab's processes: each has a file that starts it, and all of them and all containers are below one control group. What is to be
# ended is read from there and nowhere else: a number written down may be another process's by then.

# The hierarchies of control groups, those that cannot hold processes of their own accord included.
hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts; }

make_control_group() {
  local hierarchy folder
  for hierarchy in $(hierarchies); do
    folder=$hierarchy/$1
    mkdir -p "$folder"
    [[ -f $folder/cpuset.cpus ]] || continue
    # A new cpuset is empty, and nothing can be put into an empty one, nor into one below it.
    until [[ $(dirname "$folder") == "$hierarchy" ]]; do folder=$(dirname "$folder"); done
    cat "$hierarchy/cpuset.cpus" >"$folder/cpuset.cpus" && cat "$hierarchy/cpuset.mems" >"$folder/cpuset.mems"
    cat "$hierarchy/cpuset.cpus" >"$hierarchy/$1/cpuset.cpus" && cat "$hierarchy/cpuset.mems" >"$hierarchy/$1/cpuset.mems"
  done
}

# start NAME NODE COMMAND...: on the node, which is to say in its network and with its /var and /run.
start() {
  local file=$lab/processes/$1
  {
    echo '#!/bin/sh'
    echo "# $1 on node $2; tests/cluster/process stops and starts it."
    for hierarchy in cpu memory pids; do echo "echo \$\$ >/sys/fs/cgroup/$hierarchy/$control_groups/processes/cgroup.procs"; done
    echo "echo \$\$ >$lab/processes/$1.pid"
    printf 'exec nsenter --target=%s --net --mount --wd=/ --' "$(cat "$lab/processes/node-$2.pid")"
    shift 2
    printf ' %q' "$@"
  } >"$file"
  chmod +x "$file"
  start_again "$(basename "$file")"
}

# Disowned: the shell would tell of its end.
start_again() { setsid "$lab/processes/$1" </dev/null >>"$lab/logs/$1" 2>&1 & disown; }

# join: this shell, and what it comes to run, is the lab's from now on, and goes with it.
join() { echo "$BASHPID" >"/sys/fs/cgroup/pids/$control_groups/processes/cgroup.procs"; }

# inside NODE COMMAND...: a command that ends by itself.
inside() {
  (join && exec nsenter --target="$(cat "$lab/processes/node-$1.pid")" --net --mount --wd=/ -- "${@:2}")
}

# Prints the process's number, if it runs and is the lab's.
running() {
  local pid
  pid=$(cat "$lab/processes/$1.pid" 2>/dev/null) && grep -qx "$pid" "/sys/fs/cgroup/pids/$control_groups/processes/cgroup.procs" && echo "$pid"
}

# stop NAME: asks, and after ten seconds insists.
stop() {
  local pid tries
  pid=$(running "$1") || return 0
  kill -TERM "$pid"
  for tries in {1..100}; do
    running "$1" >/dev/null || return 0
    sleep 0.1
  done
  say "$1 did not end by itself in $((tries / 10)) s"
  end_at_once "$1"
}

end_at_once() {
  local pid
  pid=$(running "$1") || return 0
  kill -KILL "$pid"
  while running "$1" >/dev/null; do sleep 0.05; done
}

# await SECONDS WHAT COMMAND...: until the command succeeds. A process of the lab that ends meanwhile ends the wait.
await() {
  local deadline=$((SECONDS + $1)) what=$2 file
  shift 2
  until "$@" >>"$lab/logs/waiting" 2>&1; do
    for file in "$lab"/processes/*.pid; do
      [[ -e $file ]] || continue # none yet
      file=$(basename "$file" .pid)
      running "$file" >/dev/null || fail "$file ended" "$lab/logs/$file"
    done
    ((SECONDS <= deadline)) || fail "gave up waiting until $what" "$lab/logs/waiting"
    sleep 0.2
  done
  say "$what"
}
