"""References to secrets, and where they may lead: `env:TOKENWORKS_SECRET_*` and files under configured directories."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from tokenworks.errors import CallerError, Invalid

_ENV = re.compile(r"env:TOKENWORKS_SECRET_[A-Z0-9_]+")
_SECRET_BYTES_MAX = 16 * 1024


class SecretMissing(CallerError):
    """The secret {0} cannot be read: {1}."""


class SecretBook:
    """Resolves references. `names` are the TOKENWORKS_SECRET_* variables, `dirs` where file: references may lie."""

    def __init__(self, names: Mapping[str, str], dirs: tuple[str, ...] = ()) -> None:
        self._names = names
        self._dirs = tuple(Path(path).resolve() for path in dirs)

    def check(self, reference: str) -> str:
        """`reference` when it has an allowed form; raises Invalid with the remedy. "" means no secret."""
        if reference == "" or _ENV.fullmatch(reference):
            return reference
        if reference.startswith("file:"):
            self._inside(reference)
            return reference
        raise Invalid("secret", "write a reference, env:TOKENWORKS_SECRET_<NAME> or file:/path, never the key itself")

    def resolve(self, reference: str) -> str:
        """The secret itself; "" for no reference. Raises Invalid or SecretMissing; neither names the value."""
        self.check(reference)
        if reference.startswith("env:"):
            name = reference.removeprefix("env:")
            if name not in self._names:
                raise SecretMissing(reference, f"set {name} in the environment of the control process")
            return self._printable(reference, self._names[name])
        return self._read(reference) if reference else ""

    def _inside(self, reference: str) -> Path:
        path = Path(reference.removeprefix("file:"))
        if not path.is_absolute():
            raise Invalid("secret", "a file: reference needs an absolute path")
        real = path.resolve()
        if not any(real.is_relative_to(allowed) for allowed in self._dirs):
            shown = ", ".join(map(str, self._dirs)) or "none is set"
            raise Invalid("secret", f"{path} is outside the directories of secrets.dirs ({shown})")
        return real

    def _read(self, reference: str) -> str:
        path = self._inside(reference)
        try:
            if not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > _SECRET_BYTES_MAX:
                raise SecretMissing(reference, "not a small regular file")
            return self._printable(reference, path.read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissing(reference, getattr(error, "strerror", None) or "not UTF-8 text") from None

    def _printable(self, reference: str, value: str) -> str:
        """A credential goes into a header: anything but printable ASCII would break or smuggle one."""
        if not value or not all("!" <= mark <= "~" for mark in value):
            raise SecretMissing(reference, "it must be printable ASCII without spaces, and not empty")
        return value
