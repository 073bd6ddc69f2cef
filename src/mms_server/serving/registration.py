"""What a registration asks for, and what the server's settings add to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mms_server.archive.limits import Limits
from mms_server.archive.manifest import RUNTIMES
from mms_server.archive.policy import FetchPolicy
from mms_server.environments.policy import Policy as EnvironmentPolicy
from mms_server.errors import BadRequestError
from mms_server.metrics.metrics_log import MetricsLog


@dataclass(frozen=True, slots=True)
class Registration:
    """One request to serve a model; what is None is taken from the archive or the defaults.

    `name_hint` names the model where neither the request nor its manifest does. Times are seconds.
    """

    location: str
    model_name: str | None = None
    name_hint: str | None = None
    handler: str | None = None
    runtime: str | None = None
    batch_size: int = 1
    max_batch_delay_s: float = 0.1
    response_timeout_s: float | None = None
    startup_timeout_s: float | None = None
    queue_timeout_s: float | None = None
    preload: bool | None = None

    def __post_init__(self) -> None:
        if self.runtime is not None and self.runtime not in RUNTIMES:
            raise BadRequestError(f"Invalid RuntimeType value: {self.runtime}")


@dataclass(frozen=True, slots=True)
class Defaults:
    """The settings that apply to every model; `environment` is that of its workers, complete."""

    store: Path | None
    workdir: Path
    fetch_policy: FetchPolicy
    archive_limits: Limits
    environment_policy: EnvironmentPolicy
    handler: str | None = None
    decode_input: bool = True
    preload: bool = False
    max_response_bytes: int = 6_553_500
    response_timeout_s: float = 120.0
    startup_timeout_s: float = 120.0
    queue_timeout_s: float = 60.0
    job_queue_size: int | None = None
    max_queued_bytes: int = 256 * 1024 * 1024
    retry_batches: bool = True
    scale_up_after_s: float = 0.25
    scale_down_after_s: float = 60.0
    environment: Mapping[str, str] = field(default_factory=dict)
    metrics: MetricsLog | None = None
