"""No sentence of ours without Chinese: a new one fails here until it has a row in `language/zh/`."""

from __future__ import annotations

import re

import pytest
from tests.language.sentences import QUIET, SRC, labels, sentences

from tokenworks.language.speech import CATALOGUES, translate
from tokenworks.language.zh import TABLES

CHINESE = re.compile("[一-鿿]")
ENGLISH = re.compile(r"\b[a-z]+(?: [a-z]+){3,}\b")  # four words in a row: a sentence was left as it was
LOOKED_FOR = ("prompt is too long", "This model's maximum context length")  # clients look for these very words
FILLED = "X1"


def untold(text: str) -> str:
    """What is wrong with the Chinese of a template; "" for nothing."""
    filled = re.sub(r"\{\d*(![rs])?\}", FILLED, text)
    told = translate(filled, "zh")
    if not CHINESE.search(told):
        return told
    left = ENGLISH.search(re.sub(r"`[^`]*`", "", told))
    return left.group() if left and not told.startswith(LOOKED_FOR) else ""


def is_bare(text: str) -> bool:
    """Nothing but what is put in."""
    return not re.search("[A-Za-z]", re.sub(r"\{\d*(![rs])?\}", "", text))


def test_every_sentence() -> None:
    missing = [f"{place}: {text!r}" for text, place in sentences().items() if not is_bare(text) and untold(text)]
    assert missing == [], f"{len(missing)} without Chinese: add rows to language/zh/"


def test_every_label() -> None:
    assert [name for name in sorted(labels()) if translate(name, "zh") == name and name != "url"] == []


def test_it_would_fail() -> None:
    assert untold("The moon is made of {} cheese.") and untold("Try again in a moment. The moon is full tonight.")
    assert len(sentences()) > 600, "the sentences are not found any more"


def test_what_is_put_in_has_a_place() -> None:
    """As many places as holes, each used once: nothing that was said is lost."""
    wrong = [english for table in TABLES for english, told in table.items()
             if "{}" in english and sorted(set(re.findall(r"\{(\d)(?::w)?\}", told)))
             != [str(number) for number in range(english.count("{}"))]
             and english not in DROPPED]
    assert wrong == []


DROPPED = {  # English needs a word there, Chinese does not
    "is empty. Send the {}'s bytes in base64.",
    "is not base64. Encode the {}'s bytes in standard base64, padded and in one line.",
}


def test_no_row_stands_twice_with_other_words() -> None:
    seen: dict[str, str] = {}
    for table in TABLES:
        for english, told in table.items():
            assert seen.setdefault(english, told) == told, english


@pytest.mark.parametrize("place", sorted({place.partition(": ")[0] for place in QUIET}))
def test_what_is_quiet_is_there(place: str) -> None:
    assert (SRC / place).exists()


def test_every_row_is_made_of_known_parts() -> None:
    """A template without fixed words would fit everything."""
    for table in TABLES:
        for english in table:
            assert re.search("[A-Za-z]", english.replace("{}", "")) or english == "{} · {} · {} left", english
    assert set(CATALOGUES) == {"zh"}
