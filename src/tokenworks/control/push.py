"""Brings every change of policy to the workers at once: woken by the bell, and looking by itself as well.

While the books do not answer, workers are served from what was read last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from tokenworks.control.endpoints import Resolver
from tokenworks.control.policy import PolicyBook
from tokenworks.control.reach import Hands
from tokenworks.credit.messages import Hello, ToWorker
from tokenworks.credit.policy import Endpoint
from tokenworks.errors import BooksUnreachable
from tokenworks.limits import POLICY_POLL_MS
from tokenworks.link.server import LinkServer, Peer
from tokenworks.store.ports import Store
from tokenworks.store.shapes import PolicyRows

ALIVE_EVERY = 60  # looks at the books between two signs of life to the workers

_LOG = structlog.get_logger()


class Pusher:
    """Owns the PolicyBook. All of it belongs to the event loop; `store` and files are read by `hands`."""

    def __init__(self, store: Store, resolver: Resolver, hands: Hands, link: LinkServer) -> None:
        self.book = PolicyBook()
        self._store, self._resolver, self._hands, self._link = store, resolver, hands, link
        self._wake = asyncio.Event()
        self._looks = 0

    def wake(self) -> None:
        """Something may have changed: look now."""
        self._wake.set()

    def greet(self, peer: Peer, hello: Hello) -> None:
        """What this worker must hear first."""
        for message in self.book.greet(hello.version, hello.books_epoch):
            peer.send(message)

    async def run(self) -> None:
        """Look, tell, sleep; for ever."""
        while True:
            try:
                await self.look()
            except BooksUnreachable as error:
                _LOG.warning("policy_not_read", why=str(error))
            try:
                await asyncio.wait_for(self._wake.wait(), POLICY_POLL_MS / 1000)
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Read what has changed in the books, in secrets and in the engine's place, and tell the workers."""
        self._wake.clear()
        facts = await self._hands.call(self._store.meta.facts)
        book = self.book
        if (facts.epoch, facts.pepper) != (book.epoch, book.pepper) or facts.policy_version < book.version:
            rows = await self._hands.call(self._store.policy.since, 0)
            endpoints = await self._resolve(rows)
            book.epoch, book.pepper = facts.epoch, facts.pepper
            self._tell(book.replace(rows, endpoints))
        elif facts.policy_version != book.version:
            rows = await self._hands.call(self._store.policy.since, book.version)
            self._tell(book.apply(rows, await self._resolve(rows)))
        deployments = list(book.deployments.values())
        self._tell(book.refresh(await self._hands.call(self._resolver.resolve, deployments)))
        self._looks += 1
        if book.version and self._looks % ALIVE_EVERY == 0:
            self._tell([book.alive()])

    async def _resolve(self, rows: PolicyRows) -> dict[str, Endpoint]:
        return await self._hands.call(self._resolver.resolve, list(rows.deployments))

    def _tell(self, messages: Sequence[ToWorker]) -> None:
        if messages:
            self._link.broadcast(*messages)
