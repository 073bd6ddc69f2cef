"""Where a server is, its folder and its ports, by the names that cases have for them."""

from __future__ import annotations

from collections.abc import Mapping


def fill(text: bytes, places: Mapping[str, str]) -> bytes:
    """Put the values in the place of `{name}`."""
    for name, value in places.items():
        text = text.replace(b"{%s}" % name.encode(), value.encode())
    return text


def fill_text(text: str, places: Mapping[str, str]) -> str:
    """Put the values in the place of `{name}`."""
    return fill(text.encode(), places).decode()


def hide(text: str, places: Mapping[str, str]) -> str:
    """Put `<name>` in the place of the values."""
    for name, value in places.items():
        text = text.replace(value, f"<{name}>")
    return text
