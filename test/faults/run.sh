#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Injects every fault, kills leaders and searches for secrets, and prints the measures, that of the faults last. Arguments
# are the test's: -update writes docs/faults.md, -run 'TestFaults/Vault' takes a part.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT

status=0
APISIX_CERTS_MEASURES=long go test -count=1 -v -timeout 60m ./test/faults "$@" 2>&1 | tee "$out" |
	grep --line-buffered -vE '^(=== |measure:)' || true
grep -qE '^ok' "$out" || status=1
for measure in secrets_leaked takeover faults; do
	grep -oE "measure: $measure .*" "$out" || true
done
exit "$status"
