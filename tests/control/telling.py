"""Records of requests, for what tells of them."""

from __future__ import annotations

from tokenworks.credit.records import Attempt, Closed, Opened, Refused
from tokenworks.usage.vector import Usage

BEGUN = 1_790_000_000_000_000_000
MS = 1_000_000
USAGE = Usage(10, 90, 5, 2, 40, 60, {"searches": 2})
OPENED = Opened("req_1", "acme", "key_1", BEGUN, "messages", "qwen3", "d1", "CNY", "standard@3", True, 5_000_000_000,
                why={"route": "only", "passed over d0": "down"})
TRIES = (
    Attempt(0, "d0", "failed", 503, "overloaded", started_at_ns=BEGUN + 2 * MS, duration_ms=30),
    Attempt(1, "d1", "served", 200, "", USAGE, "reported", 1_500_000_000, "CNY", "cost@1", BEGUN + 40 * MS, 120, 900,
            "chat"),
)
CLOSED = Closed("req_1", BEGUN + 1000 * MS, "ok", "", USAGE, "reported", 2_000_000_000, 2_000_000_000, 0, 0,
                2_000_000_000, (), TRIES, notes=("seed: dropped",), ttft_ms=160, duration_ms=1000, deployment="d1")
REFUSED = Refused("req_2", "acme", "key_1", BEGUN, "chat", "qwen3", "credit_exhausted", 429, {"need": "5.00"})
