"""Each request is answered in the language that it asks for: sentences alone, never codes, names or figures."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from tokenworks.language.prefer import read_accept
from tokenworks.language.speech import speaking


class Tongue:
    """Around the whole application, so that its last resort speaks it too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; without the header in English, whatever this process's own locale is."""
        headers = dict(scope.get("headers") or ())
        with speaking(read_accept(headers.get(b"accept-language", b"").decode("latin-1"))):
            await self._app(scope, receive, send)
