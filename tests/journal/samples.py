"""Records and a small writer for the journal's tests."""

from __future__ import annotations

from tokenworks.clock import FakeClock, FakeDice
from tokenworks.credit.records import Closed, Opened, Part, Released
from tokenworks.journal.disk import Disk
from tokenworks.journal.reader import Found, SegmentReader
from tokenworks.journal.writer import JournalWriter
from tokenworks.usage.vector import Usage

WRITER = "0a1b2c3d/0/1790000000000"
FIRST = "0a1b2c3d.0.1790000000000-00000000.twj"
SEGMENT = 64 * 1024


def opened(number: int) -> Opened:
    return Opened(f"req_{number:026d}", "acc_1", "key_1", 1_000 + number, "chat", "tiny", "dep_1", "CNY", "std@1", True,
                  5_000, why={"bound": number})


def closed(number: int) -> Closed:
    return Closed(f"req_{number:026d}", 2_000 + number, "ok", "", Usage(input=10, output=number), "reported",
                  700 + number, 700 + number, 0, 0, 700 + number, (Part(0, "lot_1", "lse_1", 700 + number),),
                  raw=b'{"prompt_tokens":10}')


def released(number: int) -> Released:
    return Released("lse_1", "lot_1", number + 1, 3_000 + number)


def record(number: int) -> Opened | Closed | Released:
    return (opened, closed, released)[number % 3](number)


def records(count: int) -> list[Opened | Closed | Released]:
    return [record(number) for number in range(count)]


def new_writer(disk: Disk, segment_bytes: int = SEGMENT, writer: str = WRITER) -> JournalWriter:
    return JournalWriter(disk, writer, FakeClock(), FakeDice(7), segment_bytes)


def read_all(disk: Disk, name: str = FIRST) -> Found:
    reader = SegmentReader(disk, name)
    found = reader.read(reader.start, 10_000)
    reader.close()
    return found
