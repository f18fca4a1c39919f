"""The input of a custom tool, taken out of the JSON in which a model wrote it, as it is being written.

The tool was sent as a function with one string member, so its arguments are `{"input":"..."}`; what stands in the
string is told piece by piece. Arguments of any other form are told whole when they have come: the member `input` if
there is one, else all of it, because a client can say more of a wrong input than of none.
"""

from __future__ import annotations

import re

import msgspec

from tokenworks.wire import loose

_LEAD = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_PLAIN = re.compile(r'[^"\\]+')
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|u[0-9a-fA-F]{4}|[^u])")
_HALF = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?\Z")
_TEXT = msgspec.json.Decoder(str)
LEAD_CHARS_MAX = 64  # of what may come before the input itself


class Unescaper:
    """One call's arguments. `feed` gives what is known of the input, `close` what is left at the end."""

    __slots__ = ("_all", "_place", "_within", "_wrong")

    def __init__(self) -> None:
        self._all = ""
        self._place = 0  # of the first character that has not been told
        self._within = False
        self._wrong = False

    def feed(self, text: str) -> str:
        """The next piece of the arguments."""
        self._all += text
        if not self._within and not self._wrong:
            lead = _LEAD.match(self._all)
            self._within = lead is not None
            self._wrong = lead is None and len(self._all) > LEAD_CHARS_MAX
            self._place = lead.end() if lead else 0
        return self._tell() if self._within else ""

    def close(self) -> str:
        """What has not been told when the arguments have come to their end."""
        if self._place:
            return ""
        pairs = loose.read_pairs(self._all.encode("utf-8", "replace"))
        raw = bytes(pairs["input"]) if pairs and "input" in pairs else b""
        if raw.startswith(b'"'):
            return _TEXT.decode(raw)
        return raw.decode("utf-8", "replace") or self._all

    def _tell(self) -> str:
        """The string as far as it has come; half an escape waits for its other half."""
        told: list[str] = []
        while self._place < len(self._all):
            found = _PLAIN.match(self._all, self._place)
            if found:
                told.append(found.group())
            elif _HALF.match(self._all, self._place) or self._all[self._place] == '"':
                break
            else:
                found = _ESCAPE.match(self._all, self._place)
                told.append(_unescape(found.group()) if found else self._all[self._place])
            self._place = found.end() if found else self._place + 1
        return "".join(told)


def _unescape(escape: str) -> str:
    """One escape, or the two of a pair; what JSON does not know stands for itself."""
    try:
        return _TEXT.decode(f'"{escape}"'.encode())
    except msgspec.DecodeError:
        return "\ufffd" if escape.startswith("\\u") else escape
