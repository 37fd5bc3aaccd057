#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the real servers of the tests, the demo and the benchmarks - etcd, kube-apiserver, kube-controller-manager,
# Vault and the APISIX ingress controller - from their Go modules into a cache outside the checkout, and prints the
# folder. `make servers` calls it.
#
#   build.sh              build what is missing, then print the folder
#   build.sh --print-dir  print the folder only, whether it is there or not
#
# The first build takes about 10 minutes on two cores; it is repeated when a module file, a source or the Go version
# changes. The cache is $APISIX_CERTS_CACHE, by default ~/.cache/apisix-certs; old folders in it may be deleted.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
test=$(dirname "$here")
cache=${APISIX_CERTS_CACHE:-$HOME/.cache/apisix-certs}/servers

# The caller's flags must neither miss the build cache nor change what is built.
export GOFLAGS='-buildvcs=false -trimpath -mod=readonly' CGO_ENABLED=0 GOWORK=off
unset GOOS GOARCH GOEXPERIMENT

kube_version=$(sed -n 's|.*k8s.io/kubernetes v\([0-9.]*\).*|\1|p' "$test/kube/go.mod")
sum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

key() {
	cd "$test"
	{
		go version
		find kube vaultserver ingresscontroller servers/guard -type f \( -name '*.go' -o -name go.mod -o -name go.sum \) | LC_ALL=C sort |
			while read -r file; do echo "$file"; cat "$file"; done
		cat servers/build.sh
	} | sum | cut -c1-16
}

say() { echo "servers: $*" >&2; }

# run WHAT TOTAL COMMAND...: runs a `go build -v` and says every ten seconds how many of the packages are done. The
# compiler's messages are kept apart from the package names, and shown when it fails.
run() {
	local what=$1 total=$2 started=$SECONDS status=0 shown=0 pid
	shift 2
	say "$what: $total packages to compile"
	"$@" 2>"$work/log" 9>&- &
	pid=$!
	# A shell without job control keeps the interrupt key from what it runs in the background.
	trap 'kill "$pid" 2>/dev/null || true' EXIT
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if ((SECONDS - started >= shown + 10)); then
			shown=$((SECONDS - started))
			say "$what: $(compiled) of $total packages, ${shown} s"
		fi
	done
	wait "$pid" || status=$?
	trap - EXIT
	if ((status != 0)); then
		grep -Ev '^[A-Za-z0-9._~/-]+$' "$work/log" >&2 || true
		say "$what: failed after $((SECONDS - started)) s"
		exit "$status"
	fi
	say "$what: done in $((SECONDS - started)) s"
}

compiled() { grep -cE '^[A-Za-z0-9._~/-]+$' "$work/log" || true; }

# stale FLAGS... PACKAGES...: how many packages are not in Go's build cache.
stale() { go list -deps -f '{{if .Stale}}.{{end}}' "$@" | grep -c . || true; }

build_kube() {
	cd "$test/kube"
	local packages=(go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager)
	local version=k8s.io/component-base/version.git
	IFS=. read -r major minor _ <<<"$kube_version"
	say "etcd, kube-apiserver, kube-controller-manager $kube_version: reading modules"
	run "etcd, kube-apiserver, kube-controller-manager" "$(stale "${packages[@]}")" go build -v -o "$out/" \
		-ldflags "-s -w -X ${version}Version=v$kube_version -X ${version}Major=$major -X ${version}Minor=$minor" "${packages[@]}"
	mv "$out/server" "$out/etcd"
}

# No published Vault SDK fits the Vault server that needs it: one function type has a parameter more. The module
# cache cannot be overlaid, so a changed copy takes the SDK's place for this build.
build_vault() {
	cd "$test/vaultserver"
	say "vaultserver: reading modules"
	local sdk
	go mod download github.com/hashicorp/vault/sdk # go list knows no folder of what is not there yet
	sdk=$(go list -m -f '{{.Dir}}' github.com/hashicorp/vault/sdk)
	cp -R "$sdk" "$work/sdk"
	chmod -R u+w "$work/sdk"
	sed -i.orig 's/\(ActivationFunc func(context.Context, \*logical.Request\), string) error/\1) error/' "$work/sdk/framework/backend.go"
	if cmp -s "$work/sdk/framework/backend.go" "$work/sdk/framework/backend.go.orig"; then
		say "vaultserver: the SDK has no line to change: is its version new?"
		exit 1
	fi
	cp go.mod "$work/vault.mod"
	cp go.sum "$work/vault.sum"
	go mod edit -replace "github.com/hashicorp/vault/sdk=$work/sdk" "$work/vault.mod"
	run vaultserver "$(stale -modfile "$work/vault.mod" .)" go build -v -modfile "$work/vault.mod" -ldflags '-s -w' -o "$out/vaultserver" .
}

build_ingress_controller() {
	cd "$test/ingresscontroller"
	local package=github.com/apache/apisix-ingress-controller
	say "apisix-ingress-controller: reading modules"
	run apisix-ingress-controller "$(stale "$package")" go build -v -ldflags '-s -w' -o "$out/apisix-ingress-controller" "$package"
}

build_guard() {
	cd "$here/guard"
	go build -ldflags '-s -w' -o "$out/guarded/guard" .
	for server in etcd kube-apiserver kube-controller-manager vaultserver apisix-ingress-controller; do
		ln -s guard "$out/guarded/$server"
	done
}

# envtest wants a file of this name, and runs it only when asked to.
link_kubectl() {
	local kubectl
	if kubectl=$(command -v kubectl); then
		ln -s "$kubectl" "$out/kubectl"
	else
		printf '#!/bin/sh\necho "kubectl is not installed" >&2\nexit 127\n' >"$out/kubectl"
		chmod +x "$out/kubectl"
	fi
}

dir=$cache/$(key)
if [[ ${1:-} == --print-dir || -d $dir ]]; then
	echo "$dir"
	exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
if ! flock -n 9; then
	say "another build is running: waiting for it"
	flock 9
fi
if [[ ! -d $dir ]]; then
	work=$cache/building
	out=$work/out
	rm -rf "$work"
	mkdir -p "$out/guarded"
	build_guard
	build_kube
	build_vault
	build_ingress_controller
	link_kubectl
	mv "$out" "$dir"
	rm -rf "$work"
fi
echo "$dir"
