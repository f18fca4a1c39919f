"""Where a dialect is spoken behind an address (whole heads are in test_headers.py)."""

from __future__ import annotations

import pytest

from tokenworks.wire.dialects import DIALECTS, ENGINES, FAMILY, UPSTREAM_PATH, endpoint_path


@pytest.mark.parametrize(("prefix", "path"), [
    (b"", b"/v1/chat/completions"), (b"/compatible-mode", b"/compatible-mode/v1/chat/completions"),
    (b"/v1beta/openai", b"/v1beta/openai/chat/completions"), (b"/api/paas/v4", b"/api/paas/v4/chat/completions"),
    (b"/v1alpha2", b"/v1alpha2/chat/completions"), (b"/vault", b"/vault/v1/chat/completions"),
    (b"/v2x", b"/v2x/v1/chat/completions"),
])
def test_versions_in_addresses(prefix: bytes, path: bytes) -> None:
    assert endpoint_path(prefix, "chat") == path


def test_tables() -> None:
    assert set(FAMILY) == set(UPSTREAM_PATH) == set(DIALECTS) and len(set(ENGINES)) == len(ENGINES)
