"""From what a handler returns, sets or raises to what the front end is told.

This file never does I/O, except that it logs what a client must not see.
"""

from __future__ import annotations

import logging
import operator
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mms.service import PredictionException
from mms.worker.json_text import to_json

if TYPE_CHECKING:
    from typing import TypeGuard

    from mms.context import RequestProcessor

logger = logging.getLogger(__name__)

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A field name: RFC 9110, section 5.6.2."""

_TEXT = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""A reason phrase: RFC 9112, section 4. Latin-1 text without control characters."""

_LARGE_BYTES: Final = 64 * 1024
"""A bytearray of this size or more is not copied."""

_CONTENT_TYPE = "content-type"

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What may not stand in a field value: RFC 9110, section 5.5; CR, LF and NUL "are invalid and
dangerous"."""

_STATUSES = range(200, 1000)
"""Statuses that a handler may set: three digits (RFC 9110, section 15). Those below 200 are
interim: the client would go on waiting for an answer."""


class OutputError(Exception):
    """The handler's answer cannot be sent.

    `code` and `message` are for the client; `str()` adds the detail, which is for the log.
    """

    def __init__(self, message: str, code: int = 503, detail: str = "") -> None:
        self.message = message
        self.code = code
        super().__init__(f"{message} {detail}" if detail else message)


class Failure(NamedTuple):
    """What a client is told of an exception: an HTTP status and a message."""

    code: int
    message: str


class Head(NamedTuple):
    """Status, reason phrase and headers of one answer."""

    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]


DEFAULT_HEAD: Final = Head(200, "", ())
"""The head of an answer about which the handler said nothing."""


def check_outputs(outputs: object, requests: int) -> list[object]:
    """Check that the handler returned a list with one output per request.

    Raises:
        OutputError: It did not; every request of the batch gets this error.
    """
    if not isinstance(outputs, list):
        raise OutputError(
            "Invalid model predict output",
            detail=f"(the handler returned {type(outputs).__name__}, not a list)",
        )
    if len(outputs) != requests:
        raise OutputError(
            "number of batch response mismatched",
            detail=f"(the handler returned {len(outputs)} outputs for {requests} requests)",
        )
    return outputs


def encode_output(output: object) -> bytes | memoryview:
    """Encode one output: bytes as they are, str as UTF-8, all else as JSON indented by 2 spaces.

    NaN and infinities are written as the json module does. Mutable buffers are copied, because a
    thread of the handler's may write to them before the answer is sent; but a large bytearray is
    sent from where it is, and cannot change its size until then.

    Raises:
        OutputError: JSON has no form for it.
    """
    if isinstance(output, bytes):
        return output
    try:
        if isinstance(output, str):
            return output.encode("utf-8")
        if isinstance(output, bytearray):
            return bytes(output) if len(output) < _LARGE_BYTES else memoryview(output)
        if isinstance(output, memoryview):
            return output.tobytes()
        return to_json(output).encode("utf-8")
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise OutputError("Unsupported model output data type.", detail=f"({exc})") from exc


def response_head(processor: RequestProcessor) -> Head:
    """Check and return the status, phrase and headers that the handler set for one request.

    Header names that differ only in case are one header: the last one stays, but of a content
    type the one in capitals. Characters of a value beyond Latin-1 become `?`. Both as Multi Model
    Server does, which reads the fields into a map of its own.

    Raises:
        OutputError: They cannot be sent as HTTP; code 500. The detail says which and why.
    """
    if processor.is_untouched:
        return DEFAULT_HEAD
    status = _check_status(processor.get_response_status_code())
    phrase = _check_phrase(processor.get_response_status_phrase())
    headers = {}
    for name, value in processor.get_response_headers().items():
        text = _check_header(name, value)
        if name != _CONTENT_TYPE or name not in headers:
            headers[name.lower()] = (name, text)
    return Head(status, phrase, tuple(headers.values()))


def failure_of(exception: BaseException) -> Failure:
    """Return what the clients of a batch are told of an exception that its handler raised."""
    if isinstance(exception, PredictionException):
        return _failure_of_prediction(exception)
    if isinstance(exception, MemoryError):
        return Failure(507, "Out of resources")
    return Failure(503, "Prediction failed")


def _failure_of_prediction(exception: PredictionException) -> Failure:
    # A subclass may have set neither, or anything: the answer must be one that can be sent.
    code = _three_digits(getattr(exception, "error_code", None))
    try:
        message = str(getattr(exception, "message", "Prediction failed"))
    except Exception:  # `__str__` is the model's code, and may raise anything
        logger.exception("The message of a %s has no text", type(exception).__name__)
        message = "Prediction failed"
    sendable = message.encode("utf-8", "backslashreplace").decode("utf-8")
    return Failure(500 if code is None else code, sendable)


def _three_digits(code: object) -> int | None:
    try:
        status = int(operator.index(code))  # type: ignore[arg-type]  # TypeError is the check
    except TypeError:
        return None
    return status if status in _STATUSES else None


def _check_status(code: object) -> int:
    status = 200 if code is None else _three_digits(code)
    if status is None:
        raise _head_error(f"status {code!r}: expected an integer from 200 to 999")
    return status


def _check_phrase(phrase: object) -> str:
    if phrase is None:
        return ""
    if not _is_sendable(phrase):
        raise _head_error(
            f"reason phrase {phrase!r}: expected Latin-1 text without control characters"
        )
    return phrase


def _check_header(name: object, value: object) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise _head_error(f"header name {name!r}: expected a token of RFC 9110")
    if not isinstance(value, str) or _CONTROLS.search(value):
        raise _head_error(f"value {value!r} of header {name!r}: expected text without controls")
    return value.encode("latin-1", "replace").decode("latin-1")


def _is_sendable(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and _TEXT.fullmatch(text) is not None


def _head_error(detail: str) -> OutputError:
    return OutputError("Invalid response status or headers.", 500, f"(the handler set {detail})")
