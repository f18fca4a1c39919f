"""Which of our languages somebody wants: by the header of a request (RFC 9110, 12.5.4), by the locale of a shell."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh")
DEFAULT = "en"
_RANGES_MAX = 16  # of a header; browsers send two to five


def read_accept(header: str) -> str:
    """The language of an `accept-language` header that is wanted most and that we have; DEFAULT for none."""
    best, weight = DEFAULT, 0
    for part in header.lower().split(",", _RANGES_MAX)[:_RANGES_MAX]:
        name, _, parameters = part.partition(";")
        found = name.strip().partition("-")[0]
        thousandths = _read_weight(parameters)
        if found in LANGUAGES and thousandths > weight:
            best, weight = found, thousandths
    return best


def read_locale(env: Mapping[str, str]) -> str:
    """The language of a POSIX locale: the first of LC_ALL, LC_MESSAGES, LANG that is set decides."""
    named = next((env[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if env.get(name)), "")
    return "zh" if named.lower().partition(".")[0].partition("_")[0] == "zh" else DEFAULT


def _read_weight(parameters: str) -> int:
    """The q value in thousandths; 1000 without one, 0 for what is none."""
    text = parameters.strip().removeprefix("q=").strip()
    whole, _, places = text.partition(".")
    if not text:
        return 1000
    if not (whole in ("0", "1") and (places.isdigit() or not places)):
        return 0
    return min(1000, int(whole) * 1000 + int((places + "000")[:3]))
