"""Whatever can be wrong with documents: the place, what is near, and nothing is done."""

from __future__ import annotations

from typing import Any

import pytest
from tests.operations.declare.samples import doc, open_desk, plan, said, shop

from tokenworks.errors import Invalid
from tokenworks.limits import DOCUMENTS_MAX
from tokenworks.operations.declare.check import NEAR_MAX, nearest
from tokenworks.operations.declare.plan import make_plan
from tokenworks.operations.document import ApplyDocuments, apply_documents

WRONG = [
    ([doc("Modle", "x")], 0, "kind", "Did you mean Model?"),
    ([doc("model", "x")], 0, "kind", "Did you mean Model?"),
    ([doc("Tariff", "x")], 0, "kind", "There are: RateCard, Model, Deployment, Account, Key."),
    ([doc("TopUp", "x", amount="5")], 0, "kind", "never move money"),
    ([doc("Wallet", "x")], 0, "kind", "tokenworks topup"),
    ([doc("Secret", "x", value="sk-1")], 0, "kind", "tokenworks secret set"),
    ([doc("Model", "m", context_tokens=10**30)], 0, "spec.context_tokens", "1000000"),
    ([doc("Model", "m", context_tokens=[[[]]])], 0, "spec.context_tokens", "[[[]]]"),
    ([{"apiVersion": "v1", **{k: v for k, v in doc("Model", "m", context_tokens=1).items() if k != "apiVersion"}}], 0,
     "apiVersion", "tokenworks/v1"),
    ([{**doc("Model", "m", context_tokens=1), "spce": {}}], 0, "spce", "Did you mean spec?"),
    ([{**doc("Model", "m", context_tokens=1), "metadata": {"nmae": "m"}}], 0, "metadata", "name is required"),
    ([{**doc("Model", "m", context_tokens=1), "metadata": {"name": True}}], 0, "metadata.name", "as a text"),
    ([{**doc("Model", "m", context_tokens=1), "metadata": 5}], 0, "metadata", "name of the thing"),
    ([{"kind": "Model"}], 0, "", "context_tokens is required."),
    ([doc("Account", "a"), 5], 1, "", "not a document"),
    ([{**doc("Model", "m"), "spec": []}], 0, "spec", "not a table"),
    ([doc("Model", "m", contxt_tokens=5)], 0, "spec.contxt_tokens", "Did you mean context_tokens?"),
    ([doc("Model", "m", context_tokens="many")], 0, "spec.context_tokens", "Expected `int`"),
    ([doc("Model", "m", context_tokens=0)], 0, "spec.context_tokens", ">= 1"),
    ([doc("Model", "m", context_tokens=5, modality="txt")], 0, "spec.modality", "Did you mean text?"),
    ([doc("Model", "m m", context_tokens=5)], 0, "metadata.name", "letters, digits"),
    ([doc("Model", "m", context_tokens=5, tokenizer="bpe")], 0, "spec.tokenizer", "file:/path"),
    ([doc("Model", "m", context_tokens=5, if_version=1)], 0, "spec.if_version", "There is no field"),
    ([doc("RateCard", "c", currency="EUR", models={"m": {"input": "1"}})], 0, "spec.currency", "CNY"),
    ([doc("RateCard", "c", currency="CNY", models={"q.5": {"inptu": "1"}})], 0, "spec.models.q.5.inptu", "mean input?"),
    ([doc("RateCard", "c", currency="CNY", models={"q.5": {"input": 0.5}})], 0, "spec.models.q.5.input", "in quotes"),
    ([doc("RateCard", "c", currency="CNY", models={"q.5": {"input": "-1"}})], 0, "spec.models.q.5.input", "0 or more"),
    ([doc("RateCard", "c", currency="CNY", models={"m": {"extras": {"Web": "1"}}})], 0, "spec.models.m.extras.Web",
     "lower case"),
    ([doc("RateCard", "c", currency="CNY", models={})], 0, "spec.models", "at least one model"),
    ([doc("RateCard", "c", currency="CNY", models=[])], 0, "spec.models", "not a table"),
    ([doc("RateCard", "c", currency="CNY", models={"*": {}}, effective_from="soon")], 0, "spec.effective_from",
     "2027-01-31T00:00:00Z"),
    ([doc("RateCard", "c@1", currency="CNY", models={"*": {}})], 0, "metadata.name", "letters, digits"),
    ([doc("RateCard", "c", currency="CNY", models={"*": {}}, earlier=[{"currency": "CNY"}])], 0, "spec.earlier.0",
     "models is required"),
    ([doc("Deployment", "d", model="m1", url="http://127.0.0.1:1/v1", engine="vllm")], 0, "spec.url", "/v1"),
    ([doc("Deployment", "d", model="m1", url="http://127.0.0.1:1", engine="vlm")], 0, "spec.engine", "mean vllm?"),
    ([doc("Deployment", "d", model="m1", url="https://x", engine="openai", secret="sk-1")], 0, "spec.secret",
     "never the key itself"),
    ([doc("Deployment", "d", model="m1", url="https://x", engine="openai", dialects=["chat", "chta"])], 0,
     "spec.dialects.1", "Did you mean chat?"),
    ([doc("Deployment", "d", model="m11", url="https://x", engine="openai")], 0, "spec.model", "Did you mean m1?"),
    ([doc("Deployment", "d", model="m1", url="https://x", engine="openai", cost_card="standrad")], 0, "spec.cost_card",
     "Did you mean standard?"),
    ([doc("Account", "b", rate_card="gold")], 0, "spec.rate_card", "There is no RateCard gold. There are: standard."),
    ([doc("Account", "b", parent="acne")], 0, "spec.parent", "Did you mean acme?"),
    ([doc("Account", "b", currency="USD")], 0, "spec.rate_card", "standard is in CNY"),
    ([doc("Account", "b", crash="never")], 0, "spec.crash", "bill, waive"),
    ([doc("Account", "b", labels={"a b": "x"})], 0, "spec.labels", "letters, digits"),
    ([doc("Account", "b", labels={str(n): "x" for n in range(40)})], 0, "spec.labels", "length <= 32"),
    ([doc("Account", "acme", parent="top", currency="USD", labels={"team": "x"})], 0, "spec.currency",
     "is CNY and cannot become USD"),
    ([doc("Account", "top", parent="acme")], 0, "spec.parent", "is empty and cannot become acme"),
    ([doc("Key", "ci", account="acme", models=["m2"])], 0, "spec.models", "another key under a new name"),
    ([doc("Key", "k", account="nobody")], 0, "spec.account", "There is no Account nobody"),
    ([doc("Key", "k", account="acme", expires_at="2001-01-01T00:00:00Z")], 0, "spec.expires_at", "lies in the past"),
    ([doc("Key", "k", account="acme", expires_at="never")], 0, "spec.expires_at", "is not a time"),
    ([doc("Key", "k\nk", account="acme")], 0, "metadata.name", "one line"),
    ([doc("Model", "m", context_tokens=5), doc("Model", "m", context_tokens=6)], 1, "metadata.name", "declared twice"),
    ([doc("Account", "a", parent="b"), doc("Account", "b", parent="c"), doc("Account", "c", parent="a")], 0,
     "spec.parent", "in a circle: a -> b -> c -> a"),
    ([doc("Account", "a", parent="a")], 0, "spec.parent", "in a circle: a -> a"),
]


