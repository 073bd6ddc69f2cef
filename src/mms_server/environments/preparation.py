"""Environments as the front end holds them: prepared by a helper process, shown, let go of.

All work is done by the helper (`__main__`); here is only its life. Loop thread only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from mms_server.environments import store
from mms_server.environments.exchange import (
    Event,
    Failed,
    Installing,
    Order,
    Progress,
    Ready,
    Waiting,
)
from mms_server.environments.policy import Policy
from mms_server.errors import ModelEnvironmentError

logger = logging.getLogger("mms_server.environments")

# -P keeps the current folder off the path: it may be a model's.
_COMMAND = (sys.executable, "-P", "-m", "mms_server.environments")

_AT_A_TIME = 4
"""Installations: each is mostly a wait for a network, and then for a disk."""

_LINE_BYTES = 1024 * 1024
"""Longest event; that of a failure carries the end of the installer's output."""


class State(StrEnum):
    """How far an environment is; shown when its model is described."""

    PENDING = "pending"
    WAITING = "waiting"
    """Another one installs the same."""
    INSTALLING = "installing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Workplace:
    """What all installations of a server share; `environment` is that of its workers."""

    environment: Mapping[str, str]
    timeout_s: float
    turns: asyncio.Semaphore


class Environment:
    """The interpreter of one model, perhaps still to be installed; close it with the model."""

    def __init__(self, model_name: str, order: Order, workplace: Workplace) -> None:
        self.state = State.PENDING
        self.progress = ""
        """What the installer said last."""
        self.error: ModelEnvironmentError | None = None
        """Why the last attempt failed; it stays while the next one is made."""
        self.path = ""
        """The interpreter, once it is ready."""
        self._model_name = model_name
        self._order = order
        self._workplace = workplace
        self._timeout_s = workplace.timeout_s
        self._task: asyncio.Task[ModelEnvironmentError | None] | None = None
        self._folder: Path | None = None
        self._hold: int | None = None
        self._is_closed = False

    async def ready(self) -> None:
        """Wait until `path` can be run; after a failure it is tried again.

        Any number may wait: there is one attempt at a time, and it goes on when they stop
        waiting. Raises ModelEnvironmentError.
        """
        if self.state is State.READY:
            return
        if self._is_closed:
            raise self._closed()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._attempt())
        task = self._task
        await asyncio.wait((task,))
        if task.cancelled():
            raise self._closed()
        error = task.result()
        if error is not None:
            raise error

    async def close(self) -> None:
        """End what is being installed and remove it; let what is installed be removed some day."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None

    async def _attempt(self) -> ModelEnvironmentError | None:
        try:
            async with self._workplace.turns:
                self.path = await self._prepare()
        except (ModelEnvironmentError, OSError) as exc:
            self.error = ModelEnvironmentError(f"Model {self._model_name}: {exc}")
            self.state = State.FAILED
            logger.error("%s", self.error)
        else:
            self.error = None
            self.state = State.READY
            logger.info("Model %s runs with %s", self._model_name, self.path)
        return self.error

    async def _prepare(self) -> str:
        # A group of its own, to be killed as one.
        helper = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            limit=_LINE_BYTES,
            start_new_session=True,
            env=dict(self._workplace.environment),
        )
        try:
            async with asyncio.timeout(None) as clock:
                return await self._converse(helper, clock)
        except TimeoutError as exc:
            raise ModelEnvironmentError(
                f"Its requirements were not installed within {self._timeout_s:g} s; the installer "
                f"said last: {self.progress!r}. Raise install_timeout if it needs longer."
            ) from exc
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(helper.pid, signal.SIGKILL)
            await helper.wait()
            await self._clear()

    async def _converse(self, helper: Process, clock: asyncio.Timeout) -> str:
        assert helper.stdin is not None
        assert helper.stdout is not None
        # Left open: the helper takes the end of its input for the server's death.
        helper.stdin.write(msgspec.json.encode(self._order) + b"\n")
        async for line in helper.stdout:
            event: Event = msgspec.json.decode(line, type=Event)
            match event:
                case Ready():
                    await self._hold_on(event)
                    return event.python
                case Failed():
                    self._folder = None
                    raise ModelEnvironmentError(event.message)
                case _:
                    self._note(event, clock)
        raise ModelEnvironmentError(
            "The process that installs its requirements was ended; the system's log may say why."
        )

    def _note(self, event: Waiting | Installing | Progress, clock: asyncio.Timeout) -> None:
        match event:
            case Waiting():
                self.state = State.WAITING
            case Installing():
                self.state = State.INSTALLING
                self._folder = Path(event.folder)
                clock.reschedule(asyncio.get_running_loop().time() + self._timeout_s)
                logger.info("Model %s: installing its requirements", self._model_name)
            case Progress():
                self.progress = event.text
                logger.info("Model %s: %s", self._model_name, event.text)

    async def _hold_on(self, ready: Ready) -> None:
        """Hold the environment while the helper still does."""
        self._folder = None
        if ready.folder is not None and self._hold is None:
            self._hold = await asyncio.to_thread(store.hold, Path(ready.folder))

    async def _clear(self) -> None:
        """Remove what a helper that was killed has left."""
        if self._folder is not None:
            folder, self._folder = self._folder, None
            await asyncio.to_thread(store.clear_unfinished, folder)

    def _closed(self) -> ModelEnvironmentError:
        return ModelEnvironmentError(
            f"Model {self._model_name} was unregistered while its environment was being made."
        )


class Environments:
    """Finds what a model brings and is allowed to; `environment` is that of its workers."""

    def __init__(self, policy: Policy, environment: Mapping[str, str]) -> None:
        self._policy = policy
        turns = asyncio.Semaphore(_AT_A_TIME)
        self._workplace = Workplace(environment, policy.timeout_s, turns)

    def choose(
        self, model_name: str, folder: Path, *, python: str | None, runtime: str, wanted: str | None
    ) -> Environment | None:
        """Choose the environment of a model; None if it is the server's own or the runtime's.

        `python` and `wanted`, the requirements file, are what the archive asks for. Requirements
        that are not allowed are ignored, as in Multi Model Server, with a warning; an interpreter
        that is not allowed raises BadRequestError. Nothing is run yet.
        """
        if wanted is not None and not self._policy.allow_requirements:
            logger.warning(
                "Model %s: its %s is ignored. To have such files installed, each into an "
                "environment of its own, set allow_model_environments=true.",
                model_name,
                wanted,
            )
            wanted = None
        if python is None and wanted is None:
            return None
        permitted = self._permitted(python, runtime)
        policy = self._policy
        order = Order(
            permitted,
            wanted,
            str(folder),
            str(policy.root),
            policy.installer,
            policy.arguments,
            policy.max_bytes,
        )
        return Environment(model_name, order, self._workplace)

    def _permitted(self, python: str | None, runtime: str) -> str:
        if python is not None:
            return self._policy.permit(python)
        return sys.executable if runtime == "python" else runtime
