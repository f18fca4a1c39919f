"""TLS contexts for both sides: HTTP/1.1 only, TLS 1.2 at least, an upstream's certificate always checked."""

from __future__ import annotations

import ssl


def server_context(cert_file: str, key_file: str) -> ssl.SSLContext:
    """For clients to connect to; raises OSError or ssl.SSLError, which name the files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file)
    except ssl.SSLError as error:
        raise ssl.SSLError(f"{cert_file} and {key_file} are not a certificate chain and its key: {error}") from None
    except OSError as error:
        raise OSError(f"{cert_file} or {key_file} cannot be read: {error.strerror}") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def client_context(ca_file: str = "") -> ssl.SSLContext:
    """For upstreams. `ca_file`: these authorities instead of the system's. Raises as `server_context` does."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
