"""Ids of requests: random UUIDs (RFC 9562 section 5.4), made by the hundred."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import chain
from operator import itemgetter

_BATCH = 256
_BYTES = 16

_VERSION = bytes(octet & 0x0F | 0x40 for octet in range(256))
_VARIANT = bytes(octet & 0x3F | 0x80 for octet in range(256))

_FORM = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
_COLUMNS = [column for column, mark in enumerate(_FORM) if mark == ord("x")]
_ROWS = struct.Struct(f"{len(_FORM)}s")


def request_ids() -> Iterator[bytes]:
    """Yield UUIDs of version 4 for ever, as text.

    `uuid.uuid4` asks the kernel each time and costs about ten times as much.
    """
    return chain.from_iterable(iter(_make_batch, None))


def _make_batch() -> Iterator[bytes]:
    """Write many at once, column by column: one after the other costs some operations each."""
    octets = bytearray(os.urandom(_BYTES * _BATCH))
    octets[6::_BYTES] = octets[6::_BYTES].translate(_VERSION)
    octets[8::_BYTES] = octets[8::_BYTES].translate(_VARIANT)
    digits = octets.hex().encode()
    text = bytearray(_FORM * _BATCH)
    for at, column in enumerate(_COLUMNS):
        text[column :: len(_FORM)] = digits[at :: len(_COLUMNS)]
    return map(itemgetter(0), _ROWS.iter_unpack(text))
