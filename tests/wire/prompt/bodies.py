"""Bodies as a reader gets them: the top level as raw values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tokenworks.wire.prompt.vocabulary import Prompt
from tokenworks.wire.refusals import Malformed

Reader = Callable[[Mapping[str, msgspec.Raw]], Prompt | Malformed]


def fields(body: dict[str, Any]) -> dict[str, msgspec.Raw]:
    """The members of a body, raw."""
    return msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])


def read(reader: Reader, body: dict[str, Any]) -> Prompt:
    """What a sound body says."""
    prompt = reader(fields(body))
    assert isinstance(prompt, Prompt), prompt
    return prompt


def refused(reader: Reader, body: dict[str, Any]) -> tuple[str | None, str]:
    """(path, message) of a body that is not what it must be. The message begins with the path and ends a sentence."""
    fault = reader(fields(body))
    assert isinstance(fault, Malformed), fault
    assert fault.param is not None and fault.message.startswith(fault.param) and fault.message.endswith(".")
    return fault.param, fault.message
