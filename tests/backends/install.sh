#!/usr/bin/env bash
# Installs the real servers that `cargo test --test backends --features cli` talks to, from their Go modules:
#   otelcol       OpenTelemetry Collector, a distribution built with the Collector Builder
#   telemetrygen  the Collector project's load generator, an OTLP client independent of ours
#   jaeger        Jaeger v2 (its API is complete; its web page is a placeholder)
#   prometheus    Prometheus with its OTLP receiver, without service discovery
#   promtool      Prometheus' tool that checks and tests rule files
#   prometheus-debian
#                 the older Prometheus of Debian's stable release, which is scraped and takes no OTLP
#   alertmanager, alertmanager-0.25
#                 Alertmanager of today and of 2022 (the API is complete; today's web page is a placeholder)
#   amtool        Alertmanager's tool that checks its files
#   compose-spec, kustomize, kubernetes-validate
#                 readers of compose files and of Kubernetes' manifests
#   python-aiosmtpd
#                 Python with aiosmtpd, on which smtp_server.py runs
#
# Usage: install.sh [NAME...]
# They go into ${BELLWETHER_BACKENDS:-${XDG_CACHE_HOME:-$HOME/.cache}/bellwether-backends}/bin, where the tests look.
# What is there already is kept; all take about 15 minutes on two cores, once. Needs Go 1.25 or newer and its
# module proxy; for aiosmtpd Python 3.9 or newer, with venv, and its package index.
set -euo pipefail

dir=${BELLWETHER_BACKENDS:-${XDG_CACHE_HOME:-$HOME/.cache}/bellwether-backends}
bin=$dir/bin
all=(otelcol telemetrygen jaeger prometheus promtool prometheus-debian alertmanager alertmanager-0.25 amtool
  compose-spec kustomize kubernetes-validate python-aiosmtpd)
names=("$@")
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")

collector=v0.159.0
telemetrygen=v0.161.0
providers=v1.65.0
jaeger=v1.62.0
# The module's version of Prometheus 3.14.
prometheus=v0.314.0
alertmanager=v0.33.1
old_alertmanager=v0.25.0
aiosmtpd=1.4.6
compose_go=v2.9.1
kustomize=v5.8.1
kubernetes_validate=1.37.0

export GOTOOLCHAIN=local GOFLAGS=-trimpath CGO_ENABLED=0

need_go() {
  command -v go >/dev/null || { echo "install.sh: Go is not installed; Go 1.25 or newer is needed" >&2; exit 69; }
  local version
  version=$(go env GOVERSION)
  [ "$(printf '%s\n' go1.25 "$version" | sort -V | head -n 1)" = go1.25 ] ||
    { echo "install.sh: $version is too old; Go 1.25 or newer is needed" >&2; exit 69; }
}

build_otelcol() {
  local work=$dir/otelcol-build core=go.opentelemetry.io/collector
  local contrib=github.com/open-telemetry/opentelemetry-collector-contrib
  mkdir -p "$work"
  GOBIN=$bin go install "$core/cmd/builder@$collector"
  cat >"$work/manifest.yaml" <<YAML
dist: {module: bellwether.test/otelcol, name: otelcol, output_path: $work/out}
receivers:
  - {gomod: $core/receiver/otlpreceiver $collector}
processors:
  - {gomod: $core/processor/batchprocessor $collector}
  - {gomod: $core/processor/memorylimiterprocessor $collector}
exporters:
  - {gomod: $core/exporter/otlpexporter $collector}
  - {gomod: $core/exporter/otlphttpexporter $collector}
  - {gomod: $core/exporter/debugexporter $collector}
  - {gomod: $core/exporter/nopexporter $collector}
  - {gomod: $contrib/exporter/fileexporter $collector}
  - {gomod: $contrib/exporter/prometheusexporter $collector}
  - {gomod: $contrib/exporter/loadbalancingexporter $collector}
connectors:
  - {gomod: $contrib/connector/spanmetricsconnector $collector}
extensions:
  - {gomod: $contrib/extension/healthcheckextension $collector}
providers:
  - {gomod: $core/confmap/provider/envprovider $providers}
  - {gomod: $core/confmap/provider/fileprovider $providers}
  - {gomod: $core/confmap/provider/yamlprovider $providers}
YAML
  "$bin/builder" --config "$work/manifest.yaml"
  install "$work/out/otelcol" "$bin/otelcol"
}

build_telemetrygen() {
  GOBIN=$bin go install "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@$telemetrygen"
}

