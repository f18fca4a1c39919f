"""What is written into a tool's settings, as plain values: where the gateway is, and what changes in which file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

Format = Literal["json", "toml", "yaml"]


class ModelFact(NamedTuple):
    """A model on sale to the key; 0 tokens where the gateway does not say."""

    id: str
    context_tokens: int = 0
    output_tokens_max: int = 0


class Setup(NamedTuple):
    """Whom to connect to what. `url` without /v1; `env` is the environment, which may move a tool's settings."""

    url: str
    key: str
    model: str
    models: tuple[ModelFact, ...]
    home: Path
    env: Mapping[str, str] = {}

    @property
    def v1(self) -> str:
        """The address as tools want it that add no /v1 themselves."""
        return f"{self.url}/v1"

    def fact(self) -> ModelFact:
        """What is known of the chosen model."""
        return next((one for one in self.models if one.id == self.model), ModelFact(self.model))

    def folder(self, variable: str, usual: str) -> Path:
        """A tool's settings directory: its variable, else the usual place in the home directory."""
        return Path(self.env.get(variable) or self.home / usual)


class Pick(NamedTuple):
    """A step of a path into a list: the element whose `member` is `value`; made when there is none."""

    member: str
    value: str


Step = str | Pick


class Change(NamedTuple):
    """One value put at a path. What stands beside it stays."""

    path: tuple[Step, ...]
    value: object


class Edit(NamedTuple):
    """Changes of one user-level file. `private`: the file holds a key from then on, so nobody else may read it."""

    path: Path
    format: Format
    changes: tuple[Change, ...]
    private: bool = False
