#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what a fresh Debian lacks for the Makefile, and says what cannot be installed. With "page" it adds what the tests
# of the status page need, which are skipped where that cannot be had.
set -eu

need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null && return
  command -v apt-get >/dev/null || { echo "tools: $1 is missing and this is no Debian: install it" >&2; exit 1; }
  echo "tools: installing $2 for $1"
  [ "$(id -u)" = 0 ] || { echo "tools: run as root once: apt-get install $2" >&2; exit 1; }
  [ -n "${updated:-}" ] || apt-get update -q >/dev/null
  updated=1
  apt-get install -yq --no-install-recommends "$2" >/dev/null
}

need git git
need gcc gcc
need flock util-linux
need jq jq
command -v go >/dev/null || { echo "tools: Go 1.26 or newer is missing: install it from go.dev/dl" >&2; exit 1; }

[ "${1:-}" = page ] || exit 0
for tool in chromium npm; do
  (need "$tool" "$tool") || echo "tools: no $tool: tests of the status page are skipped" >&2
done
