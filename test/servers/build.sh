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
# etcd, kube-apiserver and kube-controller-manager are copied from $KUBEBUILDER_ASSETS or PATH instead, each where it is
# there in the same minor version (etcd: 3.5 or newer); BUILD_ALL=1 builds them in any case.
#
# The first build takes about 15 minutes on two cores, about 8 of them for what can be copied; it is repeated when a module
# file, a source or the Go version changes. The cache is $APISIX_CERTS_CACHE, by default ~/.cache/apisix-certs; old folders
# in it may be deleted.
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

# fits SERVER FILE: whether FILE is a version of SERVER that the tests can do with.
fits() {
	local version
	version=$("$2" --version 2>/dev/null) || return 1
	case $1 in
	etcd) [[ $version =~ etcd\ Version:\ 3\.([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 5)) ;;
	*) [[ $version == "Kubernetes v${kube_version%.*}."* ]] ;;
	esac
}

# take_existing copies the servers that there are already, and lists in "missing" the packages of the others.
take_existing() {
	local server package found
	missing=()
	while read -r server package; do
		found=
		for candidate in "${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$server}" "$(command -v "$server" || true)"; do
			[[ -z ${BUILD_ALL:-} && -z $found && -n $candidate && -x $candidate ]] || continue
			if fits "$server" "$candidate"; then
				found=$candidate
			else
				say "$server: $candidate is not used, it needs to be $([[ $server == etcd ]] && echo "3.5 or newer" || echo "${kube_version%.*}")"
			fi
		done
		if [[ -n $found ]]; then
			say "$server: copied from $found"
			cp "$found" "$out/$server"
		else
			missing+=("$package")
		fi
	done <<-END
		etcd go.etcd.io/etcd/server/v3
		kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
		kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
	END
}

build_kube() {
	cd "$test/kube"
	take_existing
	((${#missing[@]} > 0)) || return 0
	local packages=("${missing[@]}")
	local version=k8s.io/component-base/version.git
	IFS=. read -r major minor _ <<<"$kube_version"
	local names="${packages[*]##*/cmd/}"
	names=${names/go.etcd.io\/etcd\/server\/v3/etcd}
	say "step 1 of 3: $names (Kubernetes $kube_version): downloading modules"
	run "${names// /, }" "$(stale "${packages[@]}")" go build -v -o "$out/" \
		-ldflags "-s -w -X ${version}Version=v$kube_version -X ${version}Major=$major -X ${version}Minor=$minor" "${packages[@]}"
	[[ ! -e $out/server ]] || mv "$out/server" "$out/etcd"
}

# No published Vault SDK fits the Vault server that needs it: one function type has a parameter more. The module
# cache cannot be overlaid, so a changed copy takes the SDK's place for this build.
build_vault() {
	cd "$test/vaultserver"
	say "step 2 of 3: vaultserver: downloading modules"
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
	say "step 3 of 3: apisix-ingress-controller: downloading modules"
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
	say "building the servers of tests and demo into $cache, once: about 15 minutes on two cores"
	build_guard
	build_kube
	build_vault
	build_ingress_controller
	link_kubectl
	mv "$out" "$dir"
	rm -rf "$work"
fi
echo "$dir"
