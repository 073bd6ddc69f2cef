"""Runs the server in this very process, with its log and its report to whoever started it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from pathlib import Path

from mms_server.config.description import describe
from mms_server.config.loading import Configuration
from mms_server.errors import ConfigError
from mms_server.logs.installation import install
from mms_server.server import run
from mms_server.workers.devices import count_gpus

logger = logging.getLogger("mms_server")


class Reporter:
    """Tells the launcher, once, and whoever reads standard output, whether the server started.

    The launcher reads one line from `fd`: empty when all ports are bound, else the reason why not.
    """

    def __init__(self, fd: int | None = None) -> None:
        self._fd = fd
        if fd is not None:
            os.set_inheritable(fd, False)

    def __call__(self, problem: str | None) -> None:
        """Report that the server has started, or the problem that keeps it from it."""
        text = "Model server started." if problem is None else f"Invalid configuration: {problem}"
        with contextlib.suppress(OSError):  # nobody reads our output: no reason to end
            os.write(1, f"{text}\n".encode())
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.write(self._fd, (problem or "").replace("\n", " ").encode() + b"\n")
            os.close(self._fd)
            self._fd = None


def run_server(
    configuration: Configuration, reporter: Reporter, log_config: Path | None = None
) -> int:
    """Run the server until it is told to stop; returns the exit status."""
    try:
        logs = install(_folder("LOG_LOCATION"), _folder("METRICS_LOCATION"), log_config)
    except OSError as exc:
        reporter(
            f"The log folder cannot be used: {exc}. "
            "LOG_LOCATION and METRICS_LOCATION name other ones."
        )
        return 1
    except ConfigError as exc:
        reporter(str(exc))
        return 1
    writer = logs.writer

    def report(problem: str | None) -> None:
        writer.flush()  # what led here is read before it
        reporter(problem)

    configuration = _with_devices(configuration)
    try:
        logger.info("Configuration:\n%s", describe(configuration))
        for warning in (*logs.warnings, *configuration.warnings):
            logger.warning("%s", warning)
        return run(configuration, lambda: report(None), logs)
    except ConfigError as exc:
        report(str(exc))
        return 1
    except BaseException:
        logger.exception("The server failed")
        raise
    finally:
        writer.close()


def _folder(variable: str) -> Path:
    return Path(os.environ.get(variable) or "logs").absolute()


def _with_devices(configuration: Configuration) -> Configuration:
    """Put the GPUs that there are in place of those that are allowed; before the loop runs."""
    settings = configuration.settings
    gpus = count_gpus(settings.number_of_gpu)
    return dataclasses.replace(
        configuration, settings=dataclasses.replace(settings, number_of_gpu=gpus)
    )
