"""The parts of a control process that work on the books, put together: who hears of what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from tokenworks.clock import Clock
from tokenworks.control.courier import Courier, CourierParts
from tokenworks.control.endpoints import Resolver
from tokenworks.control.expiry import Expirer
from tokenworks.control.facts import FactsBook
from tokenworks.control.fellows import Fellows
from tokenworks.control.leakage import LeakageBook, ReadEngine
from tokenworks.control.lender import Lender, LenderParts
from tokenworks.control.losses import LeakageRow
from tokenworks.control.notes import NoteFile
from tokenworks.control.poster import News, Poster, PosterParts
from tokenworks.control.posting import PosterThread
from tokenworks.control.push import Pusher
from tokenworks.control.quarantine import QuarantineFolder
from tokenworks.control.reach import Hands, Reach
from tokenworks.control.recall import RECALL, RECALLED, Recaller
from tokenworks.control.spawner import Spawner
from tokenworks.control.told import Told
from tokenworks.control.turnstile import Turnstile
from tokenworks.control.watch import MakeExporter, Watch, WatchParts
from tokenworks.control.wellness import Prober
from tokenworks.credit.policy import Endpoint
from tokenworks.errors import TokenworksError, Unavailable
from tokenworks.journal.disk import RealDisk
from tokenworks.limits import EXPIRY_LOOK_S, HEALTH_LOOK_S, LEAKAGE_LOOK_S, POLICY_POLL_MS
from tokenworks.link.server import LinkServer
from tokenworks.operations.secret import SecretBook
from tokenworks.operations.upstream import is_beside
from tokenworks.store.ports import Store
from tokenworks.wire.dialects import Engine

LENDING_THREADS, OTHER_THREADS = 2, 3

_LOG = structlog.get_logger()


@dataclass(kw_only=True)
class WorksParts:
    """What it is built from. `fail` is called, on the loop, when one of the parts has ended by itself."""

    store: Store
    link: LinkServer
    clock: Clock
    host: str
    state_dir: Path
    secrets: SecretBook
    read_engine: ReadEngine
    fail: Callable[[], None]
    version: str = ""
    make_exporter: MakeExporter | None = None


class Works:
    """Make it inside the running loop, to which all belongs but `books_reached`, `leakage_rows` and `forget_host`."""

    def __init__(self, parts: WorksParts) -> None:
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self.facts = FactsBook()
        self.reach = Reach()
        self._lending = Hands(self.reach, LENDING_THREADS, "lending")
        self._others = Hands(self.reach, OTHER_THREADS, "books")
        self._spawner = Spawner(parts.fail)
        turnstile = Turnstile()
        self.resolver = Resolver(parts.secrets, parts.state_dir / "run" / "engine.json")
        self.pusher = Pusher(parts.store, self.resolver, self._others, parts.link)
        self.recaller = Recaller(parts.host, parts.link.peers, self._ring_later)
        told = Told(parts.link.peers)
        self.lender = Lender(LenderParts(
            books=parts.store.books, hands=self._lending, reach=self.reach, clock=parts.clock, recaller=self.recaller,
            turnstile=turnstile, told=told, spawn=self._spawner.spawn))
        self._watch = self._make_watch(parts)
        disk = RealDisk(parts.state_dir / "journal")
        poster = Poster(PosterParts(
            disk=disk, store=parts.store, reach=self.reach, clock=parts.clock, host=parts.host,
            notebook=NoteFile(parts.state_dir / "poster.json"),
            quarantine=QuarantineFolder(parts.state_dir / "quarantine"), meters=self.facts.meters,
            tell=self._tell_news, turn=turnstile.wait, watch=self._watch.take if self._watch else lambda items: None))
        self.poster = PosterThread(poster, self._loop, parts.fail)
        self.courier = Courier(CourierParts(
            store=parts.store, hands=self._others, reach=self.reach, clock=parts.clock, facts=self.facts,
            pusher=self.pusher, lender=self.lender, recaller=self.recaller, poster=self.poster, told=told,
            spawn=self._spawner.spawn))
        self.expirer = Expirer(parts.store, self._others, parts.clock, self.recaller, self._spawner.spawn)
        self.prober = Prober(parts.clock, parts.link.broadcast)
        self._leakage = LeakageBook(parts.state_dir / "leakage.json", disk, parts.clock, parts.read_engine,
                                    Fellows(parts.host, parts.store.metering, self.reach))
        self._unlisten: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Listen, read the policy once, and begin to post."""
        self._unlisten = await asyncio.to_thread(self._parts.store.bell.listen, self._hear_bell)
        try:
            await self.pusher.look()
        except Unavailable as error:
            _LOG.warning("policy_not_read", why=str(error))
        self._spawner.spawn(self.pusher.run())
        self._spawner.spawn(self._look_around())
        self._spawner.spawn(self._look_leakage())
        self._spawner.spawn(self._look_health())
        self._spawner.spawn(self._look_expiry())
        if self._watch is not None:
            self._watch.start()
        self.poster.start()

    async def stop(self) -> None:
        """Post what stands in the journals, then end."""
        self._spawner.cancel()
        self._unlisten()
        await asyncio.to_thread(self.poster.stop)
        if self._watch is not None:
            await asyncio.to_thread(self._watch.stop)
        self._lending.close()
        self._others.close()

    def _make_watch(self, parts: WorksParts) -> Watch | None:
        """Telemetry never keeps us from selling: what is wrong with it is said, and it is left out."""
        if parts.make_exporter is None:
            return None
        found = WatchParts(parts.store, self.facts, parts.secrets, self._engine_of, parts.host, parts.version)
        try:
            return Watch(parts.make_exporter(found), found)
        except TokenworksError as error:
            _LOG.error("otel_not_started", why=str(error))
            return None

    def _engine_of(self, deployment: str) -> Engine | None:
        row = self.pusher.book.deployments.get(deployment)
        return row.engine if row else None

    # --- for the hub; from any thread ---

    def books_reached(self) -> bool:
        """Whether the last call to the books went through."""
        return self.reach.reached

    def leakage_rows(self) -> list[LeakageRow]:
        """Engines against the meter, as of now."""
        self._leakage.look(*self._measured())
        return self._leakage.rows()

    def _measured(self) -> tuple[list[Endpoint], set[str]]:
        """All endpoints, and the deployments whose engine is this host's own."""
        book = self.pusher.book
        return book.endpoints(), {row.id for row in list(book.deployments.values()) if is_beside(row.url)}

    def ailing(self) -> dict[str, str]:
        """Deployments whose probe failed, each with why."""
        return {name: health.why for name, health in self.prober.found.items() if health.state == "ill"}

    def forget_host(self, host: str) -> None:
        """A host's leases were given up: what they held can be lent again, here and elsewhere."""
        _LOG.warning("host_forgotten", host=host)
        self._parts.store.bell.ring("credit")

    # --- who hears of what ---

    def _tell_news(self, news: News) -> None:
        """From the poster's thread."""
        self._loop.call_soon_threadsafe(self._take_news, news)

    def _take_news(self, news: News) -> None:
        """Credit first: whoever waits for a round of recalls is served when the round is over."""
        for account in {account for account, _, _ in news.freed}:
            self.lender.credit(account)
        elsewhere = news.ended or self.recaller.serves_others(news.writer)
        for account in {account for account, _, _ in news.freed} if elsewhere else ():
            self._ring_later("credit", account)
        if news.ended:
            self.facts.bury(news.writer)
            self.recaller.ended(news.writer)
        else:
            self.recaller.posted(news.writer, news.position)

    def _hear_bell(self, topic: str, payload: str) -> None:
        """From the bell's thread."""
        self._loop.call_soon_threadsafe(self._take_ring, topic, payload)

    def _take_ring(self, topic: str, payload: str) -> None:
        if topic in ("policy", "lost"):
            self.pusher.wake()
        if topic == "credit" and payload:
            self.lender.credit(payload)
        elif topic in ("credit", "lost"):
            self.lender.credit_all()
        elif topic in (RECALL, RECALLED):
            self.recaller.heard(topic, payload)

    def _ring_later(self, topic: str, payload: str) -> None:
        self._spawner.spawn(self._ring(topic, payload))

    async def _ring(self, topic: str, payload: str) -> None:
        try:
            await self._others.call(self._parts.store.bell.ring, topic, payload)
        except Unavailable as error:
            _LOG.warning("bell_not_rung", topic=topic, why=str(error))

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(POLICY_POLL_MS / 1000)
            self.courier.settle_doubts()

    async def _look_health(self) -> None:
        while True:
            await self.prober.look(self.pusher.book.endpoints())
            self.facts.probed = {name: health.state == "well" for name, health in self.prober.found.items()}
            await asyncio.sleep(HEALTH_LOOK_S)

    async def _look_expiry(self) -> None:
        while True:
            try:
                await self.expirer.look()
            except Unavailable as error:
                _LOG.warning("expiry_not_looked_for", why=str(error))
            await asyncio.sleep(EXPIRY_LOOK_S)

    async def _look_leakage(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._leakage.look, *self._measured())
                self._leakage.show(self.facts.meters)
            except OSError as error:
                _LOG.warning("leakage_not_counted", why=str(error))
            await asyncio.sleep(LEAKAGE_LOOK_S)
