"""What may be fetched, and for how long it may take."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mms_server.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """The operator's rule for `url=http...`: a registration must not become a way into our network.

    Attributes:
        allowed_urls: Regular expressions, each matched against the whole URL of every hop, letter
            case ignored. The URL is matched in normal form (lower-case scheme and host, no `..`)
            and without credentials and fragment, so that `http://good@evil/` is not taken for
            good. A match allows any address, loopback too. If there are none, any URL is allowed
            whose host has public addresses only.
        redirects: Hops after the first.
        connect_timeout_s: For each address tried.
        read_timeout_s: Longest silence of the server.
        total_timeout_s: For the whole fetch, so that a server that drips ends too.
    """

    allowed_urls: tuple[str, ...] = ()
    redirects: int = 5
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    total_timeout_s: float = 3600.0

    def __post_init__(self) -> None:
        for pattern in self.allowed_urls:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(
                    f"allowed_urls: {pattern!r} is not a regular expression: {error}"
                ) from error

    def lists(self, url: str) -> bool:
        """Tell whether a URL in normal form matches one of `allowed_urls`."""
        return any(re.fullmatch(p, url, re.IGNORECASE) for p in self.allowed_urls)


def redacted(location: str) -> str:
    """Hide what may be a secret in a URL, for messages and logs: its user, password and query.

    Presigned URLs of object stores carry their signature in the query. Other text is unchanged.
    """
    match = re.match(r"(https?://)(?:[^/?#]*@)?([^?#]*)(\?[^#]*)?(.*)", location, re.I | re.S)
    if match is None:
        return location
    has_user = match.end(1) != match.start(2)
    parts = (match[1], "***@" if has_user else "", match[2], "?***" if match[3] else "", match[4])
    return "".join(parts)
