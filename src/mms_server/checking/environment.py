"""What a model brings to run in: judged and made as a server does it, then the model is tried."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mms_server.checking.contract import Finding
from mms_server.environments.policy import Policy
from mms_server.environments.preparation import Environment, Environments
from mms_server.errors import BadRequestError, ModelEnvironmentError
from mms_server.workers.spec import WorkerSpec

_OPTION = "--allow-environment"

Trial = Callable[[WorkerSpec], Iterator[Finding]]
"""What is tried once it is known which interpreter runs the model."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an archive asks for: an interpreter, and a file of packages in its folder."""

    python: str | None
    requirements: str | None


def check_within(spec: WorkerSpec, wish: Wish, policy: Policy, trial: Trial) -> Iterator[Finding]:
    """Make what the model asks for, where the policy allows it, and try the model there.

    Blocks between findings, for the policy's `timeout_s` while packages are installed; how far that
    is goes to the log of `mms_server.environments`. Requirements that are not allowed are left out,
    and an interpreter that is not allowed ends the check, as both do in a server.
    """
    if wish.requirements is not None and not policy.allow_requirements:
        yield Finding(
            f"environment: its {wish.requirements} is not installed, as in a server without "
            f"allow_model_environments=true. To have it installed here: {_OPTION}"
        )
        wish = replace(wish, requirements=None)
    started = time.monotonic()
    try:
        with _prepared(spec, wish, policy) as environment:
            if environment is not None:
                seconds = time.monotonic() - started
                yield Finding(f"environment: {environment.path}, {seconds:.1f} s")
                spec = replace(spec, interpreter=environment)
            yield from trial(spec)
    except BadRequestError as exc:
        yield Finding(f"environment: {exc} To use it here: {_OPTION}", is_bad=True)
    except ModelEnvironmentError as exc:
        yield Finding(f"environment: {exc}", is_bad=True)


@contextmanager
def _prepared(spec: WorkerSpec, wish: Wish, policy: Policy) -> Iterator[Environment | None]:
    """Hold the environment, which another process could otherwise remove, until the trial ends."""
    environment = Environments(policy, spec.environment).choose(
        spec.model_name,
        spec.folder,
        python=wish.python,
        runtime=spec.runtime,
        wanted=wish.requirements,
    )
    if environment is None:
        yield None
        return
    with asyncio.Runner() as runner:
        try:
            runner.run(environment.ready())
            yield environment
        finally:
            runner.run(environment.close())
