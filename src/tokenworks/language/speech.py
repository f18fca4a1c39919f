"""Telling: a sentence in the language that the one who is told speaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tokenworks.language.catalogue import Catalogue
from tokenworks.language.prefer import DEFAULT, LANGUAGES
from tokenworks.language.zh import TABLES

CATALOGUES = {"zh": Catalogue(TABLES)}
_SPOKEN: ContextVar[str] = ContextVar("spoken", default=DEFAULT)


def translate(text: str, language: str) -> str:
    """A finished English sentence in a language; as it is where that has none."""
    catalogue = CATALOGUES.get(language)
    return catalogue.tell(text) if catalogue else text


def tell(text: str) -> str:
    """A finished English sentence in the language spoken here and now."""
    return translate(text, _SPOKEN.get())


def spoken() -> str:
    """The language spoken here and now."""
    return _SPOKEN.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speaks a language for the time of a block, in this thread or task and those it starts."""
    mark = _SPOKEN.set(language if language in LANGUAGES else DEFAULT)
    try:
        yield
    finally:
        _SPOKEN.reset(mark)
