"""The master key that sealed secrets are sealed under: a file of this machine, never in the books.

The file has one key a line, 64 hexadecimal digits; `#` begins a remark. The first key seals, all of them open: so a key
can be changed while both are known. It lies in the state directory, made at first use, or where the settings say; then
somebody else makes and keeps it, and it is only read.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import NamedTuple

from tokenworks.clock import Dice
from tokenworks.errors import Conflict

FILE_NAME = "secrets.key"
KEY_BYTES = 32  # AES-256
_HEAD = ("# Tokenworks master key: opens the sealed secrets in the books. Back it up apart from them.\n"
         "# The first key seals, all of them open.\n")
_FILE_BYTES_MAX = 16 * 1024


class MasterKeyFault(Conflict):
    """The master key cannot be used: {0}."""


class MasterKey(NamedTuple):
    """A key and the id by which a sealed secret names it; the id tells nothing of the key."""

    id: str
    key: bytes


class KeyFile:
    """`external` is a file that is only read; "" means the one in `state_dir`, which is made when it is needed."""

    def __init__(self, state_dir: Path, external: str = "") -> None:
        self.path = Path(external) if external else state_dir / FILE_NAME
        self.ours = not external

    def load(self) -> list[MasterKey]:
        """The keys, the sealing one first; [] without a file. Raises MasterKeyFault, which never tells a key."""
        try:
            found = self.path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > _FILE_BYTES_MAX:
                raise MasterKeyFault(f"{self.path} is no small regular file")
            if found.st_mode & (0o077 if self.ours else 0o007):
                raise MasterKeyFault(f"{self.path} can be read by others; chmod 600 {self.path}")
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise MasterKeyFault(f"{self.path}: {getattr(error, 'strerror', None) or 'not text'}") from None
        return [self._read(number, line) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]

    def make(self, dice: Dice) -> MasterKey:
        """A first key; of several processes that make one at once all get the same. Raises MasterKeyFault."""
        if not self.ours:
            raise MasterKeyFault(f"{self.path} (secrets.master_key_file) is not there or has no key; write 64 "
                                 "hexadecimal digits into it, as `openssl rand -hex 32` makes them")
        fresh = self._write([make_key(dice)])
        try:
            os.link(fresh, self.path)  # whole at once, and only the first of several
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        self._sync()
        return self.load()[0]

    def keep(self, keys: list[MasterKey]) -> None:
        """These keys in place of what is in the file, at once. Raises MasterKeyFault for one that is only read."""
        if not self.ours:
            raise MasterKeyFault(f"{self.path} (secrets.master_key_file) is kept by somebody else")
        os.replace(self._write(keys), self.path)
        self._sync()

    @contextmanager
    def held(self, *, alone: bool = False) -> Iterator[None]:
        """Nobody changes our file meanwhile; `alone`: nobody seals, either. A file of somebody else is not held.

        Whoever seals holds it from the reading of the key until the row is in the books; else a key could be dropped
        that a row on its way needs. Raises MasterKeyFault.
        """
        if not self.ours:
            yield
            return
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)  # the file itself is replaced by others
        except OSError as error:
            raise MasterKeyFault(f"{self.path.parent}: {error.strerror}") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(folder)

    def _read(self, number: int, line: str) -> MasterKey:
        try:
            key = bytes.fromhex(line.strip())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise MasterKeyFault(f"{self.path}:{number} is not a key of {KEY_BYTES * 2} hexadecimal digits")
        return name_key(key)

    def _write(self, keys: list[MasterKey]) -> Path:
        """A new file beside it, on the disk, for nobody else."""
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.{get_ident()}")
        fresh.unlink(missing_ok=True)
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w") as file:
            file.write(_HEAD + "".join(f"{one.key.hex()}\n" for one in keys))
            file.flush()
            os.fsync(file.fileno())
        return fresh

    def _sync(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def make_key(dice: Dice) -> MasterKey:
    """A new key."""
    return name_key(dice.draw(KEY_BYTES))


def name_key(key: bytes) -> MasterKey:
    """A key with its id."""
    return MasterKey(sha256(b"tokenworks master key\0" + key).hexdigest()[:8], key)
