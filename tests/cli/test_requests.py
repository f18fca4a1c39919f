"""`request tail` and `request explain` as a person reads them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.cli.conftest import Shell

from tokenworks.cli.requests import _live_line, _print_story
from tokenworks.control.hub import Hub

OPENED: dict[str, Any] = {
    "event": "opened", "request": "req_1", "at_ns": 1795626306_772739613, "account": "demo", "key": "key_1",
    "dialect": "chat", "model": "m1", "deployment": "d1", "stream": 1, "held_minor": 33676000, "unit": "CNY"}
CLOSED = OPENED | {
    "event": "closed", "outcome": "ok", "reason": "", "status": 200, "basis": "reported", "input": 1600,
    "cache_read": 3, "cache_write": 0, "output": 10, "reasoning": 0, "charged_minor": 224000, "ttft_ms": 5,
    "duration_ms": 21}
REFUSED = {"event": "refused", "request": "req_2", "at_ns": 1795626306_772739613, "account": "", "key": "",
           "dialect": "chat", "model": "", "reason": "key_unknown", "status": 401}


@pytest.mark.parametrize(("row", "line"), [
    (OPENED, "17:05:06.772 opened req_1 demo m1 d1 held 0.033676 CNY"),
    (CLOSED, "17:05:06.772 ok req_1 demo m1 d1 200 1,600 input, 3 cache read, 10 output 0.000224 CNY "
             "first after 5 ms 21 ms"),
    (CLOSED | {"outcome": "cut", "reason": "credit", "basis": "progress", "stream": 0},
     "17:05:06.772 cut req_1 demo m1 d1 200 credit 1,600 input, 3 cache read, 10 output progress 0.000224 CNY 21 ms"),
    (REFUSED, "17:05:06.772 refused req_2 - - - 401 key_unknown"),
    ({"missed": 7}, "... 7 missed")])
def test_live_lines(row: dict[str, Any], line: str) -> None:
    assert " ".join(_live_line(row).split()) == line


def test_lines_stand_under_each_other() -> None:
    places = {_live_line(row).index("req_") for row in (OPENED, CLOSED, REFUSED)}
    assert len(places) == 1


def test_tail_shows_what_comes(shell: Shell, hub: Hub) -> None:
    """Rows of before, then those that come while it looks; it ends with the process that feeds it."""
    hub.facts.feed.push([OPENED])
    threading.Timer(0.3, lambda: hub.facts.feed.push([CLOSED])).start()
    lines: list[str] = []
    for row in _follow(shell):
        lines.append(_live_line(row))
        if len(lines) == 2:
            break
    assert "opened" in lines[0] and "first after 5 ms" in lines[1]


def _follow(shell: Shell) -> Any:
    from tokenworks.app import find_place
    from tokenworks.cli.client import RestClient

    return RestClient(find_place({"state.dir": str(shell.state)}, "")).lines("/requests/live", {"back": 1})


def test_a_whole_story(capsys: pytest.CaptureFixture[str]) -> None:
    money = {"amount": "0.000224", "currency": "CNY"}
    story = {
        "request": {"id": "req_1", "account": "demo", "state": "posted"}, "admission": {"route": "only"},
        "attempts": [{"number": 1, "deployment": "d1", "outcome": "served", "status": 200, "reason": "",
                      "usage": {"input": 16}, "basis": "reported", "cost": None, "ttft_ms": 4, "duration_ms": 4}],
        "usage": {"input": 16, "output": 10}, "basis": "reported", "raw_usage": {"prompt_tokens": 16},
        "rate_card": "standard@1",
        "rating": [{"cls": "input", "count": 16, "price": "4", "per": 1_000_000, "amount": "0.000064"}],
        "rated": money, "charged": money, "waived": money, "overrun": money,
        "shares": [{"kind": "charged", "lot": "lot_1", "account": "wallet:lot_1", "amount": money, "entry": "ent_1"}],
        "hold": [{"at": "2026-11-25T17:05:06.827921Z", "step": "cut", "amount": money, "held": money}],
        "entries": [{"id": "ent_1", "cause": "usage", "postings": [{"account": "revenue:h", "amount": money}]}],
        "notes": ["the input bound missed by 3"]}
    _print_story(story)
    out = capsys.readouterr().out
    sections = ["Admission", "Attempts", "Usage", "Rating by standard@1", "Amount", "Paid from", "Hold",
                "Ledger entry ent_1 (usage)", "Notes"]
    assert [line for line in out.splitlines() if line in sections] == sections
    assert "input     16      4   1,000,000  0.000064" in out and "reported  4 " not in out
