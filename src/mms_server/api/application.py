"""What a listener serves: routes, and one form for all errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from mms_server.api.answers import answer_error
from mms_server.errors import MMSError
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import Router

logger = logging.getLogger("mms_server.api")


class RoutedApplication:
    """Serves requests by a router (`mms_server.http.exchange.Application`)."""

    def __init__(self, router: Router, ids: Iterator[bytes]) -> None:
        self._router = router
        self._ids = ids

    def preview(self, request: Request, exchange: Exchange) -> None:
        """Answer at once what cannot become right by reading the body."""
        try:
            match = self._router.resolve(request.head.path)
            endpoint = match.endpoint(request.head.method)
            if endpoint.preview is not None:
                endpoint.preview(request, exchange, match.parameters)
        except MMSError as error:
            answer_error(exchange, next(self._ids), error)

    def handle(self, request: Request, exchange: Exchange) -> None:
        """Serve a whole request."""
        try:
            match = self._router.resolve(request.head.path)
            match.endpoint(request.head.method).serve(request, exchange, match.parameters)
        except MMSError as error:
            answer_error(exchange, next(self._ids), error)
        except Exception as defect:
            logger.exception("A request failed unexpectedly")
            answer_error(exchange, next(self._ids), MMSError(f"Internal error: {defect!r}"))

    def reject(self, error: MMSError, exchange: Exchange) -> None:
        """Answer what is no proper request."""
        answer_error(exchange, next(self._ids), error)
