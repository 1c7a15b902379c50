# shellcheck shell=bash disable=SC2034 # what the other parts of the lab agree on; most of it is used there
# Sourced first by every command of the lab.

workspace=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
cluster=$workspace/tests/cluster
command=$cluster/$(basename "$0")

name=lab
nodes=1
profile=release
prepare=
filter=()

# What is built or unpacked once and kept, and what a lab writes while it is up.
cache=${SIDELIGHTS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sidelights}
export SIDELIGHTS_TOOLS=${SIDELIGHTS_TOOLS:-$cache/bin}
tools=$SIDELIGHTS_TOOLS
debian=$cache/debian
images=$cache/images

# Every lab has the same addresses: it has its own network.
domain=cluster.local
dns_address=10.96.0.10
service_range=10.96.0.0/16
node_address() { echo "172.30.0.$(($1 + 1))"; }
pod_range() { echo "10.244.$1.0/24"; }
api_server="https://$(node_address 0):6443"

# A node is called after its lab, so that two labs do not look alike.
node_name() { echo "$name-$1"; }
every_node() { seq 0 $((nodes - 1)); }

kubernetes_part=$workspace/tests/tools/kubernetes
module_version() { awk -v module="$2" '$1 == module || $2 == module { print $($1 == module ? 2 : 3); exit }' "$workspace/tests/tools/$1/go.mod"; }

say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

# What is wrong with the machine or the command line, as against with the cluster: one line, and exit code 2.
refuse() {
  echo "tests/cluster: $*" >&2
  exit 2
}

# fail WHAT LOG...: what is wrong with the lab, and the last that was said of it.
fail() {
  echo "tests/cluster: $1: $(tail -q -n 1 "${@:2}")" >&2
  exit 1
}

usage() {
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$command" >&2
  exit 2
}

read_arguments() {
  while (($#)); do
    case $1 in
      --name) name=${2:-} && shift ;;
      --nodes) nodes=${2:-} && shift ;;
      --debug) profile=debug ;;
      --prepare) prepare=yes ;;
      --) filter=("${@:2}") && break ;;
      *) usage ;;
    esac
    shift || usage
  done
  [[ $name =~ ^[a-z][a-z0-9]{0,14}$ ]] || refuse "--name takes a lower-case letter and then up to 14 letters and digits, not '$name'"
  [[ $nodes =~ ^[1-9]$ ]] || refuse "--nodes takes 1 to 9, not '$nodes'"
  lab=$cache/labs/$name
  control_groups=sidelights-$name
}
