#!/usr/bin/env bash
# Writes the locks of real clients anew, all or those that are named: from tests/clients/locks/NAME.in (Python, needs
# `uv`) or package.json (Node, needs npm). Names, versions and hashes, no address of a registry.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted() { [ "$#" -eq 1 ] || [[ " ${*:2} " == *" $1 "* ]]; }
for file in tests/clients/locks/*.in; do
  wanted "$(basename "$file" .in)" "$@" || continue
  uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header \
    --no-annotate -o "${file%.in}.txt" "$file"
done
for file in tests/clients/locks/*/package.json tests/agents/locks/*/package.json; do
  folder=$(dirname "$file")
  wanted "$(basename "$folder")" "$@" || continue
  (cd "$folder" && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund)
done
