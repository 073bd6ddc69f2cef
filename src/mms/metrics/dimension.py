"""One name and value that say what a metric was measured of."""

from __future__ import annotations


class Dimension:
    """A name and a value, written `name:value`.

    Neither may contain a colon or a comma: readers of metric lines split at them.
    """

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self.value = value

    def __str__(self) -> str:
        return f"{self.name}:{self.value}"

    def __repr__(self) -> str:
        return f"Dimension({self.name!r}, {self.value!r})"

    def to_dict(self) -> dict[str, object]:
        """Return the dimension as JSON has it."""
        return {"Name": self.name, "Value": self.value}
