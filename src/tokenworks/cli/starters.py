"""What the composition root hands to the command line: how settings are read and how the parts are started.

The command line knows words; what runs behind them is put together elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Flags = Mapping[str, Any]  # by setting name, None where not given; "config" names the file


class Place(NamedTuple):
    """Where the API is: a socket, or the URL of a gateway; `token` opens it."""

    socket_path: str
    url: str
    token: str


class BuyerPlace(NamedTuple):
    """Where a buyer buys and with which key, "" without; `home` and `env` are where his tools keep their settings."""

    url: str
    key: str
    home: Path
    env: Mapping[str, str]


class PartWords(NamedTuple):
    """What the supervisor tells a part it starts: the pipe that it lives by, its socket, its number."""

    lifeline_fd: int = -1
    listen_fd: int = -1
    number: int = 0


class Starters(NamedTuple):
    """Each takes the flags of the settings. Those that run something return its exit code."""

    up: Callable[[Flags, bool], int]  # whether it also opens the demo shop
    gateway: Callable[[Flags, PartWords], int]
    control: Callable[[Flags, PartWords], int]
    engine: Callable[[Flags, PartWords], int]
    settings: Callable[[Flags], list[tuple[str, object, str]]]  # (name, value, where from)
    place: Callable[[Flags, str], Place]  # where the API is; the second is a URL, "" for this machine
    buyer: Callable[[str, str], BuyerPlace]  # by the address and key that were given, "" for none
    language: Callable[[], str]  # in which people are told something; raises ConfigError
    engine_fault: Callable[[], str]  # why the embedded engine cannot run here, "" when it can
    schema: Callable[[Flags], str]  # state of the database: "current", "new", "behind", or what is wrong
    scratch_env: Callable[[], dict[str, str]]  # the environment for a child that must not see our settings
    version: str = ""
