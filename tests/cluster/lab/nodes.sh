# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# A node is a process that holds a network and a mount namespace; the kernel takes both away with the last process in them, and with
# them every interface, rule and mount that was made there.

make_nodes() {
  local node other
  for node in $(every_node); do make_node "$node"; done
  for node in $(every_node); do await 10 "node $node has its namespaces" test -e "$lab/node-$node/var/ready"; done
  inside 0 ip link add nodes type bridge
  for node in $(every_node); do connect_node "$node"; done
  for node in $(every_node); do
    for other in $(every_node); do
      ((node == other)) || inside "$node" ip route add "$(pod_range "$other")" via "$(node_address "$other")"
    done
  done
}

# Kubelet and containerd write into fixed places below /var and /run; with its own of each, a node is a machine to them. The kernel
# settings that a kubelet insists on are the whole machine's: it is shown files that have the wanted values.
make_node() {
  local folder=$lab/node-$1 setting
  mkdir -p "$folder/var" "$folder/settings"
  make_control_group "$control_groups/node-$1"
  {
    echo 'set -e'
    echo 'mount --make-rshared /'
    while read -r setting value; do
      echo "$value" >"$folder/settings/$(basename "$setting")"
      echo "mount --bind $folder/settings/$(basename "$setting") /proc/sys/$setting"
    done <<<'vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000'
    echo "mount --bind $folder/var /var"
    echo 'mount -t tmpfs -o mode=755 run /run'
    echo 'ip link set lo up'
    echo 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    echo 'touch /var/ready'
    echo 'exec sleep infinity'
  } >"$folder/begin"
  {
    echo '#!/bin/sh'
    for hierarchy in cpu memory pids; do echo "echo \$\$ >/sys/fs/cgroup/$hierarchy/$control_groups/processes/cgroup.procs"; done
    echo "echo \$\$ >$lab/processes/node-$1.pid"
    echo "exec unshare --net --mount --propagation slave sh $folder/begin"
  } >"$lab/processes/node-$1"
  chmod +x "$lab/processes/node-$1"
  start_again "node-$1"
}

# Node 0 holds the bridge between the nodes; each has a cable to it, node 0 too: without one the bridge would have no carrier.
connect_node() {
  local pid
  pid=$(cat "$lab/processes/node-$1.pid")
  inside 0 ip link add "port$1" type veth peer name cable netns "$pid"
  inside 0 ip link set "port$1" master nodes up
  inside "$1" ip link set cable up
  if (($1 == 0)); then
    inside 0 ip link set nodes up
    inside 0 ip address add "$(node_address 0)/24" dev nodes
    # Leads nowhere; but some programs take the address for theirs that a default route has.
    inside 0 ip route add default dev nodes
  else
    inside "$1" ip address add "$(node_address "$1")/24" dev cable
    inside "$1" ip route add default via "$(node_address 0)"
  fi
}

# containerd, kubelet and kube-proxy of one node.
start_node() {
  local node=$1 folder=$lab/node-$1
  mkdir -p "$folder/network"
  containerd_settings "$folder" >"$folder/containerd.toml"
  network_settings "$node" >"$folder/network/10-pods.conflist"
  kubelet_settings "$node" >"$folder/kubelet.yaml"
  kube_proxy_settings >"$folder/kube-proxy.yaml"
  kubeconfig "kubelet-$node"
  start "containerd-$node" "$node" env "PATH=$tools:$PATH" "$tools/containerd" --config="$folder/containerd.toml"
  start "kube-proxy-$node" "$node" "$tools/kube-proxy" --config="$folder/kube-proxy.yaml" --hostname-override="$(node_name "$node")"
  await 20 "containerd of node $node answers" inside "$node" "$tools/ctr" version
  start "kubelet-$node" "$node" "$tools/kubelet" --config="$folder/kubelet.yaml" --kubeconfig="$lab/access/kubelet-$node" \
    --hostname-override="$(node_name "$node")" --node-ip="$(node_address "$node")"
}

# Without CAP_SYS_RESOURCE nobody may lower a process' oom_score_adj: hence the first setting.
containerd_settings() {
  cat <<EOF
version = 3

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = '$(command -v runc)'
      SystemdCgroup = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['$debian/usr/lib/cni']
    conf_dir = '$1/network'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'docker.io/sidelights/pause:lab'
EOF
}

network_settings() {
  cat <<EOF
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "pods",
      "isGateway": true,
      "hairpinMode": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "$(pod_range "$1")"}]], "routes": [{"dst": "0.0.0.0/0"}]}
    }
  ]
}
EOF
}

# Images cannot be fetched again and the disk is not the node's: nothing is collected or evicted for want of disk.
kubelet_settings() {
  cat <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_address "$1")
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $lab/access/authority.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$control_groups/node-$1
clusterDNS: [$dns_address]
clusterDomain: $domain
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
enforceNodeAllocatable: []
evictionHard: {memory.available: 100Mi}
failCgroupV1: false
failSwapOn: false
imageGCHighThresholdPercent: 100
localStorageCapacityIsolation: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
resolvConf: $lab/resolv.conf
shutdownGracePeriod: 0s
volumePluginDir: /var/lib/kubelet/plugins
EOF
}

# It ends when its file changes, so each has its own. Connection tracking's size is the whole machine's: left alone.
kube_proxy_settings() {
  cat <<EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $lab/access/kube-proxy}
conntrack: {maxPerCore: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}
oomScoreAdj: 0
EOF
}
