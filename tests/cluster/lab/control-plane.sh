# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# etcd, API server, controller manager and scheduler, on node 0; and who may talk to them.

# The API server's one certificate serves it, and is what it shows to kubelets and to servers behind it. The controller manager has one for
# those who ask it for its settings. Everybody else has a token.
make_access() {
  local folder=$lab/access node
  mkdir -p "$folder"
  openssl ecparam -genkey -name prime256v1 -noout -out "$folder/authority.key"
  openssl req -x509 -new -key "$folder/authority.key" -subj "/CN=sidelights-lab" -days 30 -out "$folder/authority.crt"
  certificate api-server /O=system:masters/CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.$domain,IP:${service_range%.0/*}.1"
  certificate controller-manager /CN=kube-controller-manager DNS:kube-controller-manager
  openssl ecparam -genkey -name prime256v1 -noout -out "$folder/service-accounts.key"

  {
    token admin sidelights-admin system:masters
    token kube-controller-manager system:kube-controller-manager
    token kube-scheduler system:kube-scheduler
    token kube-proxy system:kube-proxy
    for node in $(every_node); do token "kubelet-$node" "system:node:$(node_name "$node")" system:nodes; done
  } >"$folder/tokens"
  for who in kube-controller-manager kube-scheduler kube-proxy; do kubeconfig "$who"; done
  kubeconfig admin
  mv "$folder/admin" "$lab/kubeconfig"
}

# certificate NAME SUBJECT NAMES: of a server on node 0, and for it to show as a client.
certificate() {
  local folder=$lab/access
  openssl ecparam -genkey -name prime256v1 -noout -out "$folder/$1.key"
  openssl req -new -key "$folder/$1.key" -subj "$2" -out "$folder/$1.request"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:%s,%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$(node_address 0)" "$3" >"$folder/$1.names"
  openssl x509 -req -in "$folder/$1.request" -CA "$folder/authority.crt" -CAkey "$folder/authority.key" -CAcreateserial -days 30 \
    -extfile "$folder/$1.names" -out "$folder/$1.crt" 2>>"$lab/logs/openssl"
}

# token NAME USER [GROUP]: one line of the API server's token file.
token() { printf '%s,%s,%s%s\n' "$(openssl rand -hex 16)" "$2" "$1" "${3:+,$3}"; }

kubeconfig() {
  cat >"$lab/access/$1" <<EOF
apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: $1}}]
clusters: [{name: lab, cluster: {server: $api_server, certificate-authority: $lab/access/authority.crt}}]
users: [{name: $1, user: {token: $(awk -F, -v name="$1" '$3 == name { print $1 }' "$lab/access/tokens")}}]
EOF
}

start_control_plane() {
  local access=$lab/access
  # The lab does not outlive the machine: what etcd holds need not either.
  start etcd 0 "$debian/usr/bin/etcd" --data-dir=/var/lib/etcd --unsafe-no-fsync --listen-peer-urls=http://127.0.0.1:2380 \
    --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379
  start kube-apiserver 0 "$tools/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --advertise-address="$(node_address 0)" \
    --allow-privileged --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --token-auth-file="$access/tokens" \
    --tls-cert-file="$access/api-server.crt" --tls-private-key-file="$access/api-server.key" \
    --service-cluster-ip-range="$service_range" --service-account-issuer="https://kubernetes.default.svc.$domain" \
    --service-account-key-file="$access/service-accounts.key" --service-account-signing-key-file="$access/service-accounts.key" \
    --kubelet-certificate-authority='' --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$access/api-server.crt" --kubelet-client-key="$access/api-server.key" \
    --proxy-client-cert-file="$access/api-server.crt" --proxy-client-key-file="$access/api-server.key" --enable-aggregator-routing \
    --requestheader-client-ca-file="$access/authority.crt" --requestheader-allowed-names=kube-apiserver \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra-
  await 60 "the API server is ready" kubectl get --raw=/readyz
  # Autoscalers look every five seconds and not every fifteen, for tests that wait for one. It leads by a Lease, as in every real cluster:
  # that is how one from outside sees it start anew. It has a certificate that can be checked, which kubeadm's has not by itself.
  start kube-controller-manager 0 "$tools/kube-controller-manager" --kubeconfig="$access/kube-controller-manager" \
    --authentication-kubeconfig="$access/kube-controller-manager" --authorization-kubeconfig="$access/kube-controller-manager" \
    --tls-cert-file="$access/controller-manager.crt" --tls-private-key-file="$access/controller-manager.key" \
    --use-service-account-credentials --root-ca-file="$access/authority.crt" \
    --service-account-private-key-file="$access/service-accounts.key" --horizontal-pod-autoscaler-sync-period=5s
  start kube-scheduler 0 "$tools/kube-scheduler" --kubeconfig="$access/kube-scheduler" --authentication-kubeconfig="$access/kube-scheduler" \
    --authorization-kubeconfig="$access/kube-scheduler" --leader-elect=false
}

kubectl() { inside 0 env KUBECONFIG="$lab/kubeconfig" HOME="$lab" "$tools/kubectl" "$@"; }
