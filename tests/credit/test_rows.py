"""What a lease has left."""

from __future__ import annotations

from tokenworks.credit.rows import LeaseRow


def test_left() -> None:
    assert LeaseRow("L1", "l1", "acc", "w", 1, "valid", 100, 30, 20).left_minor == 50
