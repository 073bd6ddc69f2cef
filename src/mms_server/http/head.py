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
        "_line",
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
        self._line = b""

    @property
    def line(self) -> bytes:
        """The request line, as logs show it; to be asked for once all of the head is known."""
        if not self._line:
            version = b"1.0" if self.is_http10 else b"1.1"
            self._line = b"%s %s HTTP/%s" % (self.method, self.target, version)
        return self._line

    def field(self, name: bytes) -> bytes | None:
        """Find the first value of a field; `name` in lower case (names are case-insensitive)."""
        fields = self.fields
        for i in range(0, len(fields), 2):
            if fields[i].lower() == name:
                return fields[i + 1]
        return None
