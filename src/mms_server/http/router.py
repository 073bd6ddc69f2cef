"""From a path to what serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from mms_server.errors import MethodNotAllowedError, ResourceNotFoundError
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request, percent_decode

Handler = Callable[[Request, Exchange, tuple[str, ...]], None]
"""Serves a request; the tuple holds the path's parameters, percent-decoded, in order."""


class Endpoint:
    """What serves a verb of a route.

    `preview`, where there is one, sees a request whose body is still to come: it may answer it at
    once, or set a consumer for the body. `admit`, where there is one, raises ForbiddenError for a
    request that must not be made from where it comes.
    """

    __slots__ = ("admit", "preview", "serve")

    def __init__(
        self,
        serve: Handler,
        preview: Handler | None = None,
        admit: Callable[[Request], None] | None = None,
    ) -> None:
        self.serve = serve
        self.preview = preview
        self.admit = admit


ANY: Final = b"*"
_CACHED_PATHS: Final = 1024


class Match:
    """The verbs of the route that a path leads to, and the path's parameters."""

    __slots__ = ("parameters", "verbs")

    def __init__(self, verbs: dict[bytes, Endpoint], parameters: tuple[str, ...]) -> None:
        self.verbs = verbs
        self.parameters = parameters

    def endpoint(self, method: bytes) -> Endpoint:
        """Choose by verb. Raises MethodNotAllowedError."""
        found = self.verbs.get(method) or self.verbs.get(ANY)
        if found is None:
            raise MethodNotAllowedError(tuple(self.verbs))
        return found


class _Route(NamedTuple):
    segments: tuple[str, ...]
    takes_rest: bool
    verbs: dict[bytes, Endpoint]

    def match(self, segments: list[str]) -> tuple[str, ...] | None:
        if len(segments) < len(self.segments):
            return None
        if len(segments) > len(self.segments) and not self.takes_rest:
            return None
        parameters = []
        for expected, seen in zip(self.segments, segments, strict=False):
            if expected.startswith("{"):
                parameters.append(seen)
            elif expected != seen:
                return None
        return tuple(parameters)


class Router:
    """Routes of one listener, tried in the order in which they were added.

    A path is percent-decoded, then split at slashes; trailing slashes do not count. That order,
    in which `%2F` splits too, is Multi Model Server's. Loop thread only.
    """

    def __init__(self) -> None:
        self._routes: list[_Route] = []
        self._cache: dict[bytes, Match] = {}

    def add(self, verb: bytes, pattern: str, endpoint: Endpoint) -> None:
        """Serve `pattern`: segments, `{name}` for a parameter, a last `**` for any rest."""
        segments = tuple(pattern.strip("/").split("/")) if pattern != "/" else ()
        takes_rest = segments[-1:] == ("**",)
        if takes_rest:
            segments = segments[:-1]
        for route in self._routes:
            if route.segments == segments and route.takes_rest == takes_rest:
                route.verbs[verb] = endpoint
                return
        self._routes.append(_Route(segments, takes_rest, {verb: endpoint}))

    def routes(self) -> Iterator[tuple[str, Mapping[bytes, Endpoint]]]:
        """Show every route: its pattern, and what serves each verb."""
        for segments, takes_rest, verbs in self._routes:
            rest = ("**",) if takes_rest else ()
            yield "/" + "/".join((*segments, *rest)), verbs

    def resolve(self, path: bytes) -> Match:
        """Find the route of a path as sent.

        Raises ResourceNotFoundError, and BadRequestError for a malformed percent-escape.
        """
        match = self._cache.get(path)
        if match is None:
            match = self._find(path)
            if len(self._cache) >= _CACHED_PATHS:
                self._cache.clear()
            self._cache[path] = match
        return match

    def _find(self, path: bytes) -> Match:
        if not path.startswith(b"/"):
            raise ResourceNotFoundError
        segments = percent_decode(path)[1:].split("/")
        while segments and not segments[-1]:
            segments.pop()
        for route in self._routes:
            parameters = route.match(segments)
            if parameters is not None:
                return Match(route.verbs, parameters)
        raise ResourceNotFoundError
