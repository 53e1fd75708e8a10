"""TLS 1.3 with both ends authenticated, and who the peer's certificate says it is."""

import ssl
from collections.abc import Sequence
from typing import cast

from opendmm.authority.material import TlsFiles
from opendmm.authority.names import Holder, holder_of

PROTOCOLS = ("opendmm/1",)
"""ALPN names of the versions spoken, the newest first; the server picks the first it shares."""


class TlsError(Exception):
    """A connection that is not what it must be; the message says in what."""


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For accepting. Raises TlsError when the files are unusable."""
    return _context(ssl.PROTOCOL_TLS_SERVER, files)


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For dialling. Raises TlsError when the files are unusable."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, files)


def _context(side: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Who the peer is stands in the certificate's URI, which is checked after the handshake.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    # A resumed session would not show the certificate anew; reconnections are rare.
    context.options |= ssl.OP_NO_TICKET
    if side == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0
    context.set_alpn_protocols(list(PROTOCOLS))
    try:
        context.load_verify_locations(files.ca_certificate)
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:
        raise TlsError(f"cannot use {files.certificate} and its key: {error}") from error
    return context


def authenticated(connection: ssl.SSLObject) -> Holder:
    """Whose certificate the peer showed. Raises TlsError when it is none of the deployment's.

    Also when no version of the protocol is shared: TLS itself lets that pass.
    """
    if connection.selected_alpn_protocol() is None:
        raise TlsError(f"no common version: this end speaks {', '.join(PROTOCOLS)}")
    certificate = connection.getpeercert() or {}
    # Pairs of kind and value; typeshed types all fields of a certificate as one wide union.
    names = cast(Sequence[tuple[str, str]], certificate.get("subjectAltName", ()))
    uris = (holder_of(name) for kind, name in names if kind == "URI")
    holders = [holder for holder in uris if holder is not None]
    if len(holders) != 1:
        raise TlsError(f"the peer's certificate names {len(holders)} nodes, not one")
    return holders[0]
