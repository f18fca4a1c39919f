"""Documents from files: what is read, with the line of every field, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tokenworks.cli.exits import USAGE, Failed
from tokenworks.cli.sources import parse_text, read_sources

SHOP = """\
# what we sell
apiVersion: tokenworks/v1
kind: RateCard
metadata: {name: standard}
spec:
  currency: CNY
  models:
    qwen2.5:
      input: 0.5
      output: 4
---
---
kind: Model
spec: {context_tokens: 4096,
       vendor: no}
"""


def test_values_and_lines() -> None:
    card, model = parse_text(SHOP, "shop.yaml")
    assert card.value["spec"]["models"] == {"qwen2.5": {"input": "0.5", "output": 4}}
    assert model.value == {"kind": "Model", "spec": {"context_tokens": 4096, "vendor": "no"}}
    assert card.line_of([]) == 2 and card.line_of(["spec", "models", "qwen2.5", "input"]) == 9
    assert card.line_of(["spec", "models", "qwen2.5", "cache_read"]) == 8, "the table around what is not there"
    assert model.line_of(["spec", "vendor"]) == 15 and model.line_of(["metadata"]) == 13


@pytest.mark.parametrize(("word", "value"), [
    ("yes", "yes"), ("true", True), ("FALSE", False), ("~", None), ("null", None), ("007", "007"), ("-3", -3),
    ("1e3", "1e3"), ("1_000", "1_000"), ("12:30", "12:30"), ("2027-01-01", "2027-01-01"), ("0x1f", "0x1f"),
    (".inf", ".inf"), ("'5'", "5"), ("9" * 40, "9" * 40), ("!!str 5", "5"), ("<<", "<<")])
def test_words(word: str, value: object) -> None:
    (found,) = parse_text(f"a: {word}", "x")
    assert found.value == {"a": value}


def test_json_and_lists_of_documents() -> None:
    documents = [{"kind": "Model", "spec": {"vendor": "Ünï 😀 \\ud83d"}}, {"kind": "Key"}]
    for text in (json.dumps(documents), json.dumps(documents, indent=2, ensure_ascii=False)):
        assert [one.value for one in parse_text(text, "x.json")] == documents
    assert parse_text(json.dumps(documents, indent=2), "x.json")[1].line_of([]) == 8


def test_aliases() -> None:
    (found,) = parse_text("a: &p {input: 4}\nb: *p\n", "x")
    assert found.value == {"a": {"input": 4}, "b": {"input": 4}}


@pytest.mark.parametrize(("text", "line", "said"), [
    ("a: 1\nb: 2\na: 3\n", 3, "a stands twice"), ("a: [1,\n", 2, "did not find"), ("a: 1\n\tb: 2\n", 2, "tab"),
    ("a: !!python/object/apply:os.system [ls]\n", 1, "no meaning"), ("a: !!binary aGk=\n", 1, "no meaning"),
    ("a:\n  ? [x]\n  : 1\n", 2, "single word"), ("a: &x [*x]\n", 1, "too deep"), ("a: *x\n", 1, "undefined alias"),
    ("a: \x07\n", 1, "control characters"), ("[" * 5000, 1, "depth"), ("a: 1\nc: !!int x\n", 2, "whole number"),
    ("a: !!bool maybe\n", 1, "no meaning"), ("a: !!null 5\n", 1, "no meaning"),
    ("- &a [" + "1," * 90 + "]\n- &b [" + "*a," * 90 + "]\n" + ("- [" + "*b," * 9 + "]\n") * 9, 1, "too much"),
    (f"a: &a {'x' * 100_000}\nb: [{'*a,' * 400}]\n", 1, "too much"),
    ("a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", 1, "too")])
def test_what_is_refused(text: str, line: int, said: str) -> None:
    with pytest.raises(Failed) as refused:
        parse_text(text, "f.yaml")
    assert refused.value.exit_code == USAGE
    assert str(refused.value).startswith(f"f.yaml:{line}: ") and said in str(refused.value)


def test_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b.yaml", "a.yml", "sub/c.json", ".git/d.yaml", "notes.txt"):
        (tmp_path / name).write_text(json.dumps({"kind": name}))
    assert [one.value["kind"] for one in read_sources([str(tmp_path)])] == ["a.yml", "b.yaml", "sub/c.json"]
    assert read_sources([str(tmp_path / "notes.txt")])[0].value == {"kind": "notes.txt"}
    monkeypatch.setattr("sys.stdin", io.StringIO("kind: Model"))
    (found,) = read_sources(["-"])
    assert (found.value, found.source) == ({"kind": "Model"}, "standard input")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4")
    (tmp_path / "empty").mkdir()
    for name, said in (("nowhere.yaml", "cannot be read"), ("latin.yaml", "not UTF-8"), ("empty", "no document in")):
        with pytest.raises(Failed, match=said):
            read_sources([str(tmp_path / name)])
