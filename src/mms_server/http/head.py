"""The header section of a request."""

from __future__ import annotations


class Head:
    """What a header section says; shared by all requests that repeat it.

    `fields` holds names and values in turn, as sent: original letter case, order and duplicates
    kept, surrounding white space removed. `path` and `query` are the two parts of the target, still
    percent-encoded. `memo` is room for what an application derives from a head, and from nothing
    else, so that it is derived once for all of them.
    """

    __slots__ = (
        "content_type",
        "expects_continue",
        "fields",
        "is_http10",
        "is_keep_alive",
        "memo",
        "method",
        "path",
        "query",
        "target",
    )

    def __init__(self, method: bytes, target: bytes, fields: list[bytes]) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.path, _, self.query = target.partition(b"?")
        self.content_type = b""
        self.expects_continue = False
        self.is_http10 = False
        self.is_keep_alive = True
        self.memo: object = None

    def field(self, name: bytes) -> bytes | None:
        """Find the first value of a field; `name` in lower case (names are case-insensitive)."""
        fields = self.fields
        for i in range(0, len(fields), 2):
            if fields[i].lower() == name:
                return fields[i + 1]
        return None
