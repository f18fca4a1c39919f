"""The states of one request in a gateway worker, as a table: state -> event -> next state.

What holds in every state, and what the tests in tests/gateway check after each run:

- A hold exists exactly from dialling to the closing record. What reaches a client stands in the journal before: as
  `Opened` and later `Closed`, or as both in one, `Served`; each once. A request without a hold writes none of them (at
  most `Refused`).
- An upstream call exists only in dialling, relaying, dry and draining, and at most one at a time.
- From the upstream's last bytes to `Closed` nothing waits, so nobody can come between: a client that hangs up finds a
  request that has been settled. In syncing it has been settled already; only the last bytes wait for the disk.
- What a client was sent is what was metered: bytes that arrive while a stream is dry are kept unread, not half sent.
- `ended` is the end: no callback does anything any more.
"""

from __future__ import annotations

from tokenworks.credit.states import Table

# reading: the key is good, the body is awaited. asking: the books, the tokenizer or the owner of an object is asked;
# no hold yet. dialling: held and Opened, nothing from the upstream yet. relaying: an answer is on its way. dry: at the
# end of the hold, the upstream is paused while the books are asked for more. draining: the client is gone, the upstream
# is read to its end. syncing: Closed, the last bytes wait for the disk.
STAGE: Table = {
    "reading": {"ask": "asking", "open": "dialling", "refuse": "ended", "gone": "ended"},
    "asking": {"ask": "asking", "open": "dialling", "refuse": "ended", "gone": "ended"},
    "dialling": {
        "retry": "dialling",  # another deployment, while nothing has reached the client
        "answer": "relaying",
        "fail": "ended",
        "gone": "ended",
        "drain": "draining",
    },
    "relaying": {
        "retry": "dialling",  # the answer broke off before any of it reached the client
        "dry": "dry",
        "finish": "ended",
        "sync": "syncing",
        "fail": "ended",
        "gone": "ended",
        "drain": "draining",
    },
    "dry": {"fund": "relaying", "retry": "dialling", "finish": "ended", "sync": "syncing", "fail": "ended",
            "gone": "ended", "drain": "draining"},
    "draining": {"finish": "ended", "fail": "ended"},
    "syncing": {"finish": "ended", "gone": "ended"},
    "ended": {},
}
