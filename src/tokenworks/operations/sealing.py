"""Sealing and opening secrets: AES-256-GCM (NIST SP 800-38D) under the master key, bound to name and host.

Each seal has a nonce of its own, 96 random bits. Name and host are authenticated with it: a sealed text that was moved
to another name, or a row whose host was changed in the books, does not open.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tokenworks.clock import Dice
from tokenworks.errors import Conflict
from tokenworks.operations.masterkey import KeyFile, MasterKey, MasterKeyFault
from tokenworks.store.shapes import SecretRow

NONCE_BYTES = 12


class SealBroken(Conflict):
    """The secret sealed:{0} cannot be opened: {1}."""


class Sealer:
    """Seals and opens with the keys of one file, which is read at every call: it may be changed under us."""

    def __init__(self, keys: KeyFile) -> None:
        self.keys = keys

    def seal(self, row: SecretRow, text: str, dice: Dice, key: MasterKey) -> SecretRow:
        """`row` with `text` sealed under `key`. `dice` must be real randomness."""
        nonce = dice.draw(NONCE_BYTES)
        sealed = AESGCM(key.key).encrypt(nonce, text.encode(), _bind(row))
        return SecretRow(row.id, row.host, key.id, nonce, sealed, row.created_at_ns, row.changed_at_ns)

    def open(self, row: SecretRow) -> str:
        """What was sealed. Raises SealBroken with the remedy, MasterKeyFault; neither tells the secret."""
        key = next((one for one in self.keys.load() if one.id == row.key_id), None)
        if key is None:
            raise SealBroken(row.id, f"it was sealed under the master key {row.key_id}, which {self.keys.path} does "
                             "not hold; put that key into the file again (a backup or another host has it), or seal "
                             f"the secret anew: tokenworks secret set {row.id}")
        try:
            return AESGCM(key.key).decrypt(row.nonce, row.sealed, _bind(row)).decode()
        except InvalidTag:
            raise SealBroken(row.id, "its row in the books is not as it was sealed; seal it anew: "
                             f"tokenworks secret set {row.id}") from None

    def sealing_key(self, dice: Dice, first: bool) -> MasterKey:
        """The key that seals. `first`: nothing is sealed yet, so that one may be made. Raises MasterKeyFault."""
        keys = self.keys.load()
        if keys:
            return keys[0]
        if first or not self.keys.ours:
            return self.keys.make(dice)
        raise MasterKeyFault(f"{self.keys.path} is not there, and secrets were sealed under the key that it had; put "
                             "it back (a backup or another host has it). If it is lost for good, write a new one "
                             "there, as `openssl rand -hex 32` makes it, chmod 600, and seal every secret anew")


def _bind(row: SecretRow) -> bytes:
    return f"tokenworks sealed secret 1\0{row.id}\0{row.host}".encode()
