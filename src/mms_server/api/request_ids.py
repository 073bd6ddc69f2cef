"""Ids of requests: random UUIDs (RFC 9562 section 5.4), made by the hundred."""

from __future__ import annotations

import os
from collections.abc import Iterator

_BATCH = 256
_VARIANT = "89ab"


def request_ids() -> Iterator[bytes]:
    """Yield UUIDs of version 4 for ever, as text.

    `uuid.uuid4` asks the kernel each time and costs about five times as much.
    """
    while True:
        digits = os.urandom(16 * _BATCH).hex()
        for at in range(0, 32 * _BATCH, 32):
            d = digits[at : at + 32]
            variant = _VARIANT[int(d[16], 16) & 3]
            yield f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{variant}{d[17:20]}-{d[20:]}".encode()
