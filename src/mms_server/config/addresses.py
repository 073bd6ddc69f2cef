"""Addresses to listen on, as the configuration writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_HTTP = re.compile(r"http://([^:/]+)(?::(\d+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address, or the path of a Unix socket. Port 0 takes a free one."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    def shares_listener(self, other: Address) -> bool:
        """Say whether both name one listener; two free ports are two."""
        return self == other and (self.path is not None or self.port != 0)

    def __str__(self) -> str:
        return f"http://{self.host}:{self.port}" if self.path is None else f"unix:{self.path}"


def parse_address(text: str, default_port: int) -> Address:
    """Parse `http://host[:port]` or `unix:/path`. Raises ValueError that says what is wrong."""
    if text.lower().startswith("unix:"):
        path = text[len("unix:") :]
        if not path.startswith("/"):
            raise ValueError(f"Invalid binding address: {text}: unix: wants an absolute path")
        return Address(path=Path(path))
    if text.lower().startswith("https://"):
        raise ValueError(f"Invalid binding address: {text}: TLS is not served yet; use http://")
    match = _HTTP.fullmatch(text)
    if match is None:
        raise ValueError(
            f"Invalid binding address: {text}: expected http://host:port or unix:/path"
        )
    port = default_port if match[2] is None else int(match[2])
    if port > 65_535:
        raise ValueError(f"Invalid port number: {text}: a port is at most 65535")
    return Address(match[1], port)
