"""Batches: what their members are told together, and what each alone."""

from __future__ import annotations

from parity.case import Case, Departure, Step, Together, register, unregister
from parity.cases.handlers import case, script

_EACH = "answer = [context.get_request_header(i, 'X-Member') for i in range(len(data))]"
_ALL_LEARN_IT = Departure("batch-errors", status=503, holds="Prediction failed")
_ALL_MISMATCHED = Departure("batch-errors", status=503, holds="number of batch response mismatched")
_ALL_INVALID = Departure("batch-errors", status=503, holds="Invalid model predict output")
_ALL_GET_THE_CODE = Departure("batch-errors", status=422, holds="Not these")


def _member(name: str, code: str) -> Step:
    return script(code, model="batch", x_member=name)


def _batch(name: str, claims: str, code: str, size: int = 3, **departures: Departure) -> Case:
    """A model with batches of three, that many requests at once, and the model's end."""
    members = tuple(_member(member, code) for member in "abc"[:size])
    delay = 3000 if size == 3 else 500  # a full batch waits for nobody
    return case(
        name,
        claims,
        register("script", model_name="batch", batch_size=3, max_batch_delay=delay),
        Together(members, by_status=True),
        unregister("batch"),
        **departures,
    )


CASES = [
    _batch("each-its-own", "6.3:1 6.4:7", _EACH),
    _batch(
        "short",
        "6.3:4",
        "answer = ['%d of %d' % (len(data), context.system_properties['batch_size'])] * len(data)",
        size=2,
    ),
    _batch("alone", "6.3:4", "answer = ['alone'] * len(data)", size=1),
    _batch(
        "status-and-headers",
        "6.4:8 6.4:9 6.4:10 12.2:21",
        f"{_EACH}\nfor i, name in enumerate(answer):\n"
        "    context.set_response_status({'a': 200, 'b': 299, 'c': 507}[name], name, i)\n"
        "    context.set_response_header(i, 'X-Answer', name)\n"
        "    context.set_response_content_type(i, 'text/' + name)",
    ),
    _batch("status-for-all", "6.4:10", f"{_EACH}\ncontext.set_all_response_status(299, 'All')"),
    _batch(
        "ids",
        "6.4:3",
        "ids = context.request_ids\n"
        "answer = [[list(ids), len(set(ids.values())), len(context.request_processor)]] * 3",
    ),
    _batch(
        "exception",
        "B:14",
        "raise ValueError('as asked')",
        at1=_ALL_LEARN_IT,
        at2=_ALL_LEARN_IT,
    ),
    _batch(
        "prediction-exception",
        "B:14",
        "raise PredictionException('Not these', 422)",
        at2=_ALL_GET_THE_CODE,
        at3=_ALL_GET_THE_CODE,
    ),
    _batch("no-list", "B:14 6.3:2", "answer = 'x'", at1=_ALL_INVALID, at2=_ALL_INVALID),
    _batch("too-few", "B:14 6.3:3", "answer = ['x']", at1=_ALL_MISMATCHED, at2=_ALL_MISMATCHED),
    _batch(
        "one-has-no-json",
        "",
        f"{_EACH}\nanswer[answer.index('b')] = {{1}}",
        at1=Departure("batch-errors", status=200),
        at2=Departure("batch-errors", status=200),
    ),
]
