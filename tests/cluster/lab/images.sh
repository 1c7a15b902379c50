# shellcheck shell=bash disable=SC2154 # the names come from settings.sh
# The images: one static program each, on an empty root. A registry is neither needed nor asked.

nobody=65532:65532
target=x86_64-unknown-linux-gnu

make_images() {
  mkdir -p "$images"
  [[ $images/pause -nt $cluster/pause.c ]] || cc -static -Os -s -o "$images/pause" "$cluster/pause.c" || refuse "pause.c cannot be compiled: cc -static needs libc6-dev"
  # The operator starts some programs by their path: all lie where upstream's images have them.
  image pause:lab "/pause=$images/pause"
  image busybox:lab "/bin/busybox=$debian/bin/busybox"
  image coredns:lab "/coredns=$tools/coredns"
  image metrics-server:lab "/metrics-server=$tools/metrics-server"
  image prometheus-operator:lab "/bin/operator=$tools/prometheus-operator"
  image prometheus-config-reloader:lab "/bin/prometheus-config-reloader=$tools/prometheus-config-reloader"
  image prometheus:lab "/bin/prometheus=$tools/prometheus"
  image alertmanager:lab "/bin/alertmanager=$tools/alertmanager"
  make_our_images
}

# Exporters, sidecars and the shop: what the Containerfile makes of each, built with `release` since that builds quicker than `dist`.
make_our_images() {
  local packages=() folder package binaries
  for folder in "$workspace"/{exporters,sidecars}/* "$workspace"/tests/{shop,pod-state}; do
    [[ -f $folder/Cargo.toml ]] && packages+=("$(sed -n 's/^name = "\(.*\)"/\1/p' "$folder/Cargo.toml" | head -1)")
  done
  # With a target named, the flags are those of the programs alone and not of their build scripts.
  (cd "$workspace" && RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --quiet --profile "${profile/debug/dev}" --target $target "${packages[@]/#/--package=}") ||
    refuse "our own programs cannot be built: ${packages[*]}"
  binaries=$(cd "$workspace" && cargo metadata --locked --no-deps --format-version 1 | grep -o '"target_directory":"[^"]*"' | cut -d'"' -f4)/$target/$profile
  for package in "${packages[@]}"; do
    image "$package:lab" "/sidelight=$binaries/$package"
    say "$package is $(stat -c %s "$binaries/$package") bytes"
  done
}

# image NAME PATH=FILE: packs it, unless the archive is of this very file already.
image() {
  local file=${2#*=} archive=$images/${1%:*}.tar stamp
  stamp="$* $(stat -c '%s %y' "$file")"
  wanted_images+=("$archive")
  [[ -f $archive && $(cat "$archive.stamp" 2>/dev/null) == "$stamp" ]] && return
  "$cluster/pack" "$archive" "docker.io/sidelights/$1" $nobody "$2" || refuse "the image $1 cannot be packed"
  echo "$stamp" >"$archive.stamp"
}

# Into the store of each node, still packed: it unpacks what it comes to run.
import_images() {
  local node=$1 archive
  for archive in "${wanted_images[@]}"; do
    inside "$node" "$tools/ctr" --namespace k8s.io images import --no-unpack "$archive" >>"$lab/logs/import-$node" 2>&1
  done
}
