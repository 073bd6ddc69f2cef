"""The one hierarchy of errors, and the one table from an error to its outside statuses.

Rooms raise these and know nothing of HTTP; a dialect looks the status up here. The names in
`kind` and the wording of many messages are what clients of Multi Model Server 1.1 match on
(its `com.amazonaws.ml.mms.http` and `.archive` exception classes).
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Statuses(NamedTuple):
    """How an error looks outside: an HTTP status (RFC 9110) and a gRPC status code number."""

    http: int
    grpc: int


class MMSError(Exception):
    """Root of every error that this server raises on purpose.

    `kind` is the name that clients see in the `type` field of an error body. `is_retryable` says
    whether the same request may succeed later without anybody changing anything.
    """

    kind: ClassVar[str] = "InternalServerException"
    is_retryable: ClassVar[bool] = False

    @property
    def message(self) -> str:
        """What was seen, what was expected and what to do, for the person who reads the answer."""
        return str(self)


class ConfigError(MMSError):
    """The configuration cannot be used; the server does not start."""

    kind = "IllegalArgumentException"


class BadRequestError(MMSError):
    """The client's request is wrong and will stay wrong."""

    kind = "BadRequestException"


class ForbiddenError(MMSError):
    """The request is well formed but not one that this listener serves from there."""

    kind = "ForbiddenException"


class ResourceNotFoundError(MMSError):
    """No such path."""

    kind = "ResourceNotFoundException"

    def __init__(self) -> None:
        super().__init__("Requested resource is not found, please refer to API document.")


class MethodNotAllowedError(MMSError):
    """The path exists, the verb does not.

    `allowed` are the verbs that do, which the answer must name (RFC 9110 section 15.5.6).
    """

    kind = "MethodNotAllowedException"

    def __init__(self, allowed: tuple[bytes, ...] = ()) -> None:
        super().__init__("Requested method is not allowed, please refer to API document.")
        self.allowed = allowed


class PayloadTooLargeError(MMSError):
    """The request's body is larger than `max_request_size`."""

    kind = "PayloadTooLargeException"


class ExpectationFailedError(MMSError):
    """The request expects something other than `100-continue`."""

    kind = "ExpectationFailedException"


class ModelNotFoundError(MMSError):
    """No model of that name, or no archive at that location."""

    kind = "ModelNotFoundException"


class ConflictError(MMSError):
    """The name is taken."""

    kind = "ConflictStatusException"


class InvalidModelError(MMSError):
    """The archive is not one that can be served: damaged, hostile or incomplete."""

    kind = "InvalidModelException"


class DownloadModelError(MMSError):
    """The archive could not be fetched."""

    kind = "DownloadModelException"
    is_retryable = True


class ServiceUnavailableError(MMSError):
    """Refused or expired without having been run: safe to send again.

    `retry_after_s` is the advice for the client, where the backlog tells one.
    """

    kind = "ServiceUnavailableException"
    is_retryable = True

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RequestTimeoutError(MMSError):
    """The server gave up on a management operation; its effect is unknown."""

    kind = "RequestTimeoutException"


class WorkerError(MMSError):
    """A worker could not be started, could not load its model, or died while executing."""


class ModelEnvironmentError(WorkerError):
    """The interpreter or the packages that a model brings cannot be had."""


class OutOfResourcesError(WorkerError):
    """A worker ran out of memory."""


STATUSES: dict[type[MMSError], Statuses] = {
    MMSError: Statuses(500, 13),  # INTERNAL
    ConfigError: Statuses(500, 9),  # FAILED_PRECONDITION
    BadRequestError: Statuses(400, 3),  # INVALID_ARGUMENT
    ForbiddenError: Statuses(403, 7),  # PERMISSION_DENIED
    ResourceNotFoundError: Statuses(404, 12),  # UNIMPLEMENTED
    MethodNotAllowedError: Statuses(405, 12),  # UNIMPLEMENTED
    PayloadTooLargeError: Statuses(413, 8),  # RESOURCE_EXHAUSTED
    ExpectationFailedError: Statuses(417, 3),  # INVALID_ARGUMENT
    ModelNotFoundError: Statuses(404, 5),  # NOT_FOUND
    ConflictError: Statuses(409, 6),  # ALREADY_EXISTS
    InvalidModelError: Statuses(400, 3),  # INVALID_ARGUMENT
    DownloadModelError: Statuses(400, 14),  # UNAVAILABLE
    ServiceUnavailableError: Statuses(503, 14),  # UNAVAILABLE
    RequestTimeoutError: Statuses(408, 4),  # DEADLINE_EXCEEDED
    WorkerError: Statuses(500, 13),  # INTERNAL
    OutOfResourcesError: Statuses(507, 8),  # RESOURCE_EXHAUSTED
}
"""Statuses by error class; gRPC numbers are those of grpc/grpc `doc/statuscodes.md`."""


def statuses_of(error: MMSError) -> Statuses:
    """Look up the statuses of an error, by its class or the nearest base that has a row."""
    for cls in type(error).__mro__:
        if cls in STATUSES:
            return STATUSES[cls]
    raise AssertionError(f"{type(error).__name__} has no row in STATUSES")
