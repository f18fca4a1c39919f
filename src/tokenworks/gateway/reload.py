"""What SIGHUP reads again: settings, and the certificates of both sides. No stream is dropped.

Everything is read before anything changes: a setting or a file that is wrong leaves all as it was.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

import structlog

from tokenworks.errors import ConfigError
from tokenworks.gateway.pool import Pool
from tokenworks.gateway.server import Server
from tokenworks.gateway.tls import server_context

log = structlog.get_logger()
Config = TypeVar("Config")


async def read_again(reread: Callable[[], Config]) -> Config | None:
    """The settings as they stand now, read off the loop; None when they are refused."""
    try:
        return await asyncio.to_thread(reread)
    except (ConfigError, OSError) as error:
        log.error("reload_failed", why=str(error), kept="the settings in use")
        return None


async def reload_files(server: Server, pool: Pool, cert: str, key: str) -> bool:
    """True when everything was read and is in use for new connections; without `cert` these are not encrypted."""
    try:
        await server.swap_tls(server_context(cert, key) if cert else None)
    except (OSError, ssl.SSLError) as error:
        log.error("reload_failed", why=str(error), kept="the certificate in use")
        return False
    pool.reload()
    return True
