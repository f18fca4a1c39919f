"""The operator's nouns: every command against the REST API, as tables and as JSON."""

from __future__ import annotations

import json
import re

import pytest
from tests.cli.conftest import Shell

from tokenworks.cli.nouns import AUDIT, COMMANDS, TOPUP, USAGE_SUM
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.fields import FIELDS, describe_field


def test_every_operation_has_a_command() -> None:
    spoken = {command.operation for command in (*COMMANDS, *AUDIT, TOPUP, USAGE_SUM)} | {"request.explain"}
    assert spoken | {"document.plan", "document.apply", "document.export"} == set(OPERATIONS)


def test_every_field_is_described_and_no_description_is_idle() -> None:
    used = set()
    for operation in OPERATIONS.values():
        for name in operation.takes.__struct_fields__:
            assert describe_field(operation.name, name).endswith((".", ")")), name
            used.add(f"{operation.name}.{name}" if f"{operation.name}.{name}" in FIELDS else name)
    assert set(FIELDS) == used


def test_account_from_opening_to_refund(shop: Shell) -> None:
    lot = shop.good("topup", "acme", "12.50", "--reference", "invoice 7")
    assert lot["available"] == {"amount": "12.50", "currency": "CNY"}
    table = shop("account", "list")
    assert table.rows[0].split() == ["id", "name", "balance", "rate", "card", "active", "created", "at"]
    assert re.fullmatch(r"acme  Acme  12\.50 CNY  standard   yes     \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", table.rows[1])
    wallet = shop("account", "wallet", "acme")
    assert "\nlots\n" in wallet.out and "invoice 7" in wallet.out and not re.search(r" $", wallet.out, re.M)
    assert shop("account", "refund", "acme", lot["id"], "2.50").code == 0
    statement = shop("account", "statement", "acme")
    assert "topup=12.50 CNY, refund=-2.50 CNY" in statement.out
    assert statement.rows[-2].split()[2:7] == ["topup", "12.50", "CNY", "12.50", "CNY"]
    assert shop.good("account", "change", "acme", "--no-active")["active"] is False
    assert shop.good("ledger", "audit")["balanced"] is True


def test_entries_stand_by_posting(shop: Shell) -> None:
    shop("topup", "acme", "3")
    rows = shop("ledger", "entries").rows
    assert rows[1].split()[1] == "topup" and rows[2].split() == ["funding:paid", "-3.00", "CNY"]
    assert {row.split()[0] for row in shop("ledger", "balances").rows[1:]} >= {"funding:paid"}


def test_key_is_shown_once(shop: Shell) -> None:
    made = shop("key", "create", "acme", "laptop", "--models", "m1", "--models", "m2")
    assert "tw_live_" in made.out and "this once" in made.err
    listed = shop("key", "list", "--account", "acme")
    assert "tw_live_" in listed.out and "m1, m2" in listed.out
    secret = re.search(r"tw_live_\w+", made.out)
    assert secret and secret.group() not in listed.out
    key = re.search(r"key_\w+", made.out)
    assert key and shop("key", "revoke", key.group()).code == 0
    assert shop.good("key", "show", key.group())["revoked"] is True


def test_prices_stand_by_model(shop: Shell) -> None:
    made = shop("rate-card", "set", "standard", "--currency", "CNY", "--models",
                '{"m1": {"input": "1", "output": "2", "cache_read": "0.1"}, "*": {"input": "9", "output": "9"}}')
    assert made.rows[0].split() == ["id", "currency", "effective", "from", "model", "input", "output", "cache", "read"]
    assert made.rows[1].split()[-4:] == ["m1", "1", "2", "0.1"] and made.rows[2].split()[-4:] == ["*", "9", "9", "-"]
    assert len(shop("rate-card", "list").rows) == 4


def test_deployment(shop: Shell) -> None:
    words = ("deployment", "add", "d1", "--model", "m1", "--url", "http://127.0.0.1:9", "--engine", "vllm",
             "--allow-private", "--own", "--dialects", "chat")
    assert shop.good(*words)["dialects"] == ["chat"]
    assert shop("deployment", "list").rows[1].split() == ["d1", "m1", "vllm", "http://127.0.0.1:9", "chat", "unknown"]
    assert shop.good("deployment", "change", "d1", "--no-enabled")["state"] == "off"
    assert shop("model", "remove", "m1").code == 5
    assert shop.good("deployment", "remove", "d1") == {"id": "d1", "removed": True}
    assert shop("model", "remove", "m1").code == 0


@pytest.mark.parametrize("kind", ["toml", "json"])
def test_fields_from_a_file(shop: Shell, kind: str) -> None:
    path = shop.state / f"card.{kind}"
    if kind == "toml":
        path.write_text('currency = "CNY"\n[models.m1]\ninput = "1"\noutput = "2"\n')
    else:
        path.write_text(json.dumps({"currency": "CNY", "models": {"m1": {"input": "1", "output": "2"}}}))
    assert shop.good("rate-card", "set", "from-file", "--file", str(path))["models"]["m1"]["output"] == "2"
    assert shop("rate-card", "set", "from-file", "--file", str(path), "--currency", "USD").code == 0


@pytest.mark.parametrize(("text", "said"), [
    ("currency = ", "TOML or JSON"), ('[models."*"]\ninputs = "1"', "Did you mean input?"), ("x = 1", "no field x")])
def test_bad_files(shop: Shell, text: str, said: str) -> None:
    path = shop.state / "bad.toml"
    path.write_text(('currency = "CNY"\n' if "[" in text else 'currency = "CNY"\nmodels = {}\n') + text
                    if text != "currency = " else text)
    result = shop("rate-card", "set", "c", "--file", str(path))
    assert result.code == 2 and said in result.err, result


def test_idempotency_key(shop: Shell) -> None:
    first = shop.good("topup", "acme", "5", "--idempotency-key", "pay-1")
    assert shop.good("topup", "acme", "5", "--idempotency-key", "pay-1") == first
    assert shop("topup", "acme", "6", "--idempotency-key", "pay-1").code == 5
    useless = shop("account", "change", "acme", "--no-active", "--idempotency-key", "x")
    assert useless.code == 2 and "--idempotency-key" in useless.err, "the API heeds it where doing twice makes two"
    assert shop.good("account", "show", "acme")["balance"]["amount"] == "5.00"


def test_pages(shop: Shell) -> None:
    for number in range(3):
        shop("account", "create", f"n{number}")
    page = shop("account", "list", "--limit", "2")
    assert len(page.rows) == 3
    cursor = re.search(r"--cursor (\S+)", page.err)
    assert cursor and len(shop("account", "list", "--cursor", cursor.group(1)).rows) == 3


def test_empty_lists_say_so(shell: Shell) -> None:
    for words in (("account", "list"), ("request", "list"), ("usage",), ("ledger", "suspense"), ("gateway", "list")):
        assert shell(*words).out == "none\n", words


def test_numbers_are_numbers(shop: Shell) -> None:
    made = shop.good("model", "set", "m2", "--context-tokens", "4096", "--output-tokens-max", "99",
                     "--image-tokens-max", "7", "--vendor", "1")
    assert (made["output_tokens_max"], made["image_tokens_max"], made["vendor"]) == (99, 7, "1")


def test_a_model_with_a_slash(shop: Shell) -> None:
    assert shop.good("model", "set", "qwen/qwen3-coder", "--context-tokens", "1000")["id"] == "qwen/qwen3-coder"
    assert shop.good("model", "show", "qwen/qwen3-coder")["context_tokens"] == 1000
