"""When two answers are the same, and which additions of this server's do not count."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from parity.answer import Answer
from parity.case import Departure

ADDED_HEADERS = {"allow": "allow-on-405", "retry-after": "retry-after"}
"""Header fields that only this server sends, and the difference that says why."""

ADDED_FIELDS = dict.fromkeys(
    ("state", "restarts", "pid", "lastError", "lastTraceback", "queuedRequests"),
    "describe-tells-more",
) | {"reason": "why-a-start-failed", "scaling": "autoscaling"}
"""Members of JSON objects that only this server sends, and the difference that says why."""


def explain(theirs: Answer, ours: Answer) -> str:
    """Say how `ours` differs from the recorded answer; empty if it does not."""
    theirs, ours = _without_json(theirs), _without_json(_without_additions(ours))
    differing = [
        f"  {name}: {_show(theirs, name)}\n  {' ' * len(name)}  {_show(ours, name)} (ours)"
        for name in ("outcome", "status", "reason", "headers", "body", "connection")
        if _show(theirs, name) != _show(ours, name)
    ]
    return "\n".join(differing)


def explain_departure(departure: Departure, ours: Answer) -> str:
    """Say how `ours` is not what the departure promises; empty if it is."""
    headers = {name.lower(): value for name, value in ours.headers}
    wrong = []
    if departure.status is not None and ours.status != departure.status:
        wrong.append(f"status {ours.status}, not {departure.status}")
    if departure.holds not in ours.body:
        wrong.append(f"no {departure.holds!r} in {ours.body!r}")
    if departure.connection and ours.connection != departure.connection:
        wrong.append(f"connection {ours.connection}, not {departure.connection}")
    for name, value in departure.headers.items():
        if headers.get(name.lower()) != value:
            wrong.append(f"{name}: {headers.get(name.lower())}, not {value}")
    return ", ".join(wrong)


def judge(difference: str, departure: str | None, is_not_ours: Callable[[], str]) -> str:
    """Say what is wrong with an observation that has this `difference` to the recorded one.

    Where a `departure` is named there must be a difference, and `is_not_ours` says how what was
    seen is not what that departure promises.
    """
    if departure is None:
        return difference
    if not difference:
        return f"  no longer differs, as {departure} says it should"
    return is_not_ours()


def _show(answer: Answer, name: str) -> str:
    return repr(getattr(answer, name))


def _without_additions(answer: Answer) -> Answer:
    kept = tuple(each for each in answer.headers if each[0].lower() not in ADDED_HEADERS)
    return replace(answer, headers=kept)


def _without_json(answer: Answer) -> Answer:
    """Render JSON bodies anew: escapes and blanks do not count, the order of members does."""
    if not answer.is_json or not answer.body:
        return answer
    try:
        value = json.loads(answer.body.replace(": <", ': "<'), object_hook=_without_added)
    except ValueError:
        return answer
    return replace(answer, body=json.dumps(value))


def _without_added(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in ADDED_FIELDS}
