"""Giving a host up: never while it is there, unless by force; on record either way."""

from __future__ import annotations

import msgspec
import pytest
from tests.cli.conftest import Shell

from tokenworks.cli.exits import CONFLICT
from tokenworks.clock import FakeClock, SystemClock
from tokenworks.control.hub import Hub
from tokenworks.errors import Conflict
from tokenworks.limits import FORGET_QUIET_S
from tokenworks.operations.desk import Desk
from tokenworks.operations.gateway import ForgetHost, forget_host
from tokenworks.store.trail import TrailQuery

WRITER = "h9/0/1k0000000000"


def test_a_host_that_was_just_heard_is_not_given_up(shell: Shell, hub: Hub) -> None:
    hub.store.writers.greet(WRITER, SystemClock().now_ns())
    refused = shell("gateway", "forget", "h9")
    assert refused.code == CONFLICT
    assert "was heard" in refused.err and "force" in refused.err and f"{FORGET_QUIET_S} s" in refused.err
    assert [row.state for row in hub.store.writers.roster("h9")] == ["live"]
    given_up = shell.good("gateway", "forget", "h9", "--force")
    assert [row["state"] for row in given_up["data"]] == ["forgotten"]
    given_up_note, refusal = (row.note for row in hub.store.trail.page(TrailQuery()).data)
    assert (given_up_note.action, given_up_note.noun, given_up_note.id) == ("gateway.forget", "gateway", WRITER)
    assert (given_up_note.detail, given_up_note.changes) == ("by force", '{"state":["live","forgotten"]}')
    assert (refusal.outcome, refusal.id) == ("refused", "h9") and "was heard" in refusal.reason


def test_a_host_that_is_silent_is_given_up(shell: Shell, hub: Hub) -> None:
    hub.store.writers.greet(WRITER, SystemClock().now_ns() - FORGET_QUIET_S * 10**9)
    assert shell.good("gateway", "forget", "h9")["data"][0]["state"] == "forgotten"
    assert shell("gateway", "forget", "h9").code != 0, "there is nobody any more"


@pytest.mark.parametrize(("quiet_s", "refused"), [(0, True), (FORGET_QUIET_S - 1, True), (FORGET_QUIET_S, False)])
def test_one_worker_that_was_heard_is_enough(hub: Hub, quiet_s: int, refused: bool) -> None:
    clock = FakeClock()
    hub.store.writers.greet(WRITER, 1)
    hub.store.writers.greet(WRITER.replace("/0/", "/1/"), clock.now_ns() - quiet_s * 10**9)
    desk = Desk(hub.store, hub.secrets, clock, hub.dice, hub.dice)
    if refused:
        with pytest.raises(Conflict, match="heard"):
            forget_host(desk, ForgetHost("h9"))
    else:
        assert {row.state for row in forget_host(desk, ForgetHost("h9")).data} == {"forgotten"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"host": "h9", "forced": True}, ForgetHost)
