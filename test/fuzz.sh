#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target for FUZZTIME, 10s by default.
set -eu
grep -rl --include=*_test.go '^func Fuzz' . | while read -r file; do
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -d' ' -f2 | while read -r name; do
    echo "fuzz: $name in $(dirname "$file")"
    go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" "$(dirname "$file")"
  done
done
