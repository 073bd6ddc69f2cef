"""Models as the management dialect shows them: names and order of fields are clients' business."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mms_server.archive.policy import redacted
from mms_server.environments.preparation import Environment
from mms_server.environments.preparation import State as EnvironmentState
from mms_server.serving.model import Model
from mms_server.workers.worker import State, Worker

_MAX_PAGE = 100


def list_page(models: Sequence[Model], limit: int, offset: int) -> dict[str, object]:
    """Show one page of the models, and the token of the next one when there is one."""
    if not 0 <= limit <= _MAX_PAGE:
        limit = _MAX_PAGE
    offset = max(offset, 0)
    page: dict[str, object] = {}
    if offset + limit < len(models):
        page["nextPageToken"] = str(offset + limit)
    page["models"] = [
        {"modelName": model.name, "modelUrl": redacted(model.archive.location)}
        for model in models[offset : offset + limit]
    ]
    return page


def describe(model: Model) -> dict[str, object]:
    """Show one model: what it was registered with, and its workers.

    Fields that have no value are left out, as Multi Model Server's JSON writer does.
    """
    manifest, policy, target = model.archive.manifest, model.policy, model.pool.target
    document: dict[str, object | None] = {
        "modelName": model.name,
        "modelVersion": model.version or None,
        "modelUrl": redacted(model.archive.location),
        "engine": None if manifest.engine is None else manifest.engine.engine_name,
        "runtime": model.spec.runtime,
        "minWorkers": target.min_workers,
        "maxWorkers": target.max_workers,
        "scaling": _describe_scaling(model),
        "batchSize": policy.batch_size,
        "maxBatchDelay": round(policy.max_batch_delay_s * 1000),
        "loadedAtStartup": model.is_loaded_at_startup,
        "workers": [_describe_worker(worker) for worker in model.pool.workers],
        "queuedRequests": model.dispatcher.queued_jobs,
        "environment": _describe_environment(model.environment),
    }
    return {name: value for name, value in document.items() if value is not None}


def _describe_scaling(model: Model) -> dict[str, object] | None:
    """Show what the autoscaler chose and why, where its bounds leave it a choice."""
    target, last = model.pool.target, model.autoscaler.last
    if target.max_workers == target.min_workers:
        return None
    document: dict[str, object] = {"wantedWorkers": target.wanted}
    if last is not None:
        document["lastChange"] = {
            "time": _utc(last.time),
            "from": last.before,
            "to": last.after,
            "reason": last.reason,
        }
    return document


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def _describe_environment(environment: Environment | None) -> dict[str, object] | None:
    """Show how far the environment that a model brings is, while its workers wait for it."""
    if environment is None or environment.state is EnvironmentState.READY:
        return None
    document: dict[str, object] = {"state": environment.state.value}
    if environment.progress:
        document["progress"] = environment.progress
    if environment.error is not None:
        document["error"] = environment.error.message
    return document


def _describe_worker(worker: Worker) -> dict[str, object]:
    """Show one worker; `status` has Multi Model Server's two values, `state` tells the truth."""
    leaving = worker.state in (State.DRAINING, State.STOPPED)
    document: dict[str, object] = {
        "id": worker.id,
        "startTime": _utc(worker.started_at),
        "status": "UNLOADING" if leaving else "READY",
        "state": worker.state.value,
        "gpu": worker.gpu_id is not None,
        "memoryUsage": _resident_bytes(worker.pid),
        "restarts": max(worker.restarts, 0),
    }
    if worker.pid is not None:
        document["pid"] = worker.pid
    if worker.last_error is not None:
        document["lastError"] = worker.last_error.message
        if worker.last_traceback:
            document["lastTraceback"] = worker.last_traceback
    return document


def _resident_bytes(pid: int | None) -> int:
    """Read a process's resident size (proc(5), statm); 0 where it is not known."""
    if pid is None:
        return 0
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
