#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs all attacks and prints the measures last, that of the attacks at the very end. Arguments are the test's:
# -run TestRevocation takes a part.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT

status=0
APISIX_CERTS_MEASURES=long go test -count=1 -v -timeout 20m ./test/attacks "$@" 2>&1 | tee "$out" |
	grep --line-buffered -vE '^(=== |measure:)' || true
grep -qE '^ok' "$out" || status=1
for measure in hanging_issuer slow_issuer hanging_gateway flood claims renewal_beside_claims_ms foreign_secrets attacks; do
	grep -oE "measure: $measure[ =].*" "$out" | sed 's/^measure: //' || true
done
exit "$status"
