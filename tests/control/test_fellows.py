"""One engine that two hosts use, held against what both metered; and engines that are each host's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.control.site import Site, closed, opened
from tests.control.world import World, run_world

from tokenworks.control.losses import HOUR_NS, LeakageRow
from tokenworks.errors import BooksUnreachable
from tokenworks.fleet.deployment import Deployment
from tokenworks.limits import LEAKAGE_HOURS_KEPT
from tokenworks.store.memory.open import open_memory
from tokenworks.store.ports import Store
from tokenworks.store.shapes import WorkSum
from tokenworks.supply.metrics import EngineCounts
from tokenworks.usage.vector import Usage

SHARED = "http://llm.internal:8000"
WRITER_A = "a/0/1"


class Town:
    """Hosts `a` and `b` on one store and one engine. `away` are verbs that the books do not answer."""

    def __init__(self, folder: Path, history: int = 0) -> None:
        self.folder, self.away, self.serial = folder, set[str](), 0
        self.store = open_memory(faults=self.meet)
        self.counts = EngineCounts(history, history)
        self.hosts: list[Site] = []
        self.a, self.b = self.host("a"), self.host("b")

    def meet(self, verb: str) -> None:
        if verb in self.away:
            raise BooksUnreachable(verb)

    def host(self, name: str) -> Site:
        site = Site(self.folder, name, self.store)
        site.url, site.alone = SHARED, set()
        site.counts = self.counts
        self.hosts.append(site)
        return site

    def work(self, prompt: int, completion: int) -> None:
        """The engine works, for whom so ever."""
        self.counts = EngineCounts(self.counts.prompt + prompt, self.counts.completion + completion)
        for site in self.hosts:
            site.counts = self.counts

    def serve(self, site: Site, prompt: int, completion: int) -> None:
        """A request through a host, from its opening to its end."""
        self.serial += 1
        self.work(prompt, completion)
        name = f"r{self.serial}"
        site.write(opened(name), closed(name, Usage(input=prompt, output=completion), site.clock.now_ns()))

    def look(self) -> None:
        """Everybody, and once more: who looks first does not know of the second yet."""
        for site in (*self.hosts, *self.hosts):
            site.look()


def test_two_hosts_on_one_engine_lose_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.look()
    town.serve(town.a, 30, 10)
    town.serve(town.b, 50, 5)
    assert town.a.total() == (80, 15, 30, 10, 578_947), "b has not looked yet: its work is not known here"
    assert town.b.total() == (80, 15, 80, 15, 0)
    assert town.a.total() == (80, 15, 80, 15, 0)
    town.work(5, 0)
    for site in town.hosts:
        assert site.total() == (85, 15, 80, 15, 50_000), "what neither metered is lost"
        assert site.look()[1] == msgspec.structs.replace(
            site.look()[0], hour_ns=site.clock.now_ns() // HOUR_NS * HOUR_NS)


def test_hours_are_of_the_time_of_the_work(tmp_path: Path) -> None:
    """A host that was away writes into the hours it worked in."""
    town = Town(tmp_path)
    town.look()
    town.serve(town.b, 10, 0)
    town.a.look()
    for site in town.hosts:
        site.clock.advance(HOUR_NS)
    town.serve(town.a, 7, 0)
    assert [row.ppm for row in town.a.look()] == [588_235, 1_000_000, 0]
    town.b.look()
    assert [row.ppm for row in town.a.look()] == [0, 0, 0]


def test_a_restart_of_either_loses_and_doubles_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.look()
    for site in town.hosts:
        town.serve(site, 10, 10)
        site.start()
        town.look()
        town.serve(site, 10, 10)
        site.start()
    town.look()
    assert {site.total() for site in town.hosts} == {(40, 40, 40, 40, 0)}


def test_a_host_killed_between_keeping_and_telling(tmp_path: Path) -> None:
    """What it kept it tells at the next look; what it told without keeping it reads and tells again."""
    town = Town(tmp_path)
    town.look()
    town.serve(town.b, 10, 10)
    town.away = {"put"}
    town.b.look()
    town.b.start()
    town.away = set()
    assert town.a.total()[:4] == (10, 10, 0, 0)
    before = town.b.path.read_bytes()
    town.serve(town.b, 5, 5)
    town.look()
    town.b.path.write_bytes(before)
    town.b.start()
    town.look()
    assert {site.total() for site in town.hosts} == {(15, 15, 15, 15, 0)}


def test_who_lost_what_it_kept_begins_anew_and_the_others_go_on(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.look()
    town.serve(town.a, 10, 10)
    town.serve(town.b, 10, 10)
    town.look()
    town.b.path.unlink()
    town.b.start()
    assert town.b.total() == (0, 0, 0, 0, 0)
    town.serve(town.b, 3, 3)
    town.look()
    assert town.b.total() == (3, 3, 3, 3, 0)
    assert town.a.total() == (23, 23, 23, 23, 0)


def test_the_engine_starts_anew_or_moves(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.look()
    town.serve(town.a, 100, 100)
    town.look()
    town.counts = EngineCounts(0, 0)
    town.serve(town.b, 20, 20)
    town.look()
    for site in town.hosts:
        assert site.total() == (120, 120, 120, 120, 0)
        assert [row.resets for row in site.look()] == [1, 0]
        site.url = "http://other.internal:8000"  # a server that has worked for years
    town.counts = EngineCounts(10**9, 10**9)
    town.work(0, 0)
    town.look()
    town.serve(town.a, 5, 5)
    town.look()
    assert {site.total() for site in town.hosts} == {(125, 125, 125, 125, 0)}


def test_who_comes_later_counts_from_then(tmp_path: Path) -> None:
    """Neither the engine's history nor what others metered before is looked at."""
    town = Town(tmp_path, history=1000)
    town.look()
    town.serve(town.a, 10, 10)
    town.serve(town.b, 10, 10)
    town.look()
    later = town.host("c")
    assert later.total() == (0, 0, 0, 0, 0)
    town.serve(town.a, 7, 7)
    town.serve(later, 1, 1)
    town.look()
    assert later.total() == (8, 8, 8, 8, 0)
    assert town.a.total() == (28, 28, 28, 28, 0)


