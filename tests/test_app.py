"""The composition root: what the settings ask for and this installation lacks is said with the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from tokenworks import app
from tokenworks.config import load_settings
from tokenworks.errors import ConfigError

ASKED = {"TOKENWORKS_OTEL__ENDPOINT": "http://127.0.0.1:4318"}


def test_no_exporter_without_a_receiver() -> None:
    assert app.choose_exporter(load_settings({}, environ={})) is None
    assert callable(app.choose_exporter(load_settings({}, environ=ASKED)))


def test_an_exporter_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(module: str) -> Any:
        raise ModuleNotFoundError("No module named 'opentelemetry'", name="opentelemetry")

    monkeypatch.setattr(app, "load", load)
    with pytest.raises(ConfigError, match=r"environment TOKENWORKS_OTEL__ENDPOINT: .*tokenworks\[otel\]"):
        app.choose_exporter(load_settings({}, environ=ASKED))
