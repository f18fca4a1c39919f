"""What SIGHUP reads again: certificates of both sides. No stream is dropped; a file that is wrong changes nothing."""

from __future__ import annotations

import ssl

import structlog

from tokenworks.gateway.pool import Pool
from tokenworks.gateway.server import Server
from tokenworks.gateway.tls import server_context

log = structlog.get_logger()


async def reload_files(server: Server, pool: Pool, cert: str, key: str) -> bool:
    """True when everything was read and is in use for new connections."""
    try:
        if cert:
            await server.swap_tls(server_context(cert, key))
    except (OSError, ssl.SSLError) as error:
        log.error("reload_failed", why=str(error), kept="the certificate in use")
        return False
    pool.reload()
    log.info("reloaded", tls=bool(cert))
    return True
