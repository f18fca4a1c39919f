"""Bad input of every kind: one sentence that says what to do, and the exit code of the table."""

from __future__ import annotations

import pytest
from tests.cli.conftest import TOKEN, Shell

MISTAKES = [
    (("acount", "list"), 2, 'Did you mean "account"?'),
    (("account", "lst"), 2, 'Did you mean "list"?'),
    (("account", "list", "--limt", "3"), 2, "Did you mean --limit?"),
    (("account", "list", "--limit", "x"), 2, "--limit"),
    (("account", "list", "--limit", "0"), 2, "from 1 to 500"),
    (("account", "list", "extra"), 2, "Nothing is expected after this: extra."),
    (("account", "show"), 2, "ACCOUNT"),
    (("account", "show", "nobody"), 3, "tokenworks account list"),
    (("account", "show", "张三"), 3, "张三"),
    (("request", "explain", "请求"), 3, "请求"),
    (("account", "create", "x", "--currency", "EUR"), 2, "CNY, USD"),
    (("account", "create", "x", "--rate-card", "none"), 3, "tokenworks rate-card list"),
    (("account", "create", "x", "--id", "acme"), 5, "exists already"),
    (("account", "refund", "acme", "lot_x"), 3, "tokenworks account wallet"),
    (("topup", "acme", "1.0000000001"), 2, "9 decimal places"),
    (("topup", "acme", "-5"), 2, "above zero"),
    (("topup", "acme", "much"), 2, "plain decimal number"),
    (("deployment", "add", "d"), 2, "Missing: --model, --url, --engine."),
    (("deployment", "add", "d", "--model", "m1", "--url", "http://x/v1", "--engine", "vllm"), 2, "leave out the /v1"),
    (("deployment", "add", "d", "--model", "m1", "--url", "http://x", "--engine", "vlm"), 2, 'Did you mean "vllm"?'),
    (("deployment", "add", "d", "--model", "m1", "--url", "https://x", "--engine", "openai", "--secret", "sk-1"), 2,
     "never the key itself"),
    (("deployment", "add", "d", "--model", "no", "--url", "http://x", "--engine", "vllm"), 3, "tokenworks model list"),
    (("rate-card", "set", "c", "--currency", "CNY", "--models", "{"), 2, "not JSON"),
    (("rate-card", "set", "c", "--currency", "CNY", "--models", '{"*": {"inptu": "3"}}'), 2, "Did you mean input?"),
    (("rate-card", "set", "c", "--currency", "CNY", "--models", '{"*": {"input": "-3"}}'), 2, "0 or more"),
    (("rate-card", "set", "c", "--currency", "CNY"), 2, "Missing: --models."),
    (("rate-card", "set", "c", "--file", "/nowhere.toml"), 2, "cannot be read"),
    (("request", "explain", "req_x"), 3, "tokenworks request list"),
    (("request", "list", "--since", "yesterday"), 2, "2027-01-31T00:00:00Z"),
    (("usage", "--by", "colour"), 2, "account, model, key, day"),
    (("gateway", "forget", "nowhere"), 3, "tokenworks gateway list"),
    (("ledger", "resolve", "sus_x", "done"), 3, "tokenworks ledger suspense"),
    (("request", "tail", "--back", "5000"), 2, "from 0 to 1000"),
]


@pytest.mark.parametrize(("words", "code", "said"), MISTAKES)
def test_mistakes(shop: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    result = shop(*words)
    assert (result.code, result.out) == (code, ""), result
    assert said in result.err and "Traceback" not in result.err
    as_json = shop(*words, "--json")
    assert as_json.code == code and as_json.err == ""
    assert said.replace('"', "") in str(as_json.json["error"]).replace("\\'", "'").replace('"', "")
    assert as_json.json["ok"] is False


def test_nobody_answers(alone: Shell) -> None:
    empty = alone.state / "empty"
    empty.mkdir()
    result = alone.bare("account", "list", "--state", str(empty))
    assert result.code == 7 and "tokenworks up" in result.err and "Errno" not in result.err
    assert list(empty.iterdir()) == []


def test_server(shop: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("127.0.0.1:8400", "ftp://h", "http://", "http://h/api"):
        result = shop.bare("account", "list", "--server", address)
        assert result.code == 2 and "http://host:port" in result.err, address
    result = shop.bare("account", "list", "--server", "http://127.0.0.1:1")
    assert result.code == 4 and "TOKENWORKS_ADMIN_TOKEN" in result.err
    monkeypatch.setenv("TOKENWORKS_ADMIN_TOKEN", TOKEN)
    result = shop.bare("account", "list", "--server", "http://127.0.0.1:1")
    assert result.code == 7 and "Connection refused" in result.err


def test_wrong_token(shop: Shell) -> None:
    (shop.state / "admin.token").write_text("tw_admin_wrong\n")
    result = shop("account", "list")
    assert result.code == 4 and "admin.token" in result.err


@pytest.mark.parametrize(("text", "said"), [
    ("[gateway]\nwrokers = 3\n", ":2: there is no setting gateway.wrokers. Did you mean gateway.workers?"),
    ("[gateway]\n\nworkers = 'x'\n", ":3: gateway.workers must be a whole number from 0 to 256, not 'x'."),
    ("[gateway\n", ":1: not valid TOML"),
    ("[gateway]\ndurability = 'dsk'\n", "did you mean disk?")])
@pytest.mark.parametrize("words", [("up",), ("control",), ("gateway",), ("engine",), ("doctor",), ("config", "view")])
def test_settings_are_refused_before_anything_starts(alone: Shell, text: str, said: str,
                                                     words: tuple[str, ...]) -> None:
    path, fresh = alone.state / "own.toml", alone.state / "fresh"
    path.write_text(text)
    result = alone.bare(*words, "--config", str(path), "--state", str(fresh))
    assert result.code == 2 and f"{path}" in result.err and said in result.err, result
    assert not fresh.exists()


def test_bad_variable(alone: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENWORKS_GATEWAY__WORKRES", "3")
    result = alone.bare("config", "view")
    assert result.code == 2 and "Did you mean TOKENWORKS_GATEWAY__WORKERS?" in result.err
