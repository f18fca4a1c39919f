"""Whose an upstream's object is: known here for those issued here lately, asked of the books for the others."""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.credit.messages import Owned, ToControl, Whose

KEPT_MAX = 50_000  # objects remembered; the oldest are asked for again
Owner = tuple[str, str]  # account and deployment; two empty strings: nobody knows


class Owners:
    """A bounded memory of owners, and the questions on their way."""

    def __init__(self, send: Callable[[ToControl], bool]) -> None:
        self._send = send
        self._known: dict[str, Owner] = {}
        self._asked: dict[int, tuple[tuple[str, ...], Callable[[], None]]] = {}
        self._identity = 0

    def note(self, objects: tuple[str, ...], account: str, deployment: str) -> None:
        """These were issued just now."""
        for name in objects:
            self._known[name] = (account, deployment)
        while len(self._known) > KEPT_MAX:
            del self._known[next(iter(self._known))]

    def find(self, objects: tuple[str, ...]) -> list[Owner] | None:
        """The owners, or None while one of them is not known here."""
        found = [self._known.get(name) for name in objects]
        return None if None in found else [owner for owner in found if owner is not None]

    def ask(self, objects: tuple[str, ...], told: Callable[[], None]) -> bool:
        """Ask the books; `told` is called when they have answered. False when they cannot be reached."""
        self._identity += 1
        if not self._send(Whose(self._identity, objects)):
            return False
        self._asked[self._identity] = (objects, told)
        return True

    def take_owned(self, owned: Owned) -> None:
        """The books' answer."""
        objects, told = self._asked.pop(owned.id, ((), _nobody))
        for name, owner in zip(objects, owned.owners, strict=False):
            self._known[name] = owner
        told()
        for name in objects:
            if self._known.get(name) == ("", ""):
                del self._known[name]  # it may be posted in a moment: unknown is no answer to keep

    def link_lost(self) -> None:
        """Questions on their way are lost; who asked has a deadline."""
        self._asked.clear()


def _nobody() -> None:
    return None
