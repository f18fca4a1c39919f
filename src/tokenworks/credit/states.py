"""The states of holds, leases and journal segments, as tables: state -> event -> next state.

The code moves only along these tables (`move`), and docs/reference/states.md is printed from them.
"""

from __future__ import annotations

from collections.abc import Mapping

from tokenworks.errors import Broken

Table = Mapping[str, Mapping[str, str]]

# One running request. "estimated": charged by an estimate; what was held and not charged waits for the amended count.
HOLD: Table = {
    "held": {
        "extend": "held",
        "shrink": "held",
        "settle": "posted",
        "settle_estimated": "estimated",
        "void": "voided",
        "expire": "expired",
    },
    "estimated": {"amend": "posted", "expire": "expired"},
    "posted": {},
    "voided": {},
    "expired": {},
}

# Credit of one lot, lent to one writer. A lapsed lease cuts no new hold and still extends running ones; a foreign one
# is of another books epoch and does neither. In doubt: its writer is gone and its journal not read to the end.
LEASE: Table = {
    "valid": {"renew": "valid", "grant": "valid", "lapse": "lapsed", "epoch": "foreign",
              "give_back": "returned", "lose": "in_doubt"},
    "lapsed": {"renew": "valid", "grant": "valid", "epoch": "foreign", "give_back": "returned", "lose": "in_doubt"},
    "foreign": {"give_back": "returned", "lose": "in_doubt"},
    "in_doubt": {"find": "valid", "read_to_end": "returned", "forget": "forgotten"},
    "returned": {},
    "forgotten": {},
}

# One journal file. A spare is preallocated ahead of need; a dead one has no end mark, because its writer died.
SEGMENT: Table = {
    "spare": {"append": "open", "die": "dead", "drop": "removed"},
    "open": {"append": "open", "seal": "sealed", "die": "dead"},
    "sealed": {"post": "posted"},
    "dead": {"post": "posted"},
    "posted": {"retire": "removed"},
    "removed": {},
}


def move(table: Table, state: str, event: str) -> str:
    """The state after `event`; raises Broken for a move that the table does not have."""
    try:
        return table[state][event]
    except KeyError:
        raise Broken(f"{event!r} is not a move from {state!r}") from None