@pytest.mark.parametrize(("documents", "number", "place", "message"), WRONG)
def test_what_is_wrong(documents: list[Any], number: int, place: str, message: str) -> None:
    desk = open_desk()
    apply_documents(desk, ApplyDocuments(shop()))
    before = desk.store.policy.version()
    view = plan(desk, documents)
    found = said(view.faults)
    assert any((one[0], one[1]) == (number, place) and message in one[2] for one in found), found
    assert view.steps == [] and view.digest == ""
    with pytest.raises(Invalid):
        apply_documents(desk, ApplyDocuments([doc("Model", "good", context_tokens=5), *documents]))
    assert desk.store.policy.version() == before


def test_all_faults_at_once() -> None:
    """And what names a document with a fault is not at fault for that."""
    view = plan(open_desk(), [
        doc("Model", "m", contxt_tokens=5), doc("Deployment", "d", model="m", url="https://x", engine="opnai"),
        doc("RateCard", "c", currency="CNY", models={"a": {"inptu": "1"}, "b": {"output": []}}),
        doc("Account", "b", rate_card="c", active="yes")])
    assert [(one[0], one[1]) for one in said(view.faults)] == [
        (0, "spec"), (0, "spec.contxt_tokens"), (1, "spec.engine"), (2, "spec.models.a.inptu"),
        (2, "spec.models.b.output"), (3, "spec.active")]


def test_a_twin_names_the_other() -> None:
    view = plan(open_desk(), [doc("Model", "a", context_tokens=5), doc("Model", "b", context_tokens=5),
                              doc("Model", "a", context_tokens=5)])
    (fault,) = view.faults
    assert (fault.document, fault.other) == (2, 0)


def test_keys_of_two_accounts_are_no_twins() -> None:
    view = plan(open_desk(), [*shop(), doc("Key", "ci", account="top")])
    assert view.faults == []


def test_what_hangs_on_a_circle_is_no_fault_of_its_own() -> None:
    view = plan(open_desk(), [*shop(), doc("Account", "a", parent="b"), doc("Account", "b", parent="a"),
                              doc("Account", "c", parent="a"), doc("Key", "k", account="c")])
    assert len(view.faults) == 1 and "a -> b -> a" in view.faults[0].message


def test_too_many() -> None:
    with pytest.raises(Invalid, match="in parts"):
        plan(open_desk(), [{}] * (DOCUMENTS_MAX + 1))


def test_the_refusal_of_an_apply_names_the_first() -> None:
    with pytest.raises(Invalid, match=r"documents\[1\]\.kind: There is no kind Modle.*1 more"):
        apply_documents(open_desk(), ApplyDocuments([doc("Model", "m", context_tokens=1), doc("Modle", "m"), 5]))


def test_a_slip_among_thousands_of_names() -> None:
    """What was meant is found, what is listed is short, and nobody waits for minutes."""
    models = [doc("Model", f"qwen3-coder-{number}", context_tokens=4096) for number in range(1500)]
    slips = [doc("Account", f"a{number}", rate_card=f"retial-{number}") for number in range(1500)]
    cards = [doc("RateCard", f"retail-{number}", currency="CNY", models={"*": {}}) for number in range(1500)]
    found = make_plan([*models, *slips, *cards, doc("Account", "b", rate_card="gold")], {}, False, 0).faults
    assert len(found) == 1501 and found[7].message.endswith("Did you mean retail-7?")
    assert found[-1].message.endswith(", ….") and len(found[-1].message) < 1000


def test_near_names_among_many() -> None:
    names = [f"model-{number:04}" for number in range(NEAR_MAX + 50)]
    for slip in ("modle-0077", "MODEL-0077", "mode-0077", "model-00777"):
        assert nearest(slip, names) == "Did you mean model-0077?", slip
