"""One virtual clock and many event loops on it: each simulated process has its own, and may die between any two steps.

The real asyncio code runs on these loops unchanged. Nothing waits and no thread runs: the order of all steps follows
from the seed alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from tokenworks.clock import FakeClock

MS = 1_000_000
S = 1_000_000_000
TRACE_KEPT = 40


class Violation(AssertionError):
    """Something that must always hold does not."""


class Killed(SystemExit):
    """A process dies here. asyncio lets a SystemExit through wherever it is raised, as death goes through all."""

    def __init__(self, process: Process, where: str) -> None:
        super().__init__(where)
        self.process, self.where = process, where


class Handle:
    """What a loop has been asked to do."""

    __slots__ = ("args", "callback", "context", "gone", "owner", "when_ns")

    def __init__(self, owner: Process | None, when_ns: int, callback: Callable[..., Any], args: tuple[Any, ...],
                 context: contextvars.Context | None) -> None:
        self.owner, self.when_ns, self.callback, self.args, self.context = owner, when_ns, callback, args, context
        self.gone = False

    def cancel(self) -> None:
        self.gone = True

    def cancelled(self) -> bool:
        return self.gone

    def when(self) -> float:
        return self.when_ns / S

    def run(self) -> None:
        if self.context is None:
            self.callback(*self.args)
        else:
            self.context.run(self.callback, *self.args)


class Time:
    """The heap of all that is to happen. `after_step` is called after each step with the process that took it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.clock = FakeClock()
        self.steps = 0
        self.owner: Process | None = None  # whose step this is; None: the world's
        self.trace: deque[str] = deque(maxlen=TRACE_KEPT)
        self.after_step: Callable[[Process | None], None] = lambda owner: None
        self.on_death: Callable[[Process], None] = lambda process: None
        self.failure: Violation | None = None  # the first one; asyncio may have swallowed what was raised
        self._heap: list[tuple[int, int, Handle]] = []
        self._count = 0

    @property
    def now_ns(self) -> int:
        return self.clock.mono_ns()

    def after(self, delay_ns: int, owner: Process | None, callback: Callable[..., Any], *args: Any,
              context: contextvars.Context | None = None) -> Handle:
        """`callback` is called later, as a step of `owner`, if that still lives."""
        handle = Handle(owner, self.now_ns + max(0, delay_ns), callback, args, context)
        self._count += 1
        heapq.heappush(self._heap, (handle.when_ns, self._count, handle))
        return handle

    def some(self, least_ms: int, most_ms: int) -> int:
        """A random span in nanoseconds."""
        return self.random.randrange(least_ms * MS, most_ms * MS + 1)

    def chance(self, of_thousand: float) -> bool:
        return self.random.random() * 1000 < of_thousand

    def note(self, text: str) -> None:
        who = self.owner.name if self.owner else "world"
        self.trace.append(f"{self.now_ns / S:9.4f} s  {who:<14} {text}")

    def fail(self, text: str) -> None:
        """Something does not hold. Raises, here and once more after the step."""
        if self.failure is None:
            self.failure = Violation(text)
        raise self.failure

    def run(self, until_ns: int, enough: Callable[[], bool] = lambda: False) -> None:
        """Everything up to `until_ns`, or until it is enough. May be called from inside a step that waits."""
        outer = self.owner
        while self._heap and self._heap[0][0] <= until_ns and not enough():
            self._step(heapq.heappop(self._heap)[2])
        if not enough() and self.now_ns < until_ns:
            self.clock.advance(until_ns - self.now_ns)
        self._enter(outer)

    def _step(self, handle: Handle) -> None:
        owner = handle.owner
        if handle.gone or (owner is not None and owner.dead):
            return
        if handle.when_ns > self.now_ns:
            self.clock.advance(handle.when_ns - self.now_ns)
        self._enter(owner)
        try:
            handle.run()
        except Killed as death:
            self.note(f"dies: {death.where}")
            self.on_death(death.process)
        if self.failure is not None:
            raise self.failure
        self.steps += 1
        self.after_step(owner)

    def _enter(self, owner: Process | None) -> None:
        self.owner = owner
        asyncio._set_running_loop(owner)


class Process(asyncio.AbstractEventLoop):
    """A process of a host, as the event loop that its code sees."""

    def __init__(self, time_: Time, host: Any, name: str) -> None:
        self.world, self.host, self.name = time_, host, name
        self.dead = False
        self.closing: list[Callable[[], None]] = []  # what the kernel does when it dies

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Its main task; a failure of it is a violation."""
        self.world.after(0, self, lambda: self.create_task(work).add_done_callback(self._ended))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.world.fail(f"{self.name} has failed: {error!r}")

    def die(self) -> None:
        """Its sockets close and its locks go; none of its steps is taken any more."""
        self.dead = True
        for close in self.closing:
            close()

    # --- what asyncio needs of a loop ---

    def time(self) -> float:
        return self.world.now_ns / S

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.world.after(0, self, callback, *args, context=context)

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.world.after(int(delay * S), self, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.world.after(int(when * S) - self.world.now_ns, self, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """A thread's work, done at one moment of the near future and heard of at another."""
        future = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:
                self.world.after(self.world.some(0, 3), self, self._settle, future, None, error)
            else:
                self.world.after(self.world.some(0, 3), self, self._settle, future, result, None)

        self.world.after(self.world.some(0, 8), self, work)
        return future

    def _settle(self, future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        if not future.done():
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Whatever asyncio would only log is wrong here, but for tasks that died with their process."""
        if not self.dead and "destroyed" not in context.get("message", ""):
            self.world.fail(f"{self.name}: {context}")

    async def create_unix_server(self, factory: Any, **how: Any) -> Any:
        return self.host.listen(self, factory)

    async def create_unix_connection(self, factory: Any, path: Any = None, **how: Any) -> Any:
        return self.host.dial(self, factory)
