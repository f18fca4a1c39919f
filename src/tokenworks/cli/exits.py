"""Exit codes, stable, as a table; and what a failed command says."""

from __future__ import annotations

from tokenworks.errors import CallerError

OK = 0
FAILED = 1  # a check did not hold
USAGE = 2  # the words or the settings are not right
NOT_FOUND = 3
AUTH = 4
CONFLICT = 5
LIMIT = 6  # credit or a limit
UNAVAILABLE = 7  # nobody answers, or what is needed cannot run here

BY_STATUS = {400: USAGE, 401: AUTH, 402: LIMIT, 403: AUTH, 404: NOT_FOUND, 405: USAGE, 409: CONFLICT, 413: USAGE,
             415: USAGE, 422: USAGE, 429: LIMIT}


class Failed(CallerError):
    """{0}"""  # fields: message, exit code, hint, code

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        return int(str(self.fields[1]))

    @property
    def hint(self) -> str:
        """What to do, "" when the message says it."""
        return str(self.fields[2])

    @property
    def code(self) -> str:
        """The stable name of what went wrong."""
        return str(self.fields[3])


def failed(message: str, exit_code: int, hint: str = "", code: str = "failed") -> Failed:
    """A failure to raise."""
    return Failed(message, exit_code, hint, code)
