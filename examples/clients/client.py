"""Asks a model server what kinds of files these are, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1:8080"
ATTEMPTS = 5


class RefusedError(Exception):
    """The server's own error: its status and message."""


class Client:
    """Keeps one connection, which costs a server far less than one for each request."""

    def __init__(self, address: str = ADDRESS) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=60)

    def predict(self, model: str, body: bytes, kind: str = "application/octet-stream") -> Any:
        """Return the parsed answer. Raises RefusedError; a server that is busy is asked again."""
        for _ in range(ATTEMPTS):
            self._connection.request("POST", f"/predictions/{model}", body, {"Content-Type": kind})
            response = self._connection.getresponse()
            answer = json.loads(response.read())
            wait_s = response.headers.get("Retry-After")
            if response.status != 503 or wait_s is None:
                break
            time.sleep(float(wait_s))
        if response.status >= 400:
            raise RefusedError(f"{response.status}: {answer['message']}")
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


if __name__ == "__main__":
    with closing(Client()) as client:
        for file in map(Path, sys.argv[1:]):
            print(f"{file}: {client.predict('magika', file.read_bytes())['description']}")
        try:
            client.predict("magica", b"")
        except RefusedError as exc:
            print(exc)
