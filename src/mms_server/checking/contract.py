"""What a handler must do, tried step by step; each step says in words how it went."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mms_server.checking.probe import Body, Probe, Reply, Request
from mms_server.errors import WorkerError
from mms_server.workers.spec import WorkerSpec

_MIB = 1024 * 1024
_REPEATS = 5
_TOLERANCE = 1e-3
"""By how much a number may differ between a batch and a single request: engines add in another
order then."""
_SHOWN_CHARACTERS = 200
_WRONG = (
    ("no body at all", Body(b"")),
    ("bytes that mean nothing", Body(b"\x00\xff\xfe" * 20)),
    ("an empty JSON object", Body(b"{}", "application/json")),
    ("text", Body(b"not what you expect", "text/plain")),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `is_bad` means that something has to be done."""

    text: str
    is_bad: bool = False


def check(
    spec: WorkerSpec,
    examples: Sequence[Request],
    batch: int,
    timeout_s: float,
    gpu_id: int | None = None,
) -> Iterator[Finding]:
    """Try a model: load, example requests alone and in batches, and wrong ones.

    A worker that is given a GPU is told so in its context. Blocks between findings. Without
    examples only wrong requests are tried. Raises WorkerError when no process can be started; one
    that dies or hangs is a finding.
    """
    with Probe(spec, timeout_s) as probe:
        try:
            loaded = probe.load(gpu_id)
            if loaded.error:
                yield Finding(f"load: {loaded.error.strip()}", is_bad=True)
                return
            yield Finding(f"load: {loaded.seconds:.1f} s{_memory(probe)}")
            for number, example in enumerate(examples, 1):
                name = f"example {number}" if len(examples) > 1 else "example"
                yield from _Trial(probe, name, example, batch).run()
            if len(examples) > 1 and batch > 1:
                yield _judge_mixed(probe, examples)
            if not examples:
                yield Finding("no example request was given (--input): no right answer was tried")
            for what, body in _WRONG:
                yield _judge_wrong(probe, what, body)
        except WorkerError as exc:
            yield Finding(str(exc), is_bad=True)


class _Trial:
    """One example request, alone, in a batch, and beside a wrong one."""

    def __init__(self, probe: Probe, name: str, example: Request, batch: int) -> None:
        self._probe = probe
        self._name = name
        self._example = example
        self._batch = batch

    def run(self) -> Iterator[Finding]:
        """Try it; what makes no sense after a failure is left out."""
        (alone,), _ = self._probe.predict([self._example])
        if alone.status >= 400:
            yield self._bad(f"is answered with {_show(alone)}{_reason(self._probe, alone)}")
            return
        times = [self._probe.predict([self._example])[1] for _ in range(_REPEATS)]
        kind = alone.headers.get("content-type", "no content type")
        yield self._good(
            f"{alone.status}, {len(alone.body)} bytes, {kind}, {_shape(alone)}"
            f"{statistics.median(times) * 1000:.1f} ms{_memory(self._probe)}"
        )
        if kind == "application/json":
            yield from self._judge_json(alone)
        if self._batch > 1:
            yield self._judge_batch(alone)
            yield self._judge_neighbours(alone)

    def _judge_json(self, reply: Reply) -> Iterator[Finding]:
        try:
            json.loads(reply.body, parse_constant=_refuse_constant)
        except ValueError as exc:
            yield self._bad(f"says that it is JSON, and is not: {exc}")

    def _judge_batch(self, alone: Reply) -> Finding:
        replies, busy_s = self._probe.predict([self._example] * self._batch)
        title = f"a batch of {self._batch}"
        failed = [reply for reply in replies if reply.status >= 400]
        if failed:
            reason = _reason(self._probe, failed[0])
            return self._bad(f"{title} is answered with {_show(failed[0])}{reason}")
        for place, reply in enumerate(replies):
            if not _are_alike(alone.body, reply.body):
                return self._bad(
                    f"{title}: the answer at place {place} is not what the request alone gets: "
                    f"{_show(reply)} instead of {_show(alone)}"
                )
        return self._good(f"{title}: the same answers, {busy_s * 1000:.1f} ms for all")

    def _judge_neighbours(self, alone: Reply) -> Finding:
        """See whether a wrong request leaves those beside it alone."""
        _, wrong = _WRONG[1]
        replies, _ = self._probe.predict([self._example, wrong, self._example])
        for reply in (replies[0], replies[2]):
            if reply.status >= 400 or not _are_alike(alone.body, reply.body):
                return self._bad(
                    f"beside a wrong request it is answered with {_show(reply)}"
                    f"{_reason(self._probe, reply)}: answer only the wrong one with an error, as "
                    "mms.handlers.base.Handler does for a RequestError in preprocess"
                )
        return self._good("beside a wrong request: the same answers")

    def _good(self, text: str) -> Finding:
        return Finding(f"{self._name}: {text}")

    def _bad(self, text: str) -> Finding:
        return Finding(f"{self._name}: {text}", is_bad=True)


def _judge_mixed(probe: Probe, examples: Sequence[Request]) -> Finding:
    """Send different examples as one batch: answers must not be mixed up."""
    alone = [probe.predict([example])[0][0] for example in examples]
    together, _ = probe.predict(examples)
    for number, (one, other) in enumerate(zip(alone, together, strict=True), 1):
        if one.status != other.status or not _are_alike(one.body, other.body):
            return Finding(
                f"all examples in one batch: example {number} is answered with {_show(other)} "
                f"instead of {_show(one)}{_reason(probe, other)}",
                is_bad=True,
            )
    return Finding("all examples in one batch: the same answers")


def _judge_wrong(probe: Probe, what: str, body: Body) -> Finding:
    """A wrong request is the client's mistake, or none to this model: never the server's error."""
    (reply,), _ = probe.predict([body])
    if reply.status >= 500:
        return Finding(
            f"{what}: is answered with {_show(reply)}{_reason(probe, reply)}: a client's mistake "
            "should be a 400 (raise RequestError in preprocess, or set the status)",
            is_bad=True,
        )
    return Finding(f"{what}: {reply.status}")


def _are_alike(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    try:
        return _are_close(json.loads(one), json.loads(other))
    except ValueError:
        return False


def _are_close(one: object, other: object) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_are_close, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_are_close(one[key], other[key]) for key in one)
    return one == other


def _shape(reply: Reply) -> str:
    """Tell what a JSON answer holds, as `2 x 3 x number, `; nothing of other answers."""
    try:
        return f"{_outline(json.loads(reply.body))}, "
    except ValueError:
        return ""


def _outline(value: object) -> str:
    if isinstance(value, list):
        kinds = {_outline(each) for each in value}
        return f"{len(value)} x {kinds.pop()}" if len(kinds) == 1 else f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"{{{', '.join(value)}}}"
    if isinstance(value, bool):
        return "true or false"
    return "number" if isinstance(value, int | float) else "null" if value is None else "text"


def _show(reply: Reply) -> str:
    text = " ".join(reply.body.decode(errors="backslashreplace").split())
    short = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
    return f"{reply.status} {short!r}"


def _reason(probe: Probe, reply: Reply) -> str:
    """Tell what the worker wrote of its own failure; a client's error says it itself."""
    said = probe.last_word()
    return f" ({said})" if reply.status >= 500 else ""


def _memory(probe: Probe) -> str:
    resident = probe.resident_bytes()
    return "" if resident is None else f", {resident / _MIB:.0f} MiB"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it has {name}, which JSON has not")
