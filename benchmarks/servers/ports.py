"""TCP ports on loopback that nobody listens on."""

from __future__ import annotations

import itertools
import random
import socket

_PORTS = range(20_000, 32_000)  # MMS refuses ports from 32767, where Linux's ephemeral ones begin


def free_ports(count: int) -> list[int]:
    """Return that many different ports, free at this moment: another process may take them."""
    candidates = random.sample(_PORTS, len(_PORTS))
    return list(itertools.islice(filter(_is_free, candidates), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
