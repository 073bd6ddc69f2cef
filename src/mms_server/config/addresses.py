"""Addresses to listen on, as the configuration writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_HTTP = re.compile(r"(https?)://([^:/]+)(?::(\d+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address, or the path of a Unix socket. Port 0 takes a free one."""

    host: str = ""
    port: int = 0
    path: Path | None = None
    is_tls: bool = False

    def shares_listener(self, other: Address) -> bool:
        """Say whether both name one listener; two free ports are two."""
        return self == other and (self.path is not None or self.port != 0)

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"{'https' if self.is_tls else 'http'}://{self.host}:{self.port}"


def parse_address(text: str, default_port: int, default_tls_port: int) -> Address:
    """Parse `http://host[:port]`, `https://host[:port]` or `unix:/path`.

    Raises ValueError that says what is wrong.
    """
    if text.lower().startswith("unix:"):
        path = text[len("unix:") :]
        if not path.startswith("/"):
            raise ValueError(f"Invalid binding address: {text}: unix: wants an absolute path")
        return Address(path=Path(path))
    match = _HTTP.fullmatch(text)
    if match is None:
        raise ValueError(
            f"Invalid binding address: {text}: expected http://host:port, https://host:port "
            "or unix:/path"
        )
    is_tls = match[1].lower() == "https"
    default = default_tls_port if is_tls else default_port
    port = default if match[3] is None else int(match[3])
    if port > 65_535:
        raise ValueError(f"Invalid port number: {text}: a port is at most 65535")
    return Address(match[2], port, is_tls=is_tls)
