#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests that measure, those of the chart too, and prints their lines, last. MEASURES=short leaves out what takes
# longer than CI should.
set -eu
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# measure FOLDER ARGUMENT...: runs its tests, and shows how they go on.
measure() (
  cd "$1"
  shift
  APISIX_CERTS_MEASURES=${MEASURES:-long} go test -count=1 -v "$@" 2>&1 | tee -a "$out" | grep --line-buffered -E '^(ok|FAIL|panic|--- FAIL)' || true
)

measure . -timeout 60m ./...
measure test/chart -timeout 20m -run 'TestObjectsAreAccepted|TestReuseValues$|TestRights$|TestLeastReach$' .
measure test/page -timeout 20m -run 'TestOpening|TestScrolling|TestAccessibility' .
measure test/docs -timeout 20m -run 'TestQuickstart$' .
echo
grep -oE 'measure: .*' "$out" || { echo "measures: no test printed any" >&2; exit 1; }
! grep -qE '^(FAIL|panic)' "$out" || { echo "measures: a test failed" >&2; exit 1; }
