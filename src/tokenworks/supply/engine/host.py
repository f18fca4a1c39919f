"""Whether the embedded engine can run on this machine, asked before anything can crash, answered in a sentence."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
from pathlib import Path

PACKAGE = "xllamacpp"
INSTALL = "pip install 'tokenworks[engine]'"
NEEDED_X86 = ("avx2", "fma", "f16c")  # what the wheel is compiled with; without them it ends in SIGILL


def refuse_host(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Why the engine cannot run here and what to do about it; "" when it can."""
    if importlib.util.find_spec(PACKAGE) is None:
        return (f"The embedded engine is not installed. Run: {INSTALL}  (Alpine and machines without a ready wheel: "
                "sell another source of tokens, see `tokenworks deployment add --help`).")
    if platform.system() == "Linux":
        return _refuse_processor(cpuinfo) or _refuse_libraries()
    return ""


def _refuse_processor(cpuinfo: Path) -> str:
    if platform.machine() != "x86_64" or not cpuinfo.exists():
        return ""
    flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "").split()
    missing = [flag.upper() for flag in NEEDED_X86 if flag not in flags]
    if not flags or not missing:
        return ""
    return (f"The embedded engine needs a processor with {', '.join(missing)}, which this one has not. "
            "Sell another source of tokens: `tokenworks deployment add --help`.")


def _refuse_libraries() -> str:
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return "The embedded engine needs libgomp. Install it:  sudo apt-get install -y libgomp1"
    return ""
