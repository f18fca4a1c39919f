"""apply, diff and export at a shell."""

from __future__ import annotations

import io
import os
import re
import socket
from pathlib import Path
from threading import Thread

import pytest
from tests.cli.conftest import Shell

from tokenworks.cli.sources import parse_text
from tokenworks.control.hub import Hub
from tokenworks.operations.account import ChangeAccount, change_account
from tokenworks.operations.desk import Desk

SHOP = """\
apiVersion: tokenworks/v1
kind: Account
metadata: {name: blue}
spec:
  rate_card: gold
---
apiVersion: tokenworks/v1
kind: RateCard
metadata: {name: gold}
spec:
  currency: CNY
  models:
    "*": {input: 0.5, output: 4}
---
apiVersion: tokenworks/v1
kind: Key
metadata: {name: ci}
spec:
  account: blue
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


def test_from_nothing_to_done(shop: Shell, file: Path) -> None:
    words = ("-f", str(file))
    differs = shop("diff", *words)
    assert differs.code == 1 and differs.err == ""
    assert differs.rows[:4] == ["+ create RateCard gold", "    currency         CNY", "    models.*.input   0.5",
                                "    models.*.output  4"]
    assert differs.rows[-1] == "Plan: 3 to create; 0 unchanged."
    assert "+ create Key blue/ci  (its secret is shown once, when it is made)" in differs.rows
    dry = shop("apply", *words, "--dry-run")
    assert (dry.code, dry.out) == (0, differs.out)
    done = shop("apply", *words, "--yes")
    assert done.code == 0 and done.rows[-1] == "Done: 3." and re.search(r"blue +ci +tw_live_\w{38}$", done.out, re.M)
    assert "shown this once" in done.err
    again = shop("apply", *words)
    assert (again.code, again.out) == (0, "Plan: nothing to do; 3 unchanged.\n")
    assert shop("diff", *words).code == 0
    assert shop.good("account", "show", "blue")["balance"]["amount"] == "0.00"


def test_a_change_field_by_field(shop: Shell, file: Path) -> None:
    shop("apply", "-f", str(file), "--yes")
    file.write_text(SHOP.replace("0.5", "0.6").replace("rate_card: gold", "rate_card: standard"))
    assert shop("diff", "-f", str(file)).rows == [
        "~ change RateCard gold  (a new version; requests that began before keep theirs)",
        "    models.*.input  0.5 -> 0.6", "~ change Account blue", "    rate_card  gold -> standard",
        "Plan: 2 to change; 1 unchanged."]


def test_prune(shop: Shell, file: Path) -> None:
    shop("apply", "-f", str(file), "--yes")
    file.write_text(SHOP.replace("name: ci", "name: laptop"))
    assert "remove" not in shop("diff", "-f", str(file)).out
    rows = shop("apply", "-f", str(file), "--prune", "--yes").rows
    assert "- remove Key blue/ci  (revoked for good)" in rows
    assert "- remove Account acme  (closed: an account and its money stay in the books)" in rows
    assert "Plan: 1 to create, 2 to remove; 2 unchanged." in rows


def test_nobody_agrees(shop: Shell, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = shop("apply", "-f", str(file))
    assert refused.code == 2 and "--yes" in refused.err
    assert "create RateCard gold" in refused.out, "the plan is shown all the same"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for answer, code in (("n\n", 1), ("", 1), ("y\n", 0)):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        result = shop("apply", "-f", str(file))
        assert result.code == code and "[y/N]" in result.err, result
        assert ("Nothing was done." in result.err) == bool(code)
    assert shop("diff", "-f", str(file)).code == 0


def test_standard_input(shop: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(SHOP))
    assert shop("apply", "-f", "-").code == 2
    monkeypatch.setattr("sys.stdin", io.StringIO(SHOP))
    assert shop("apply", "-f", "-", "--yes").code == 0


def test_faults_have_file_and_line(shop: Shell, file: Path) -> None:
    file.write_text(SHOP.replace("rate_card: gold", "rate_crad: gold").replace("kind: Key", "kind: Kee")
                    .replace("output: 4", "output: -4") + "---\nkind: TopUp\n")
    for words in (("diff",), ("apply", "--yes"), ("apply", "--dry-run")):
        result = shop(*words, "-f", str(file))
        assert (result.code, result.out) == (2, ""), result
        assert result.err.splitlines() == [
            f"{file}:5: spec.rate_crad: There is no field rate_crad. Did you mean rate_card?",
            f"{file}:16: kind: There is no kind Kee. Did you mean Key?",
            f"{file}:21: apiVersion has to be tokenworks/v1.",
            f"{file}:21: metadata: write the name of the thing, as {{name: ...}}.",
            f"{file}:21: kind: There is no kind TopUp. Documents never move money: a payment is made once, not kept. "
            "Use `tokenworks topup`, and leave this document out.",
            "Nothing was done."]
    assert shop("account", "show", "blue").code == 3


def test_faults_that_only_a_rehearsal_finds(shop: Shell, file: Path) -> None:
    file.write_text(SHOP.replace("output: 4", "output: -4"))
    assert shop("diff", "-f", str(file)).err.startswith(f"{file}:13: spec.models.*.output: '-4' is not a price")
    told = shop("diff", "-f", str(file), "--json")
    assert told.code == 2 and told.json["ok"] is False and told.err == ""
    assert told.json["faults"][0]["file"] == str(file) and told.json["faults"][0]["line"] == 13
    file.write_text(SHOP + "---\n" + SHOP)
    assert f"declared twice. Keep one of the two. The other stands at {file}:3." in shop("diff", "-f", str(file)).err


@pytest.mark.parametrize(("text", "said"), [("a: [", "did not find"), ("", "There is no document"),
                                           ("5", "not a document"), ("---\n---\n", "tokenworks export")])
def test_what_is_no_document(shop: Shell, file: Path, text: str, said: str) -> None:
    file.write_text(text)
    result = shop("apply", "-f", str(file), "--yes")
    assert result.code == 2 and said in result.err and "Traceback" not in result.err


def test_round_trip_at_a_shell(shop: Shell, file: Path) -> None:
    shop("apply", "-f", str(file), "--yes")
    exported = shop("export")
    assert exported.code == 0 and exported.err == ""
    assert [one.value for one in parse_text(exported.out, "x")] == shop.good("export")
    file.write_text(exported.out)
    assert shop("diff", "-f", str(file), "--prune").rows == ["Plan: nothing to do; 6 unchanged."]
    assert [one["kind"] for one in shop.good("export", "key", "models")] == ["Model", "Key"]
    assert "Did you mean Model?" in shop("export", "modle").err
    assert shop("export", "modle").code == 2


def test_json_for_programs(shop: Shell, file: Path) -> None:
    plan = shop("diff", "-f", str(file), "--json")
    assert plan.code == 1 and [step["action"] for step in plan.json["steps"]] == ["create"] * 3
    done = shop.good("apply", "-f", str(file), "--yes")
    assert done["applied"]["complete"] and done["applied"]["keys"][0]["secret"].startswith("tw_live_")
    assert shop.good("apply", "-f", str(file))["applied"] is None


def test_somebody_else_comes_between(shop: Shell, hub: Hub, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the plan that was shown and the doing; and in the midst of the doing."""
    shop("apply", "-f", str(file), "--yes")
    file.write_text(SHOP.replace("0.5", "0.6").replace("rate_card: gold", "rate_card: standard"))
    desk = Desk(hub.store, hub.secrets, hub.clock, hub.dice, hub.dice)

    class Meddling(io.StringIO):
        def isatty(self) -> bool:
            change_account(desk, ChangeAccount("blue", name="meddled"))
            return True

    monkeypatch.setattr("sys.stdin", Meddling("y\n"))
    result = shop("apply", "-f", str(file))
    assert result.code == 5 and "Plan again" in result.err
    add = type(hub.store.cards).add

    def meddle(shelf: object, row: object) -> int:
        version = add(shelf, row)  # type: ignore[arg-type]
        change_account(desk, ChangeAccount("blue", name="meddled again"))
        return version

    with monkeypatch.context() as between:
        between.setattr(type(hub.store.cards), "add", meddle)
        result = shop("apply", "-f", str(file), "--yes")
    assert result.code == 5 and "It stopped at Account blue" in result.err
    assert result.rows[-2:] == ["done: change RateCard gold", "not done: change Account blue"]
    refused = shop.good("audit", "list", "--outcome", "refused")["data"]
    assert [row["action"] for row in refused] == ["document.apply", "document.apply"]
    assert refused[0]["id"] == "Account blue"
    assert shop("apply", "-f", str(file), "--yes").rows[-1] == "Done: 1."
    assert os.linesep.join(shop("diff", "-f", str(file)).rows) == "Plan: nothing to do; 3 unchanged."