def test_an_engine_that_comes_later_is_counted_from_then(tmp_path: Path) -> None:
    """It may have worked for anybody before it was ours."""
    town = Town(tmp_path, history=1000)
    for site in town.hosts:
        site.counts = None
        assert site.look() == []
    town.work(0, 0)
    assert {site.total() for site in town.hosts} == {(0, 0, 0, 0, 0)}
    town.serve(town.a, 4, 4)
    town.look()
    assert {site.total() for site in town.hosts} == {(4, 4, 4, 4, 0)}


def test_a_host_that_is_given_up_keeps_what_it_had_written(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.a.look()
    town.serve(town.a, 1, 1)
    town.a.look()
    town.look()
    town.serve(town.a, 10, 10)
    town.look()
    town.store.writers.greet(WRITER_A, 1)
    town.store.writers.mark(WRITER_A, "lose", 1)
    town.store.writers.mark(WRITER_A, "forget", 1)
    town.hosts.remove(town.a)
    town.serve(town.b, 10, 10)
    assert town.b.total() == (20, 20, 20, 20, 0)
    town.b.clock.advance(HOUR_NS * (LEAKAGE_HOURS_KEPT + 1))
    town.serve(town.b, 10, 10)
    assert town.b.total() == (30, 30, 30, 30, 0)
    assert town.store.metering.own("a") == [WorkSum("own", 0, 11, 11)], "its hours went, as everybody's do"
    assert json.loads(town.b.path.read_bytes())["bases"] == {"own": {"0": [1, 1]}}, "what was before b came"


def test_engines_beside_each_host_are_its_own(tmp_path: Path) -> None:
    """One deployment, `embedded:`, and an engine on each host."""
    town = Town(tmp_path)
    for site, prompt in ((town.a, 30), (town.b, 50)):
        site.alone = {"own"}
        site.look()
        site.write(opened("r"), closed("r", Usage(input=prompt), site.clock.now_ns()))
        site.counts = EngineCounts(prompt, 0)
    for site, prompt in ((town.a, 30), (town.b, 50), (town.a, 30)):
        assert site.total() == (prompt, 0, prompt, 0, 0)
    assert town.store.metering.others("") == []


def test_books_that_are_away(tmp_path: Path) -> None:
    """Nothing is seen first without the others; what was seen goes on, and is made good."""
    town = Town(tmp_path, history=1000)
    town.away = {"own", "others", "put"}
    town.serve(town.a, 9, 9)
    town.look()
    assert [site.look() for site in town.hosts] == [[], []]
    town.away = set()
    town.look()
    assert town.a.total() == (0, 0, 0, 0, 0)
    town.away = {"own", "others", "put"}
    town.serve(town.a, 10, 10)
    town.serve(town.b, 10, 10)
    town.look()
    assert town.a.total() == (20, 20, 10, 10, 500_000)
    town.away = set()
    town.look()
    assert {site.total() for site in town.hosts} == {(20, 20, 20, 20, 0)}


def test_books_that_come_back_from_a_backup_are_told_again(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.look()
    town.serve(town.a, 10, 10)
    town.look()
    town.store.metering._state.metered.clear()  # type: ignore[attr-defined]
    town.look()
    assert town.b.total() == (10, 10, 10, 10, 0)


def begun(town: Town, turn: Callable[[Site], None]) -> list[LeakageRow]:
    for site in town.hosts:
        turn(site)
    town.look()
    town.serve(town.a, 2, 2)
    town.serve(town.b, 3, 3)
    town.look()
    return town.b.look()[:1]


def test_an_engine_that_becomes_shared_or_ones_own_is_counted_from_then(tmp_path: Path) -> None:
    """So is one that an earlier version counted for one host only."""
    town = Town(tmp_path)
    town.look()
    town.serve(town.a, 10, 10)
    town.look()
    assert begun(town, lambda site: setattr(site, "alone", {"own"})) == [LeakageRow("own", 0, 5, 5, 3, 3)]
    assert begun(town, lambda site: setattr(site, "alone", set())) == [LeakageRow("own", 0, 5, 5, 5, 5)]
    for site in town.hosts:
        kept = msgspec.json.decode(site.path.read_bytes())
        site.path.write_bytes(msgspec.json.encode({
            **{name: kept[name] for name in ("cursors", "sums", "metered")},
            "engines": {"own": dict(list(kept["engines"]["own"].items())[:3])},  # without what is new
        }))
    town.store.metering._state.metered.clear()  # type: ignore[attr-defined]
    assert begun(town, lambda site: site.start() and None) == [LeakageRow("own", 0, 5, 5, 5, 5)]


def test_engines_beside_are_told_from_shared_ones_by_their_address(books: Store, tmp_path: Path) -> None:
    for name, url in (("embedded", "embedded:"), ("loop", "http://127.0.0.1:7"), ("shared", SHARED)):
        books.deployments.add(Deployment(name, "tiny", url, "tiny", "llamacpp", ("chat",), own=True))

    async def scenario(world: World) -> None:
        endpoints, alone = world.works._measured()
        assert {endpoint.deployment.id for endpoint in endpoints} == {"embedded", "loop", "shared"}
        assert alone == {"embedded", "loop"}
        world.works._leakage._read_engine = lambda url, credential: EngineCounts(9, 9)
        assert {row.deployment for row in world.works.leakage_rows()} == {"loop", "shared"}, "no engine listens beside"

    run_world(books, tmp_path, scenario)
