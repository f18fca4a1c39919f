"""References to secrets, and where they may lead: `env:TOKENWORKS_SECRET_*`, files under configured directories, and
`sealed:NAME`, which the books hold under a master key that they do not hold."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tokenworks.clock import Dice
from tokenworks.errors import Broken, CallerError, Invalid, NotFound
from tokenworks.operations.masterkey import KeyFile, MasterKey
from tokenworks.store.ports import Secrets
from tokenworks.store.shapes import SecretRow

SEALED = "sealed:"
_ENV = re.compile(r"env:TOKENWORKS_SECRET_[A-Z0-9_]+")
_SEALED = re.compile(r"sealed:[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")
_SECRET_BYTES_MAX = 16 * 1024


class Seals(Protocol):
    """What seals and opens (operations/sealing.py); here without its library, which the command line never needs."""

    keys: KeyFile

    def seal(self, row: SecretRow, text: str, dice: Dice, key: MasterKey) -> SecretRow:
        """`row` with `text` sealed under `key`."""
        ...

    def open(self, row: SecretRow) -> str:
        """What was sealed."""
        ...

    def sealing_key(self, dice: Dice, first: bool) -> MasterKey:
        """The key that seals."""
        ...


class SecretMissing(CallerError):
    """The secret {0} cannot be read: {1}."""


class SecretBook:
    """Resolves references. `names` are the TOKENWORKS_SECRET_* variables, `dirs` where file: references may lie.

    `seals` opens what is on the `shelf` of the books; without them there are no sealed secrets.
    """

    def __init__(self, names: Mapping[str, str], dirs: tuple[str, ...] = (), seals: Seals | None = None,
                 shelf: Secrets | None = None) -> None:
        self._names = names
        self._dirs = tuple(Path(path).resolve() for path in dirs)
        self._seals, self._shelf = seals, shelf

    @property
    def seals(self) -> Seals:
        """Raises Broken where none were given."""
        if self._seals is None:
            raise Broken("this process seals no secrets")
        return self._seals

    def check(self, reference: str) -> str:
        """`reference` when it has an allowed form; raises Invalid with the remedy. "" means no secret."""
        if reference == "" or _ENV.fullmatch(reference) or _SEALED.fullmatch(reference):
            return reference
        if reference.startswith("file:"):
            self._inside(reference)
            return reference
        raise Invalid("secret", "write a reference, sealed:<NAME>, env:TOKENWORKS_SECRET_<NAME> or file:/path, never "
                      "the key itself")

    def resolve(self, reference: str, host: str = "") -> str:
        """The secret itself; "" for no reference. `host` is where it would go: a sealed one goes to its own alone.

        Raises Invalid, SecretMissing, SealBroken or MasterKeyFault, none of which names the value; BooksUnreachable.
        """
        self.check(reference)
        if reference.startswith(SEALED):
            return self._open(reference, host)
        if reference.startswith("env:"):
            name = reference.removeprefix("env:")
            if name not in self._names:
                raise SecretMissing(reference, f"set {name} in the environment of the control process")
            return self._printable(reference, self._names[name])
        return self._read(reference) if reference else ""

    def _open(self, reference: str, host: str) -> str:
        if self._shelf is None:
            raise SecretMissing(reference, "this process has no books")
        try:
            row = self._shelf.get(reference.removeprefix(SEALED)).row
        except NotFound:
            raise SecretMissing(reference, f"seal it: tokenworks secret set {reference.removeprefix(SEALED)}") from None
        if row.host != host or not host:
            raise SecretMissing(reference, f"it is sealed for {row.host or 'no host yet'}, not for {host or 'none'}")
        return self.seals.open(row)

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
        """A credential goes into a header."""
        if not is_credential(value):
            raise SecretMissing(reference, "it must be printable ASCII without spaces, and not empty")
        return value


def is_credential(value: str) -> bool:
    """Whether it may go into a header: anything but printable ASCII would break or smuggle one."""
    return 0 < len(value) <= _SECRET_BYTES_MAX and all("!" <= mark <= "~" for mark in value)