# A program whose go.mod has a replace cannot be installed by `go install`: it is built as a tool of a module of our own.
build_tool() { # NAME VERSION REPLACE FLAGS PACKAGE
  local work=$dir/$1-build version=$2 replace=$3 flags=$4 package=$5
  mkdir -p "$work"
  printf 'module bellwether.test/tool\ngo 1.25.0\nreplace %s\n' "$replace" >"$work/go.mod"
  rm -f "$work/go.sum"
  (cd "$work" && go get -tool "$package@$version" && go build $flags -ldflags='-s -w' -o "$bin/" "$package")
}

build_jaeger() {
  build_tool jaeger "$jaeger" 'github.com/Shopify/sarama => github.com/Shopify/sarama v1.33.0' '' \
    github.com/jaegertracing/jaeger/cmd/jaeger
}

build_prometheus() { build_of_prometheus prometheus; }
build_promtool() { build_of_prometheus promtool; }
build_of_prometheus() {
  build_tool "$1" "$prometheus" 'cloud.google.com/go => cloud.google.com/go v0.123.0' -tags=remove_all_sd \
    "github.com/prometheus/prometheus/cmd/$1"
}

# From the package archive, whose signatures apt checks; nothing is installed.
build_prometheus-debian() {
  local work=$dir/prometheus-debian
  rm -rf "$work"
  mkdir -p "$work"
  (cd "$work" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; })
  dpkg-deb -x "$work"/prometheus_*.deb "$work"
  rm "$work"/*.deb
  ln -sf "$work/usr/bin/prometheus" "$bin/prometheus-debian"
}

# Its module lacks the web page, which is built by other means, and does not compile without one.
build_alertmanager() {
  local work=$dir/alertmanager-build source
  source=$(go mod download -json "github.com/prometheus/alertmanager@$alertmanager" |
    sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
  rm -rf "$work"
  cp -R "$source" "$work"
  chmod -R u+w "$work"
  mkdir -p "$work/ui/app/dist"
  echo '<!doctype html>' >"$work/ui/app/dist/index.html"
  (cd "$work" && go build -ldflags='-s -w' -o "$bin/alertmanager" ./cmd/alertmanager)
  rm -rf "$work"
}

build_alertmanager-0.25() {
  local work=$dir/alertmanager-0.25-build
  GOBIN=$work go install -ldflags='-s -w' "github.com/prometheus/alertmanager/cmd/alertmanager@$old_alertmanager"
  mv "$work/alertmanager" "$bin/alertmanager-0.25"
  rmdir "$work"
}

build_amtool() {
  GOBIN=$bin go install -ldflags='-s -w' "github.com/prometheus/alertmanager/cmd/amtool@$alertmanager"
}

build_compose-spec() {
  local work=$dir/compose-build
  GOBIN=$work go install "github.com/compose-spec/compose-go/v2/cmd@$compose_go"
  mv "$work/cmd" "$bin/compose-spec"
  rmdir "$work"
}

build_kustomize() {
  GOBIN=$bin go install -ldflags='-s -w' "sigs.k8s.io/kustomize/kustomize/v5@$kustomize"
}

build_kubernetes-validate() {
  local home=$dir/kubernetes-validate
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet "kubernetes-validate==$kubernetes_validate"
  ln -sf "$home/bin/kubernetes-validate" "$bin/kubernetes-validate"
}

build_python-aiosmtpd() {
  local home=$dir/aiosmtpd
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet "aiosmtpd==$aiosmtpd"
  # A link would be Python without the environment's packages.
  printf '#!/bin/sh\nexec "%s/bin/python" "$@"\n' "$home" >"$bin/python-aiosmtpd"
  chmod +x "$bin/python-aiosmtpd"
}

need_python() {
  command -v python3 >/dev/null || { echo "install.sh: Python is not installed; Python 3.9 or newer is needed" >&2; exit 69; }
}

need_debian() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    { echo "install.sh: not a Debian; put a Prometheus 2 at $bin/prometheus-debian" >&2; exit 69; }
}

mkdir -p "$bin"
for name in "${names[@]}"; do
  [[ " ${all[*]} " == *" $name "* ]] || { echo "install.sh: no server $name" >&2; exit 64; }
  [ -x "$bin/$name" ] && continue
  case $name in python-* | kubernetes-validate) need_python ;; *-debian) need_debian ;; *) need_go ;; esac
  echo "install.sh: building $name (minutes, once)" >&2
  "build_$name" >&2
done
echo "$bin"
