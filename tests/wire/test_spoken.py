"""One vocabulary: what one dialect says is written in its own words again, and in every other's, and reads the same."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.goldens import STREAMS, Golden
from tests.wire import sdk
from tests.wire.gist import events_of, gist, plain

from tokenworks.wire.dialects import DIALECTS, Dialect
from tokenworks.wire.events import Begin, BlockBegin, BlockEnd, Event, Finish, Part, PartEnd, UsageSeen
from tokenworks.wire.spoken import SPOKEN

SOUND = [golden for golden in STREAMS if not golden.name.endswith("_error.sse")]
PLAIN = [golden for golden in SOUND if plain(golden)]
TARGETS: list[Dialect] = ["chat", "responses", "messages"]


def test_every_dialect() -> None:
    assert set(SPOKEN) == set(DIALECTS)


@pytest.mark.parametrize("golden", SOUND, ids=[golden.name for golden in SOUND])
def test_own_words(golden: Golden) -> None:
    events = events_of(golden.dialect, golden.data)
    writer = SPOKEN[golden.dialect].writer("m")
    again = events_of(golden.dialect, b"".join(writer.write(event) for event in events))
    assert gist(again) == gist(events)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("golden", PLAIN, ids=[golden.name for golden in PLAIN])
def test_other_words(golden: Golden, target: Dialect) -> None:
    events = events_of(golden.dialect, golden.data)
    writer = SPOKEN[target].writer("m")
    written = b"".join(writer.write(event) for event in foreign(golden.dialect, target, events))
    if golden.engine != "llamacpp" or target != golden.dialect:  # llama.cpp's own objects lack fields
        sdk.check(target, written)
    assert gist(events_of(target, written), merge=True) == gist(events, merge=True)


def foreign(source: Dialect, target: Dialect, events: list[Event]) -> list[Event]:
    """Events as a translator hands them over: without the other dialect's own objects."""
    if source == target:
        return events
    kept = [event for event in events if not isinstance(event, Part | PartEnd | UsageSeen)]
    return [replace(event, raw=b"") if isinstance(event, Begin | BlockBegin | BlockEnd | Finish) else event
            for event in kept]
