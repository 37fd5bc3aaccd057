#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests that measure and prints their lines, last. MEASURES=long adds what takes longer than CI should.
set -eu
out=$(mktemp)
trap 'rm -f "$out"' EXIT

APISIX_CERTS_MEASURES=${MEASURES:-long} go test -count=1 -v -timeout 60m ./... 2>&1 | tee "$out" | grep -E '^(ok|FAIL|---|panic)' || true
echo
grep -oE 'measure: .*' "$out" || { echo "measures: no test printed any" >&2; exit 1; }
! grep -qE '^(FAIL|panic)' "$out" || { echo "measures: a test failed" >&2; exit 1; }
