"""The admin token: drawn once, written once into a file of mode 0600; what is kept to compare with is only its hash."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from tokenworks.clock import Dice

TOKEN_FILE, HASH_FILE = "admin.token", "admin.hash"
_TOKEN_BYTES = 32


def prepare_token(state_dir: Path, dice: Dice) -> bytes:
    """The hash of this host's admin token; the first time the token is drawn and put into its file. Raises OSError.

    The hash comes last: a process that dies between the two draws a new token the next time. To change the token,
    remove the hash and start control again.
    """
    path = state_dir / HASH_FILE
    if path.exists():
        return bytes.fromhex(path.read_text().strip())
    token = "tw_admin_" + dice.draw(_TOKEN_BYTES).hex()
    digest = sha256(token.encode()).digest()
    _write_private(state_dir / TOKEN_FILE, token + "\n")
    _write_private(path, digest.hex() + "\n")
    return digest


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
