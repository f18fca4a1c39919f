#!/usr/bin/env bash
# Trains the tiny model anew in an environment of its own (build/model/, about 1 GB), checks its gates, writes the package
# data and a Hugging Face directory. About twenty minutes of one core, at the lowest priority; it resumes when stopped.
#   tools/model.sh            all of it
#   tools/model.sh gates      only the gates, over what lies in the package
set -euo pipefail
cd "$(dirname "$0")/.."
place=build/model/venv
if [ ! -x "$place/bin/python" ]; then
  "${PYTHON:-python3}" -m venv "$place"
  "$place/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 \
    tokenizers==0.23.3 gguf==0.19.0 numpy==2.4.6 jinja2==3.1.6 xllamacpp==2026.10.11549
fi
export PYTHONPATH=. OMP_NUM_THREADS=1
if [ "${1:-}" != gates ]; then
  nice -n 19 "$place/bin/python" -m tools.model.train build/model/run
  "$place/bin/python" -m tools.model.export build/model/run --into build/model/out
  "$place/bin/python" -m tools.model.gates build/model/out build/model/run
  cp build/model/out/* src/tokenworks/supply/model/
else
  "$place/bin/python" -m tools.model.gates src/tokenworks/supply/model
fi
