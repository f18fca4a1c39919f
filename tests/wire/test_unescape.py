"""Custom tools' inputs out of the JSON that carried them: any text, any split, any escape."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.unescape import Unescaper

TEXT = st.text(max_size=60) | st.text(alphabet='\\"\n\t/uD83d😀é{}', max_size=40)


def feed(pieces: list[str]) -> tuple[list[str], str]:
    unescaper = Unescaper()
    return [unescaper.feed(piece) for piece in pieces], unescaper.close()


@given(TEXT.filter(lambda text: not any("\ud800" <= sign <= "\udfff" for sign in text)), st.booleans(), st.data())
def test_any_split(text: str, ascii_only: bool, data: st.DataObject) -> None:
    said = json.dumps({"input": text}, ensure_ascii=ascii_only)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(said)), max_size=20)))
    if len(said) > 16:
        cuts = [cut for cut in cuts if cut > 12][:14]
    told, rest = feed([said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)])
    assert "".join(told) + rest == text


def test_streams() -> None:
    """What has come is told at once; half an escape waits."""
    told, rest = feed(['{ "input" : "', "a\\", "nb", "\\ud83", "d\\ude", '00c"', "}"])
    assert told == ["", "a", "\nb", "", "", "😀c", ""] and rest == ""


@pytest.mark.parametrize(("said", "expected"), [
    ('{"why":"x","input":"late"}', "late"),
    ('{"input":["a"]}', '["a"]'),
    ('{"other":"x"}', '{"other":"x"}'),
    ("plain text, for " + "long " * 20, "plain text, for " + "long " * 20),
    ('{"input":"\\ud83d!\\q"}', "\ufffd!\\q"),
    ('{"input":""}', ""),
    ("", ""),
])
def test_other_forms(said: str, expected: str) -> None:
    told, rest = feed(list(said))
    assert "".join(told) + rest == expected
