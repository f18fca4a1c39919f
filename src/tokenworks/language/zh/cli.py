"""The command line."""

from __future__ import annotations

ROWS = {"balance": "余额"}
