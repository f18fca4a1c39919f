"""Calling the books without stopping the loop, and knowing whether they answer.

The store is synchronous: each verb is one transaction on a thread. A few threads are enough, because a database gets no
faster by more callers, and none may wait behind a verb that hangs: lending has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from tokenworks.errors import BooksUnreachable

P = ParamSpec("P")
T = TypeVar("T")


class Reach:
    """Whether the last verb that anybody called went through. Set from any thread."""

    def __init__(self) -> None:
        self.reached = True
        self.why = ""

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The verb's result, on this thread; raises what it raises."""
        try:
            result = verb(*args, **kwargs)
        except BooksUnreachable as error:
            self.reached, self.why = False, str(error)
            raise
        self.reached, self.why = True, ""
        return result


class Hands:
    """Threads that call the books for the event loop."""

    def __init__(self, reach: Reach, count: int, name: str) -> None:
        self._reach = reach
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The verb's result, off the loop; raises what it raises."""
        bound = partial(self._reach.call, verb, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, bound)

    def close(self) -> None:
        """Ends the threads once what runs has ended; what has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
