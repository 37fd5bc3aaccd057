#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs govulncheck (the arguments are its command). Its database is on the internet: where that cannot be reached, this
# says so and passes, for it says nothing about the code.
set -eu

if out=$("$@" ./... 2>&1); then
  echo "$out"
elif grep -qE 'fetching vulnerabilities|vuln.go.dev|no such host|connection refused|i/o timeout|Forbidden' <<<"$out"; then
  echo "vulnerabilities: NOT CHECKED, the database cannot be reached from here"
else
  echo "$out"
  exit 1
fi
