#!/usr/bin/env bash
# All tests in two halves at once, for two cores: the pure floors with their coverage gate, and everything else, which
# waits for processes much of the time. `tools/test.sh PYTHON`; the second half's report comes last.
set -uo pipefail
cd "$(dirname "$0")/.."
python=$1
floors=(wire usage tariff ledger credit admission routing)
folders=() others=()
for floor in "${floors[@]}"; do folders+=("tests/$floor"); others+=("--ignore=tests/$floor"); done
report=$(mktemp)
trap 'rm -f "$report"' EXIT
"$python" -m pytest "${others[@]}" tests >"$report" 2>&1 &
half=$!
"$python" -m pytest -p tests.coverage_gate "${folders[@]}"
pure=$?
wait "$half"
rest=$?
cat "$report"
exit $((pure || rest))
