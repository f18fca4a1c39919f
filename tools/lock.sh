#!/usr/bin/env bash
# Writes the lock files anew from pyproject.toml: names, versions and hashes for Python 3.11 to 3.13, no addresses.
# Needs `uv` (pip install uv). Versions move only when this runs with --upgrade.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@"; }
compile --group dev "$@" -o requirements.lock pyproject.toml
# The engine stands alone, so that its failure costs nothing else.
python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["engine"])' |
  compile "$@" -o requirements-engine.lock -
if grep -nE '://|--(index-url|extra-index-url|find-links)' requirements*.lock; then
  echo "a lock file names an address: remove it" >&2
  exit 1
fi
