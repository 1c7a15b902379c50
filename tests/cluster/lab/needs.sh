# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# What the machine must have. Everything that is missing is named, one line each.

# A lab of nine nodes; and the Go modules and build cache of all programs, where there are none yet.
free_gigabytes=6
free_gigabytes_to_build=12

# What nobody can install.
need_of_the_machine() {
  [[ $(uname -s) == Linux ]] || need "Linux"
  ((EUID == 0)) || need "root: containers, namespaces and control groups are made directly"
  [[ -w /sys/fs/cgroup/cpu && -w /sys/fs/cgroup/memory && -w /sys/fs/cgroup/pids ]] ||
    need "control groups of version 1 in /sys/fs/cgroup, to write to (a machine with version 2 alone was not tried)"
  # Each in a child with namespaces of its own, which end with it.
  if ((EUID == 0)); then
    unshare --net true 2>/dev/null || need "network namespaces in the kernel"
    unshare --mount true 2>/dev/null || need "mount namespaces in the kernel"
    unshare --net sh -c 'ip link add one type bridge && ip link add two type veth' >/dev/null 2>&1 || need "bridge and veth devices in the kernel"
    grep -qw overlay /proc/filesystems || need "overlayfs in the kernel"
  fi
}

needs() {
  local missing=() folder modules
  need_of_the_machine
  command -v go >/dev/null || need "Go, for Kubernetes and what runs in it"
  command -v cargo >/dev/null || need "cargo, for our own images"
  for program in cc openssl tar sha256sum nsenter unshare ip; do
    command -v "$program" >/dev/null || need "the program $program"
  done
  [[ -d $debian/usr/lib/cni ]] || command -v apt-get >/dev/null || need "apt-get and Debian's packages, for etcd and the network plugins"
  # A node has a /var and a /run of its own, which hide the machine's.
  case $cache/ in /var/* | /run/*) need "a cache folder outside /var and /run: set SIDELIGHTS_CACHE" ;; esac
  modules=$(go env GOMODCACHE 2>/dev/null)/k8s.io/kubernetes@$(module_version kubernetes k8s.io/kubernetes)
  [[ -x $tools/metrics-server || -d $modules ]] || free_gigabytes=$free_gigabytes_to_build
  folder=$cache
  until [[ -d $folder ]]; do folder=$(dirname "$folder"); done
  (($(df --output=avail -k "$folder" | tail -1) >= free_gigabytes * 1024 * 1024)) ||
    need "$free_gigabytes GB free on the disk of $folder: there are $(df --output=avail -h "$folder" | tail -1 | tr -d ' ')"
  [[ -z $(leftovers) ]] ||
    need "the name '$name' to be free: there is such a lab, or what a killed one left; tests/cluster/down --name $name"

  refuse_what_is_missing
}

need() { missing+=("needs $*"); }

refuse_what_is_missing() {
  ((${#missing[@]} == 0)) && return
  printf 'tests/cluster: %s\n' "${missing[@]}" >&2
  exit 2
}
