"""Books that come back more than once from one backup."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.store.samples import CENT, WRITER, ask_for, faults_of, found_world, post, sold

from tokenworks.clock import FakeClock
from tokenworks.credit.purse import Hold, Purse
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store


def test_a_lease_of_the_first_restoration_cuts_no_hold_in_the_second(sqlite_template: Path, tmp_path: Path) -> None:
    """The second knows nothing of the first: only the time keeps it from being taken for it."""
    clock = FakeClock()

    def opened(name: str, backup: Path) -> Store:
        shutil.copy(backup, tmp_path / name)
        return open_store(f"sqlite:///{tmp_path / name}", clock)

    before = opened("before.db", sqlite_template)
    found_world(before)
    before.close()
    first = opened("first.db", tmp_path / "before.db")
    epoch = first.meta.raise_epoch()
    purse = Purse("acc", epoch)
    lent = first.books.lend(WRITER, ask_for(60 * CENT), clock.now_ns()).grants[0]
    purse.grant(lent, clock.mono_ns())
    assert isinstance(purse.cut(CENT, 0, clock.mono_ns()), Hold)
    first.close()
    clock.advance(5 * 10**9)
    second = opened("second.db", tmp_path / "before.db")
    purse.adopt_epoch(second.meta.raise_epoch())
    assert purse.epoch > epoch
    assert not isinstance(purse.cut(CENT, 0, clock.mono_ns()), Hold), "60 of the 100 would be spent twice"
    assert second.books.renew(WRITER, [lent.lease], clock.now_ns()) == ()
    fresh = second.books.lend(WRITER, ask_for(100 * CENT, 2), clock.now_ns()).grants[0]
    purse.grant(fresh, clock.mono_ns())
    hold = purse.cut(CENT, 0, clock.mono_ns())
    assert isinstance(hold, Hold)
    assert {leg.lease.id for leg in hold.legs} == {fresh.lease}
    post(second, sold("req_1", lent))
    assert second.requests.get("req_1").row.overrun_minor == 2 * CENT, "what ran is settled, at the operator's expense"
    assert faults_of(second) == []
    second.close()
