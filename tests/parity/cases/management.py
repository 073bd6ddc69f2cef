"""What the cases about models and their workers share: their servers, and steps that recur."""

from __future__ import annotations

from functools import partial

from parity.case import Departure, Setup, Step, make_case, manage, register

_ANY_LOCAL = ("allowed_urls", "http://localhost:.*")

EMPTY = Setup("none loaded", (("default_workers_per_model", "0"), _ANY_LOCAL))
ONE_WORKER = Setup("one worker each", (("default_service_handler", "service:handle"),))

KEPT_AFTER_503 = Departure("kept-after-503", 503, "Consider increasing", connection="kept")
MALFORMED_ESCAPE = Departure("malformed-escapes", 400, "Malformed percent-escape")
DAMAGED = Departure("damaged-archive", 400, "is not a zip archive")


case = partial(make_case, EMPTY)


def post(query: str) -> Step:
    """Register a model with these parameters and no others."""
    return manage("POST", f"/models?{query}")


def post_json(body: str, query: str = "", content_type: str = "application/json") -> Step:
    """Register a model with parameters from a JSON body."""
    target = "/models" + (query and f"?{query}")
    return manage("POST", target, body.encode(), content_type=content_type)


def take_in(url: str, **parameters: object) -> Step:
    """Register a model without workers."""
    return register(url, 0, **parameters)


def show(model: str) -> Step:
    """Describe a model."""
    return manage("GET", f"/models/{model}")


def scale(model: str, query: str, *, until: str = "") -> Step:
    """Scale a model."""
    return manage("PUT", f"/models/{model}?{query}", until=until)
