"""The audit trail on the command line."""

from __future__ import annotations

import getpass
import re

from tests.cli.conftest import Shell

from tokenworks.cli.client import name_login


def test_the_trail_as_a_table(shop: Shell) -> None:
    assert shop("account", "change", "acme", "--no-active").code == 0
    assert shop("topup", "acme", "-5").code == 2
    table = shop("audit", "list")
    assert table.rows[0].split() == ["number", "at", "actor", "login", "origin", "action", "kind", "id", "outcome",
                                     "reason"]
    assert re.search(r"refused  invalid: .*above zero", table.rows[1])
    assert re.search(r"^1 .*Z  admin:\w{8}  \S+@\S+  socket  account\.change  account  acme  done  -$",
                     re.sub(r" {2,}", "  ", table.rows[2]))
    assert shop.good("audit", "list", "--outcome", "refused")["data"][0]["login"] == name_login()


def test_a_note(shop: Shell) -> None:
    shop("account", "change", "acme", "--no-active")
    shown = shop("audit", "show", "1")
    assert "\nchanges\nfield   before  after\nactive  yes     no\n" in shown.out
    assert shop("audit", "show", "7").code == 3
    assert "tokenworks audit list" in shop("audit", "show", "7").err


def test_verification(shop: Shell) -> None:
    shop("account", "change", "acme", "--no-active")
    whole = shop("audit", "verify")
    digest = re.search(r"^digest\s+(\w{64})$", whole.out, re.M)
    assert digest and "whole      yes" in whole.out
    assert shop.good("audit", "verify", "--digest", digest.group(1))["known"] is True
    for words in (("--digest", "0" * 64), ("--digest", "0" * 64, "--json")):
        forged = shop("audit", "verify", *words)
        assert forged.code == 1 and forged.out, "a check that did not hold is no success"


def test_the_login_is_a_header() -> None:
    assert name_login().startswith(getpass.getuser()) and name_login().isascii()
