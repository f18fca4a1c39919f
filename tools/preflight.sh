#!/usr/bin/env bash
# Names what a fresh machine lacks, with the line that installs it. Fatal: Python and its venv. A warning: libgomp.
set -u
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null 2>&1; then
  echo "preflight: there is no $python. Install it:  sudo apt-get install -y python3 python3-venv" >&2
  exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
  echo "preflight: $python is Python $version; 3.11 to 3.13 is needed. Name another:  make $* PYTHON=python3.13" >&2
  exit 1
fi
if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
  echo "preflight: $python cannot make environments. Install that part:  sudo apt-get install -y python3-venv" >&2
  exit 1
fi
if ! "$python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' >/dev/null 2>&1; then
  echo "preflight: libgomp1 is missing; the embedded engine needs it. Install it:  sudo apt-get install -y libgomp1" >&2
fi
