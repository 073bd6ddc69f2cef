"""Handlers with one fault each, and what is said of them; the worker processes are real."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mms_server.checking.contract import Finding, check
from mms_server.checking.probe import Body
from mms_server.workers.spec import WorkerSpec

GOOD = """
from mms.handlers.base import Handler, RequestError, find_input

class Doubler(Handler):
    def preprocess(self, request):
        body = find_input(request, "body")
        if not isinstance(body, bytearray) or not body.isdigit():
            raise RequestError("no number")
        return int(body)

    def inference(self, inputs):
        return [2 * each for each in inputs]
"""


@pytest.fixture
def try_out(tmp_path: Path) -> TryOut:
    return TryOut(tmp_path)


class TryOut:
    """Checks a handler given as code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        code: str,
        examples: Sequence[Body] = (Body(b"21"),),
        batch: int = 3,
        timeout_s: float = 60,
    ) -> list[Finding]:
        (self._folder / "service.py").write_text(code)
        spec = WorkerSpec("tried", self._folder, "service.py", None, batch, environment=os.environ)
        return list(check(spec, examples, batch, timeout_s))


def bad(findings: list[Finding]) -> list[str]:
    return [each.text for each in findings if each.is_bad]


def function(body: str) -> str:
    """A handler whose function has this body; it gets data that is not None."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    head = "import os\n\ndef handle(data, context):\n    if data is None:\n        return None\n"
    return f"{head}{lines}\n"


def test_a_good_handler_is_found_good(try_out: TryOut) -> None:
    findings = try_out(GOOD, [Body(b"21"), Body(b"4")])
    assert bad(findings) == []
    texts = [each.text for each in findings]
    assert texts[0].startswith("load: 0.")
    assert texts[1].startswith("example 1: 200, 2 bytes, application/json, ")
    assert "example 2: a batch of 3: the same answers" in texts[5]
    assert "all examples in one batch: the same answers" in texts
    assert "bytes that mean nothing: 400" in texts


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        ("3", "number"),
        ("[[1, 2, 3], [4, 5, 6.5]]", "2 x 3 x number"),
        ("[{'class': 'cat', 'probability': 0.8}]", "1 x {class, probability}"),
        ("[1, 'a']", "a list of 2"),
        ("[]", "a list of 0"),
        ("{'a': 1}", "{a}"),
        ("'text'", ""),
        ("b'\\xff'", ""),
        ("[None, None]", "2 x null"),
        ("True", "true or false"),
    ],
)
def test_the_shape_of_an_answer_is_told(answer: str, shape: str, try_out: TryOut) -> None:
    findings = try_out(function(f"return [{answer}] * len(data)"), batch=1)
    found = re.search(r"bytes, no content type, (?:(.*), )?\d+\.\d ms", findings[1].text)
    assert found is not None
    assert (found[1] or "") == shape


def test_without_an_example_that_is_said(try_out: TryOut) -> None:
    findings = try_out(GOOD, [])
    assert bad(findings) == []
    assert "no right answer was tried" in findings[1].text


def test_a_load_that_fails_ends_it_with_the_traceback(try_out: TryOut) -> None:
    (said,) = bad(try_out("raise RuntimeError('no weights')"))
    assert said.startswith("load: RuntimeError: no weights")
    assert "service.py" in said
    (said,) = bad(try_out("import no_such_package_at_all"))
    assert "pip install no_such_package_at_all" in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('hm')", r"^example: is answered with 503 .*\(ValueError: hm\)$"),
        ("return ['OK']", "^example: a batch of 3 is answered with 503 'number of batch response"),
        (
            "return [len(data) for each in data]",
            "^example: a batch of 3: the answer at place 0 is not what the request alone gets: "
            "200 '3' instead of 200 '1'",
        ),
        (
            "return [2 * int(bytes(each['body'])) for each in data]",
            "^example: beside a wrong request it is answered with 503 .*RequestError in preprocess",
        ),
        (
            "return [1 for each in data if int(bytes(each['body'] or b'1')) or True]",
            "^bytes that mean nothing: is answered with 503 .*ValueError.*should be a 400",
        ),
        (
            "context.set_response_content_type(0, 'application/json')\n"
            "return [float('nan')] * len(data)",
            "^example: says that it is JSON, and is not: it has NaN",
        ),
        (
            "return [os._exit(7) if each['body'] == b'' else 1 for each in data]",
            "^The worker died: exit status 7; ",
        ),
    ],
)
def test_faults_are_told_in_words(body: str, said: str, try_out: TryOut) -> None:
    texts = bad(try_out(function(body)))
    assert any(re.search(said, text, re.DOTALL) for text in texts), texts


def test_answers_that_are_mixed_up_are_found(try_out: TryOut) -> None:
    code = function("return [bytes(each['body']) for each in reversed(data)]")
    texts = bad(try_out(code, [Body(b"a"), Body(b"b")]))
    assert any("example 1 is answered with 200 'b' instead of 200 'a'" in text for text in texts)


def test_numbers_may_differ_a_little_in_a_batch(try_out: TryOut) -> None:
    code = function("return [{'p': [0.5 + 1e-6 * len(data)], 'c': 'x'}] * len(data)")
    assert bad(try_out(code)) == []


def test_a_handler_that_hangs_is_given_up(try_out: TryOut) -> None:
    code = "import threading\n" + function("threading.Event().wait()")
    (said,) = bad(try_out(code, timeout_s=2))
    assert said == "The worker did not answer within 2 s."


def test_a_worker_that_dies_while_loading_is_told_of(try_out: TryOut) -> None:
    (said,) = bad(try_out("import os\nprint('so long', flush=True)\nos._exit(3)"))
    assert said == "The worker died: exit status 3; so long"