def test_the_trail_has_every_step(shop: Shell, file: Path) -> None:
    shop("apply", "-f", str(file), "--yes")
    rows = shop.good("audit", "list")["data"]
    assert [(row["action"], row["kind"], row["detail"]) for row in rows] == [
        ("key.create", "key", "document.apply"), ("account.create", "account", "document.apply"),
        ("rate-card.set", "rate-card", "document.apply")]
    assert len({row["request_id"] for row in rows}) == 1


def test_in_chinese(shop: Shell, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENWORKS_LANG", "zh")
    assert shop("diff", "-f", str(file)).rows[-1] == "计划：创建 3 项；0 项不变。"
    file.write_text(SHOP.replace('"*": {input: 0.5', '"*": {inptu: 0.5'))
    assert f"{file}:13: spec.models.*.inptu: 没有" in shop("diff", "-f", str(file)).err


def test_an_answer_that_breaks_off(alone: Shell) -> None:
    """It may have been done: that is said, and nothing worse happens."""
    (alone.state / "run").mkdir()
    (alone.state / "admin.token").write_text("x\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(alone.state / "run" / "public.sock"))
        listener.listen()

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1 << 16)
                peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")

        thread = Thread(target=answer)
        thread.start()
        result = alone("export")
        thread.join()
    assert result.code == 7 and "broke off" in result.err and "may have been done" in result.err
