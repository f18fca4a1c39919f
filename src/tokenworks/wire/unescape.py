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
LEAD_PIECES_MAX = 16  # in which what comes before the string is looked for


class Unescaper:
    """One call's arguments. `feed` gives what is known of the input, `close` what is left at the end."""

    __slots__ = ("_ended", "_pieces", "_rest", "_within")

    def __init__(self) -> None:
        self._pieces: list[str] = []  # all of it, until the string has begun
        self._rest = ""  # of the string, what has not been told
        self._within = False
        self._ended = False

    def feed(self, text: str) -> str:
        """The next piece of the arguments."""
        if self._within:
            self._rest += text
            return self._tell()
        self._pieces.append(text)
        if len(self._pieces) > LEAD_PIECES_MAX:
            return ""
        lead = _LEAD.match(said := "".join(self._pieces))
        if lead is None:
            return ""
        self._within, self._rest = True, said[lead.end() :]
        return self._tell()

    def close(self) -> str:
        """What has not been told when the arguments have come to their end."""
        if self._within:
            return ""
        said = "".join(self._pieces)
        pairs = loose.read_pairs(said.encode("utf-8", "replace"))
        raw = bytes(pairs["input"]) if pairs and "input" in pairs else b""
        if raw.startswith(b'"'):
            return _TEXT.decode(raw)
        return raw.decode("utf-8", "replace") or said

    def _tell(self) -> str:
        """The string as far as it has come; half an escape waits for its other half, its end ends it."""
        told: list[str] = []
        rest, place = self._rest, 0
        while place < len(rest) and not self._ended:
            found = _PLAIN.match(rest, place)
            if found:
                told.append(found.group())
            elif rest[place] == '"':
                self._ended = True
                break
            elif _HALF.match(rest, place):
                break
            else:
                found = _ESCAPE.match(rest, place)
                told.append(_unescape(found.group()) if found else rest[place])
            place = found.end() if found else place + 1
        self._rest = "" if self._ended else rest[place:]
        return "".join(told)


def _unescape(escape: str) -> str:
    """One escape, or the two of a pair; what JSON does not know stands for itself."""
    try:
        return _TEXT.decode(f'"{escape}"'.encode())
    except msgspec.DecodeError:
        return "\ufffd" if escape.startswith("\\u") else escape
