"""The error tree. The type says whose fault it is, the docstring is the message, the arguments fill it in.

TokenworksError
├── CallerError        the caller can mend it
│   ├── UnknownUnit
│   ├── MalformedAmount
│   ├── AmountOutOfRange
│   ├── Conflict
│   ├── NotFound
│   ├── Invalid
│   └── ConfigError
├── UpstreamError      an upstream or engine failed
│   └── UsageError
├── Unavailable        not now: the same call may succeed later
│   ├── BooksUnreachable
│   └── Stale
└── Broken             one of our promises does not hold: stop and alarm
    ├── JournalFull
    ├── RecordTooLarge
    └── StoreTooNew
"""

from __future__ import annotations

_LISTED = {"lot": "account wallet ACCOUNT", "suspense": "ledger suspense"}  # where `KIND list` is not the command


class TokenworksError(Exception):
    """Something went wrong."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.fields = args

    def __str__(self) -> str:
        doc = (type(self).__doc__ or "").strip()
        return doc.format(*self.fields)


class CallerError(TokenworksError):
    """{0}"""


class UnknownUnit(CallerError):
    """Unknown unit {0!r}. Use one of {1}."""


class MalformedAmount(CallerError):
    """{0!r} is not an amount of {1}. Write a plain decimal number with at most {2} decimal places."""


class AmountOutOfRange(CallerError):
    """The amount {0} does not fit a signed 64-bit integer at its unit's scale. Split it."""


class Conflict(CallerError):
    """{0}"""


class NotFound(CallerError):
    """There is no {0} {1!r}. List them with `tokenworks {2}`."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name, _LISTED.get(kind, f"{kind} list"))


class Invalid(CallerError):
    """{0}: {1}"""


class ConfigError(CallerError):
    """{0}"""


class UpstreamError(TokenworksError):
    """{0}"""


class Unavailable(TokenworksError):
    """{0}"""


class BooksUnreachable(Unavailable):
    """The books cannot be reached: {0}. What was asked may be asked again as it is."""


class Stale(Unavailable):
    """The journal of {0} is posted up to {1}, not {2}: read on from there."""


class UsageError(UpstreamError):
    """The upstream's usage figures cannot be right: {0}. The request is billed by our own count."""


class Broken(TokenworksError):
    """{0}"""


class StoreTooNew(Broken):
    """The database is at revision {0}, unknown to this version. Install the version that wrote it, or a newer one."""


class JournalFull(Broken):
    """The journal has no room and the disk gave none: {0}. Free disk space; work is refused until then."""


class RecordTooLarge(Broken):
    """A journal record of {0} bytes is above the limit of {1}. The field that made it so large must be bounded."""
