# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# What runs in the cluster before anybody's own: DNS, metrics-server, and Prometheus with its operator, named as kube-prometheus-stack
# names them for a release called `prometheus`.

apply_add_ons() {
  {
    kubectl create -f "$definitions"
    kubectl wait --for=condition=Established crd --all --timeout=30s
    kubectl apply -k "$cluster/manifests"
  } >>"$lab/logs/add-ons" 2>&1
}

await_add_ons() {
  await 120 "every node is Ready" all_nodes_ready
  await 180 "DNS runs" kubectl -n kube-system rollout status deployment/coredns --timeout=2s
  await 180 "metrics-server runs" kubectl -n kube-system rollout status deployment/metrics-server --timeout=2s
  await 180 "the Prometheus Operator runs" kubectl -n monitoring rollout status deployment/prometheus-kube-prometheus-operator --timeout=2s
  await 180 "Prometheus runs" kubectl -n monitoring wait --for=condition=Available prometheus/prometheus-kube-prometheus-prometheus --timeout=2s
  await 180 "Alertmanager runs" kubectl -n monitoring wait --for=condition=Available alertmanager/prometheus-kube-prometheus-alertmanager --timeout=2s
}

all_nodes_ready() {
  [[ $(kubectl get nodes -o name | wc -l) == "$nodes" ]] && kubectl wait --for=condition=Ready nodes --all --timeout=2s
}
