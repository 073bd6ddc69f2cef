"""Who may use the management API: no web page, wherever it comes from.

A browser on this machine can reach a loopback listener. It says so in `Origin` (RFC 6454), and a
name that was rebound to 127.0.0.1 shows in `Host`: both are checked before anything is done.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from mms_server.errors import ForbiddenError
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import Endpoint, Handler


class Guard:
    """Refuses requests that a web page made.

    `allowed_hosts` are names that clients may use for this server besides loopback's. `checks_host`
    is for listeners that only this machine can reach: elsewhere the name is the network's affair.
    """

    def __init__(self, allowed_hosts: frozenset[str], *, checks_host: bool) -> None:
        self._allowed_hosts = allowed_hosts
        self._checks_host = checks_host

    def check(self, request: Request) -> None:
        """Raise ForbiddenError for a foreign `Host` or `Origin`."""
        host = _host_of((request.head.field(b"host") or b"").decode("latin-1"))
        if self._checks_host and not self._is_known(host):
            raise ForbiddenError(
                f"Host {host!r} is neither loopback nor listed in allowed_hosts: "
                "management is refused to it."
            )
        origin = request.head.field(b"origin")
        if origin is None:
            return
        origin_host = urlsplit(origin.decode("latin-1")).hostname or ""
        if not self._is_known(origin_host) and (not origin_host or origin_host != host):
            raise ForbiddenError(
                f"Origin {origin.decode('latin-1')!r} is foreign: no web page may use the "
                "management API. List its host in allowed_hosts if it must."
            )

    def protect(self, endpoint: Endpoint) -> Endpoint:
        """Put the check before an endpoint."""

        def checked(handler: Handler | None) -> Handler:
            def run(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
                self.check(request)
                if handler is not None:
                    handler(request, exchange, parameters)

            return run

        return Endpoint(checked(endpoint.serve), checked(endpoint.preview), self.check)

    def _is_known(self, host: str) -> bool:
        return is_loopback(host) or host in self._allowed_hosts


def is_loopback(host: str) -> bool:
    """Say whether a name or address is this machine's own (RFC 6761 section 6.3, RFC 1122)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(authority: str) -> str:
    """Take the port and the brackets off an authority; lower case."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""
