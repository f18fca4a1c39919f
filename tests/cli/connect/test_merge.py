"""Merging into what people have written: comments, order and foreign settings stay; what cannot be read is told."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from tokenworks.cli.connect.merge import merge_text, read_text
from tokenworks.cli.connect.setup import Change, Edit, Format, Pick
from tokenworks.cli.exits import USAGE, Failed

TOML = """# of mine
model = "other" # for now
approval_policy = "never"

[mcp_servers.docs]
command = "docs" # mine too

[model_providers.other]
name = "Other"
"""
YAML = """# of mine
model: other # for now
read:
  - CONVENTIONS.md
dark-mode: true
"""


def edit_of(format_: Format, *changes: Change) -> Edit:
    return Edit(Path(f"/settings.{format_}"), format_, changes)


def test_toml() -> None:
    told = merge_text(edit_of("toml", Change(("model",), "m1"), Change(("model_provider",), "tw"),
                              Change(("model_providers", "tw", "base_url"), "u")), TOML)
    found = tomllib.loads(told)
    assert found == {"model": "m1", "approval_policy": "never", "model_provider": "tw",
                     "mcp_servers": {"docs": {"command": "docs"}},
                     "model_providers": {"other": {"name": "Other"}, "tw": {"base_url": "u"}}}
    for comment in ("# of mine", "# for now", "# mine too"):
        assert comment in told


def test_yaml() -> None:
    told = merge_text(edit_of("yaml", Change(("model",), "m1"), Change(("openai-api-base",), "u")), YAML)
    assert yaml.safe_load(told) == {"model": "m1", "read": ["CONVENTIONS.md"], "dark-mode": True,
                                    "openai-api-base": "u"}
    assert "# of mine" in told and "# for now" in told


def test_yaml_lists() -> None:
    change = Change((Pick("model_id", "tw/m1"),), {"model_id": "tw/m1", "api_base": "u"})
    told = merge_text(edit_of("yaml", change), "# list\n- model_id: other # o\n")
    assert yaml.safe_load(told) == [{"model_id": "other"}, {"model_id": "tw/m1", "api_base": "u"}]
    assert "# list" in told and "# o" in told
    again = Change((Pick("model_id", "tw/m1"),), {"api_base": "v"})
    assert yaml.safe_load(merge_text(edit_of("yaml", again), told))[1] == {"model_id": "tw/m1", "api_base": "v"}


def test_yaml_of_comments_only() -> None:
    assert merge_text(edit_of("yaml", Change(("a",), 1)), "# one\n# two\n") == "# one\n# two\na: 1\n"


@pytest.mark.parametrize(("format_", "text"), [("toml", TOML), ("yaml", YAML), ("json", '{"a": {"b": 1}} // x')])
def test_the_same_again_changes_nothing(format_: Format, text: str) -> None:
    edit = edit_of(format_, Change(("a", "b"), 1), Change(("c",), "d"))
    told = merge_text(edit, text)
    assert merge_text(edit, told) == told and read_text(format_, told)["c"] == "d"


@pytest.mark.parametrize(("format_", "text", "line"), [
    ("json", '{"a": 1,\n"b" 2}', 2), ("toml", "a = 1\nb = \n", 2), ("yaml", "a: 1\nb: [1\nc: 2\n", 3),
    ("yaml", "just a text", 1), ("toml", 'a = "text"\n', 1), ("json", '{"a": []}', 1)])
def test_what_cannot_be_read(format_: Format, text: str, line: int) -> None:
    with pytest.raises(Failed, match="Nothing was changed") as caught:
        merge_text(edit_of(format_, Change(("a", "b"), 1)), text)
    assert str(caught.value).startswith(f"/settings.{format_}:{line}: ") and caught.value.exit_code == USAGE
