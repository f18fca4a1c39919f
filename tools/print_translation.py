"""The page of what a request loses when it changes its dialect, from the table that decides it."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.prompt.completions import TEXT_ONLY
from tokenworks.wire.prompt.extras import EXTRAS, QUIET
from tokenworks.wire.prompt.features import FEATURES, Fate, Feature
from tokenworks.wire.prompt.translate import RATHER, REACHES

TARGETS: tuple[Dialect, ...] = ("chat", "responses", "messages")
SAID = {"kept": "kept", "told": "told otherwise", "quiet": "left out", "dropped": "dropped", "refused": "refused"}
ABOUT = """A request goes to a deployment that speaks its own interface where there is one. Where there is none, it is
translated, streamed or whole, and so is the answer; the usage is that of the upstream's own figures.

*kept*: it goes along. *told otherwise*: the other interface says the same in another way, and the answer is told back.
*dropped*: the answer is no other for it; a note with the reason stands on the request's record (`tokenworks request
explain`). *left out*: the same, but not worth a note. *refused*: without it the answer would be another one; status 400
names your own field and what to do. Rows stand in the order in which they apply."""


def print_page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from ("# Translation between interfaces", "",
                "<!-- Made by `make docs` from `wire.prompt.features`. Do not edit. -->", "", ABOUT, "",
                "## Who is served by whom", "", "| a client of | is also served by, the first that is there |",
                "|---|---|")
    for client, reached in REACHES.items():
        if reached:
            yield f"| {client} | {', '.join(reached)} |"
    for (client, engine), reached in RATHER.items():
        yield f"| {client}, at {engine} | {', '.join(reached)} |"
    yield from ("", "## What a request uses, and what becomes of it", "",
                "| feature | field | to chat | to responses | to messages | what is said of it |",
                "|---|---|---|---|---|---|")
    for feature in FEATURES:
        cells = " | ".join(_cell(feature, to) for to in TARGETS)
        words = ", ".join(f"`{word}`" for word in dict.fromkeys(feature.words.values()))
        about = f" (from {', '.join(feature.clients)})" if feature.clients else ""
        yield f"| {feature.name}{about} | {words or 'in its place'} | {cells} | {_reasons(feature)} |"
    yield from _others()


def _cell(feature: Feature, to: Dialect) -> str:
    """A cell with its exceptions; engines of one fate stand together."""
    others: dict[str, list[Engine]] = {}
    for (engine, dialect), fate in feature.engines.items():
        if dialect == to:
            others.setdefault(SAID[fate.verdict], []).append(engine)
    return "; ".join([SAID[feature.cells[to].verdict], *(f"{said} at {', '.join(engines)}"
                                                         for said, engines in others.items())])


def _reasons(feature: Feature) -> str:
    fates: list[Fate] = [*feature.cells.values(), *feature.engines.values()]
    return " ".join(dict.fromkeys(f"It {fate.why}" for fate in fates if fate.why))


def _others() -> Iterator[str]:
    yield from ("", "## Other fields", "",
                "What the target's engine or interface knows under the same name goes along. What the "
                "[field table](fields.md) denies is refused as it is without translation. Then, by the client's "
                "interface:", "", "| interface | field | what becomes of it |", "|---|---|---|")
    for client, rows in EXTRAS.items():
        for name, extra in rows.items():
            yield f"| {client} | `{name}` | {SAID[extra.verdict]}: {extra.why.rstrip('.')} |"
    for name, (why, _) in TEXT_ONLY.items():
        yield f"| completions | `{name}` | refused: {why.rstrip('.')} |"
    for name, why in QUIET.items():
        yield f"| all | `{name}` | {SAID['quiet']}: {why.rstrip('.')} |"
    yield from ("| all | settings of an engine's sampling that the target has not | refused |",
                "| all | anything else | dropped: it is known to no other interface |", "",
                "Completions are served as one turn of the user, and take one prompt of text.")
