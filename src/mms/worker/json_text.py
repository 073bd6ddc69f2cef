"""JSON as Multi Model Server writes it, indented by two spaces, in less time.

CPython's fast encoder writes no line breaks; asked for them, `json.dumps` takes 1.3 to 3 times as
long. But what stands between two items may be given to it, a line break, too.
"""

from __future__ import annotations

import functools
import json
from typing import Any, Callable, Final

_STEP: Final = "  "
_SCALARS: Final = frozenset((str, int, float, bool, type(None)))


class _UnusualError(Exception):
    """The value holds what is left to `json.dumps`: a subclass, a key that is no text, an error."""


def to_json(value: Any) -> str:
    """Return what `json.dumps(value, indent=2)` does, and raise what it raises."""
    try:
        return _encode(value, "\n")
    except (_UnusualError, RecursionError):
        return json.dumps(value, indent=2)


def _encode(value: Any, line: str) -> str:
    """Encode a value that stands in a line that begins with `line`, a break and the indentation."""
    kind = type(value)
    if kind in _SCALARS:
        return json.dumps(value)
    if kind is dict:
        opening, closing, held = "{", "}", value.values()
    elif kind is list or kind is tuple:
        opening, closing, held = "[", "]", value
    else:
        raise _UnusualError
    if not value:
        return opening + closing
    inner = line + _STEP
    if _SCALARS.issuperset(map(type, held)):
        items = _flat(inner)(value)[1:-1]
    elif kind is dict:
        items = f",{inner}".join([f"{_key(k)}: {_encode(v, inner)}" for k, v in value.items()])
    else:
        items = f",{inner}".join([_encode(item, inner) for item in value])
    return f"{opening}{inner}{items}{line}{closing}"


def _key(key: Any) -> str:
    if type(key) is not str:
        raise _UnusualError
    return json.dumps(key)


@functools.lru_cache(maxsize=16)
def _flat(line: str) -> Callable[[Any], str]:
    """Return an encoder of values that hold scalars only, each of which begins a line."""
    return json.JSONEncoder(separators=(f",{line}", ": ")).encode
