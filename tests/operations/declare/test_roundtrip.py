"""Over random states: what is exported is what there is, makes it again elsewhere, and applying comes to rest."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.operations.declare.samples import apply, doc, export, open_desk, plan

from tokenworks.cli.documents import write_yaml
from tokenworks.cli.sources import parse_text
from tokenworks.wire.dialects import DIALECTS, ENGINES

NAMES = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,4}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=8).filter(str.isprintable)
PRICES = st.decimals(0, 1000, places=3).map(str) | st.integers(0, 9)
PRICE = st.fixed_dictionaries({}, optional={
    "input": PRICES, "output": PRICES, "cache_read": PRICES, "reasoning": PRICES, "request": PRICES,
    "extras": st.dictionaries(st.sampled_from(["images", "web_search"]), PRICES)})
TABLE = st.dictionaries(st.just("*") | NAMES, PRICE, min_size=1, max_size=3)
TIMES = st.sampled_from([None, "2001-01-01T00:00:00Z", "2026-09-01T08:00:00+08:00", "2099-01-01T00:00:00Z"])
VERSION = st.fixed_dictionaries({"currency": st.just("CNY"), "models": TABLE, "effective_from": TIMES})


@st.composite
def states(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Documents of a whole little world, in any order."""
    few = st.sampled_from(["a", "b.c", "d-1", "E"])  # so that two states meet
    names = {kind: draw(st.lists(few, unique=True, max_size=3)) for kind in ("model", "deployment", "account")}
    found = [doc("RateCard", name, **draw(VERSION), earlier=draw(st.lists(VERSION, max_size=2)))
             for name in ("standard", "gold")]
    found += [doc("Model", name, **draw(st.fixed_dictionaries(
        {"context_tokens": st.integers(1, 10**6)}, optional={
            "output_tokens_max": st.integers(1, 10**6), "vendor": TEXTS, "image_tokens_max": st.integers(0, 9),
            "modality": st.sampled_from(["text", "embedding"]), "tokenizer": st.just("tokenworks-tiny")})))
        for name in names["model"]]
    for name in names["deployment"] if names["model"] else []:
        model = draw(st.sampled_from(names["model"]))
        found.append(doc("Deployment", name, model=model, share_prefix_cache=True, **draw(
            st.fixed_dictionaries({"url": st.sampled_from(["http://127.0.0.1:9", "http://127.0.0.2:9/x/"]),
                                   "engine": st.sampled_from(ENGINES), "allow_private": st.just(True)}, optional={
                "enabled": st.booleans(), "own": st.booleans(), "hangup": st.sampled_from(["cancel", "drain", "waive"]),
                "dialects": st.lists(st.sampled_from(DIALECTS), unique=True),
                "secret": st.sampled_from(["", "env:TOKENWORKS_SECRET_A"]), "cost_card": st.sampled_from(["", "gold"]),
                "progress": st.sampled_from(["exact", "blind"]), "upstream_model": TEXTS}))))
    for number, name in enumerate(names["account"]):
        found.append(doc("Account", name, parent=draw(st.sampled_from(["", *names["account"][:number]])),
                         active=draw(st.booleans()), rate_card=draw(st.sampled_from(["standard", "gold"])),
                         crash=draw(st.sampled_from(["bill", "waive"])),
                         labels=draw(st.dictionaries(NAMES, TEXTS, max_size=2))))
        found += [doc("Key", key, account=name, models=draw(st.lists(NAMES, max_size=2)),
                      expires_at=draw(st.sampled_from([None, "2099-01-01T00:00:00Z"])))
                  for key in draw(st.lists(TEXTS.filter(bool), unique=True, max_size=2))]
    return draw(st.permutations(found))


SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(states())
def test_export_is_what_there_is(documents: list[dict[str, Any]]) -> None:
    desk, other = open_desk(), open_desk()
    apply(desk, documents)
    assert plan(desk, documents, prune=True).steps == []
    found = export(desk)
    assert plan(desk, found, prune=True).steps == []
    for text in ("".join(write_yaml(found)), json.dumps(found)):
        assert [one.value for one in parse_text(text, "x")] == found
    apply(other, found)
    assert export(other) == found


@SETTINGS
@given(states(), states())
def test_from_any_state_to_any_other(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """Applied once more nothing is left to do, unless something is refused: then nothing was done."""
    desk = open_desk()
    apply(desk, before)
    version = desk.store.policy.version()
    view = plan(desk, after, prune=True)
    if view.faults:
        assert desk.store.policy.version() == version
        return
    apply(desk, after, prune=True)
    assert plan(desk, after, prune=True).steps == []
