"""What is asked of both servers: cases, their steps, and where the two may differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Listener = Literal["inference", "management"]

_CLIENT = b"Host: localhost\r\n"


@dataclass(frozen=True)
class Setup:
    """A server's configuration; cases of one setup share a server, and leave it as it was."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    store: str = "store"
    """The folder given as `--model-store`, in the server's; none is given if empty."""


@dataclass(frozen=True)
class Step:
    """One request and its answer.

    In `request` and `until`, `{folder}`, `{inference}`, `{management}` and `{files}` stand for the
    server's folder, its two ports, and the port of a web server over the folder of archives.
    """

    listener: Listener
    request: bytes
    connection: str = ""
    """Steps with the same name share a connection; without one, the step has its own."""
    half_close: bool = False
    """Shut the sending side down once the request is sent."""
    until: str = ""
    """Ask again until the answer's body holds this text; the last answer is the one compared."""


@dataclass(frozen=True)
class LogLines:
    """Lines that a log holds once enough of them are there; as an answer, they are its body.

    Each is shown once, without what varies from run to run; so what a case looks for must tell its
    own lines from those of the cases before it.
    """

    files: str
    """In the server's folder; a glob, since the servers have different places for some lines."""
    pattern: str
    """A regular expression that is found in the lines meant, as they are shown."""
    count: int = 1


@dataclass(frozen=True)
class Together:
    """Requests sent at one moment on connections of their own; answers in the order given."""

    steps: tuple[Step, ...]
    by_status: bool = False
    """Answers in the order of their statuses instead: which request is first is chance."""


@dataclass(frozen=True)
class Departure:
    """What this server answers instead, on purpose; `difference` names why (`differences.toml`)."""

    difference: str
    status: int | None = None
    holds: str = ""
    connection: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A scenario; `claims` are the statements about Multi Model Server that it checks."""

    id: str
    claims: tuple[str, ...]
    steps: tuple[Step | Together | LogLines, ...]
    setup: Setup
    departures: Mapping[int, Departure] = field(default_factory=dict)
    """By the place of the answer in the case."""

    def flat_steps(self) -> Iterator[Step | LogLines]:
        """Every request of the case and look into a log, in the order of the answers."""
        for step in self.steps:
            yield from step.steps if isinstance(step, Together) else (step,)


def make_case(
    default: Setup,
    name: str,
    claims: str,
    *steps: Step | Together | LogLines,
    setup: Setup | None = None,
    **departures: Departure,
) -> Case:
    """Make a case; `claims` are set apart by blanks, and `at1` departs in the second answer."""
    return Case(name, tuple(claims.split()), steps, setup or default, by_place(departures))


def by_place(departures: Mapping[str, Departure]) -> dict[int, Departure]:
    """Read the names `at0`, `at1` and so on of departures."""
    return {int(place.removeprefix("at")): each for place, each in departures.items()}


def raw(
    request: bytes,
    listener: Listener = "inference",
    *,
    connection: str = "",
    half_close: bool = False,
) -> Step:
    """Send these very bytes."""
    return Step(listener, request, connection, half_close)


def ask(
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    listener: Listener = "inference",
    until: str = "",
    connection: str = "",
    **headers: str,
) -> Step:
    """Send a well-formed request; `content_type="x"` becomes `Content-Type: x`."""
    lines = [f"{method} {target} HTTP/1.1\r\n".encode(), _CLIENT]
    for name, value in headers.items():
        lines.append(f"{name.title().replace('_', '-')}: {value}\r\n".encode())
    if body is not None:
        lines.append(b"Content-Length: %d\r\n" % len(body))
    return Step(listener, b"".join([*lines, b"\r\n", body or b""]), connection, until=until)


def manage(
    method: str, target: str, body: bytes | None = None, *, until: str = "", **headers: str
) -> Step:
    """Send a well-formed request to the management API."""
    return ask(method, target, body, listener="management", until=until, **headers)


def register(url: str, workers: int = 1, **parameters: object) -> Step:
    """Register a model and wait for its workers."""
    query = "".join(f"&{name}={value}" for name, value in parameters.items())
    return manage("POST", f"/models?url={url}&initial_workers={workers}&synchronous=true{query}")


def unregister(model: str) -> Step:
    """Unregister a model."""
    return manage("DELETE", f"/models/{model}")
