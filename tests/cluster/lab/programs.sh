# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# Others' programs: from pinned Go modules, and from Debian's packages.

built=(kube-apiserver kube-controller-manager kubelet kube-scheduler kube-proxy kubectl containerd containerd-shim-runc-v2 ctr
  coredns metrics-server prometheus-operator prometheus-config-reloader prometheus alertmanager enforcer)

get_programs() {
  local log=$cache/programs.log
  install_packages
  if ! "$workspace/tests/tools/build" "${built[@]}" 2>&1 | tee "$log"; then
    refuse "$(sed -n 's/: building .*//p' "$log" | tail -1) cannot be built: $(tail -2 "$log" | paste -sd ' ')"
  fi
  get_resource_definitions
}

# runc and nft bring libraries, so they are installed. The others are unpacked: etcd's package would start a server on its port, and
# busybox-static takes busybox' place.
install_packages() {
  local wanted=() log=$cache/packages.log
  command -v runc >/dev/null || wanted+=(runc)
  command -v nft >/dev/null || wanted+=(nftables)
  if ((${#wanted[@]})); then
    say "installing ${wanted[*]}"
    with_package_lists apt-get install -q -y --no-install-recommends "${wanted[@]}" >"$log" 2>&1 ||
      refuse "Debian's ${wanted[*]} cannot be installed: $(tail -1 "$log")"
  fi
  [[ -d $debian ]] && return
  say "unpacking etcd-server, containernetworking-plugins and busybox-static"
  rm -rf "$debian.new" && mkdir -p "$debian.new"
  (cd "$debian.new" && with_package_lists apt-get download -q etcd-server containernetworking-plugins busybox-static) >"$log" 2>&1 ||
    refuse "Debian's etcd-server, containernetworking-plugins or busybox-static cannot be had: $(tail -1 "$log")"
  for package in "$debian.new"/*.deb; do dpkg -x "$package" "$debian.new" && rm "$package"; done
  mv "$debian.new" "$debian"
}

# Lists of packages may be old or absent; they are asked for only when the first try fails.
with_package_lists() { "$@" || { apt-get update -q && "$@"; }; }

# The operator's module carries its custom resource definitions as files.
get_resource_definitions() {
  local version module
  version=$(module_version prometheus-operator github.com/prometheus-operator/prometheus-operator)
  definitions=$cache/resource-definitions/$version
  [[ -d $definitions ]] && return
  module=$(cd "$workspace/tests/tools/prometheus-operator" && go list -m -f '{{.Dir}}' github.com/prometheus-operator/prometheus-operator)
  mkdir -p "$(dirname "$definitions")" && rm -rf "$definitions.new"
  cp -r "$module/example/prometheus-operator-crd" "$definitions.new" && chmod -R u+w "$definitions.new"
  mv "$definitions.new" "$definitions"
}

print_versions() {
  echo "       kubernetes $(module_version kubernetes k8s.io/kubernetes), containerd $(module_version containerd github.com/containerd/containerd/v2)," \
    "coredns $(module_version coredns github.com/coredns/coredns), metrics-server $(module_version metrics-server sigs.k8s.io/metrics-server)"
  echo "       prometheus-operator $(module_version prometheus-operator github.com/prometheus-operator/prometheus-operator)," \
    "prometheus $(module_version prometheus github.com/prometheus/prometheus), alertmanager $(module_version alertmanager github.com/prometheus/alertmanager)"
  echo "       etcd $("$debian/usr/bin/etcd" --version | sed -n 's/^etcd Version: //p'), $(runc --version | head -1), $(nft --version), kernel $(uname -r), $(go env GOVERSION)"
}
