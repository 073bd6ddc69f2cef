"""Which request leads where: the paths and verbs of both listeners."""

from __future__ import annotations

from parity.case import Case, Departure, Setup, Step, Together, ask, manage

DEFAULT = Setup("default", models=("noop=noop", "inspect=inspect"))


def _case(name: str, claim: str, *steps: Step | Together, **departures: Departure) -> Case:
    places = {int(place.removeprefix("at")): each for place, each in departures.items()}
    return Case(name, (claim,), steps, DEFAULT, places)


CASES = [
    _case("root-get", "3.1:2", ask("GET", "/")),
    _case("root-options", "3.1:1", ask("OPTIONS", "/"), manage("OPTIONS", "/")),
    _case(
        "ping",
        "3.1:4",
        ask("GET", "/ping"),
        ask("BREW", "/ping/x"),
        ask("HEAD", "/ping"),
        at1=Departure("unknown-verb", status=400, connection="closed"),
    ),
    _case("unknown", "3.1:12", ask("GET", "/InvalidUrl"), manage("GET", "/InvalidUrl")),
]
