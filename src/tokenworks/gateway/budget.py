"""How many bytes may be in flight: for the worker as a whole, and below it for each account.

A body is counted from its arrival until its request has ended, because until then it may have to be sent again. What
one connection may hold is bounded by the sizes of one body and one pipeline; it needs no counter of its own.
"""

from __future__ import annotations


class Budget:
    """A bound on bytes; what is taken here is taken from the parent too, all or nothing."""

    __slots__ = ("limit", "parent", "used")

    def __init__(self, limit: int, parent: Budget | None = None) -> None:
        self.limit = limit
        self.parent = parent
        self.used = 0

    def take(self, size: int) -> bool:
        """Takes `size` bytes, or nothing and answers False when here or above there is no room."""
        used, parent = self.used + size, self.parent
        if used > self.limit:
            return False
        if parent is not None:
            if parent.parent is None and parent.used + size <= parent.limit:  # as everywhere: two levels
                parent.used += size
            elif not parent.take(size):
                return False
        self.used = used
        return True

    def give(self, size: int) -> None:
        """Returns what was taken."""
        self.used -= size
        parent = self.parent
        while parent is not None:
            parent.used -= size
            parent = parent.parent

    def has_room(self, size: int) -> bool:
        """Whether `take` would succeed now."""
        return self.used + size <= self.limit and (self.parent is None or self.parent.has_room(size))
