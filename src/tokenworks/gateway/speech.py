"""In which language a client is refused: by its accept-language header, which is looked at only when it is refused."""

from __future__ import annotations

from tokenworks.gateway.turn import Head
from tokenworks.language.prefer import read_accept
from tokenworks.language.speech import translate
from tokenworks.wire.refusals import REFUSALS, Refusal


def say_refusal(head: Head, refusal: Refusal, message: str = "") -> str:
    """The sentence of a refusal for this client; "" where the table's own English one is meant. Codes never change."""
    wanted = head.fields.get(b"accept-language", b"")
    if b"zh" not in wanted.lower():
        return message
    return translate(message or REFUSALS[refusal].message, read_accept(wanted.decode("latin-1")))
