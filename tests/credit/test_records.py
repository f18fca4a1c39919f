from __future__ import annotations

import msgspec

from tokenworks.credit.records import Closed, Opened, Record, Served
from tokenworks.usage.vector import Usage


def test_served_as_one() -> None:
    """Both records come back from one, under the request's one name."""
    opened = Opened("req_1", "acc", "key", 7, "chat", "m", "dep", "CNY", "retail@1", False, 10, why={"route": "only"})
    closed = Closed("req_1", 7, "ok", "", Usage(input=3), "reported", 3, 3, 0, 0, 3, ())
    written = msgspec.msgpack.encode(Served(opened, closed))
    read = msgspec.msgpack.decode(written, type=Record)
    assert isinstance(read, Served) and (read.opened, read.closed, read.request) == (opened, closed, "req_1")
