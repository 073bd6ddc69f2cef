"""Puts the logs together: five files under Multi Model Server's names, and the console."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from mms_server.logs.configuration import configure
from mms_server.logs.feed import Clock, Feed, Line, RecordFeed
from mms_server.logs.handlers import (
    MODEL_LOG,
    DeferredHandler,
    LinesFormatter,
    LogHandler,
    RecordBuffer,
)
from mms_server.logs.rotating_file import RotatingFile
from mms_server.logs.writer import LogWriter, Outlet, write_console

ACCESS_LOG = "ACCESS_LOG"
"""Name of a logger; this and the next are Multi Model Server's."""
MMS_METRICS = "MMS_METRICS"
MODEL_METRICS = "MODEL_METRICS"


@dataclass(frozen=True, slots=True)
class Logs:
    """Where the lines go that are made per request or batch; None where nobody wants them."""

    access: Line | None = None
    mms_metrics: Line | None = None
    model_metrics: Line | None = None
    writer: LogWriter = field(default_factory=LogWriter)
    warnings: tuple[str, ...] = ()


def install(log_folder: Path, metrics_folder: Path, log_config: Path | None = None) -> Logs:
    """Set up logging for this process: files in two folders, all of it on standard output too.

    What `log_config` gives handlers of its own goes there and nowhere else. Whether access and
    metric lines are wanted is asked here, once. Raises OSError when a folder or file cannot be
    made, and ConfigError. Call `writer.close` before the end.
    """
    writer = LogWriter()
    console = Outlet("the console", write_console, writer.wanted)
    for folder in (log_folder, metrics_folder):
        folder.mkdir(parents=True, exist_ok=True)
    mms_log, model_log, access_log = (
        RotatingFile(log_folder / f"{name}.log") for name in ("mms_log", "model_log", "access_log")
    )
    mms_metrics, model_metrics = (
        RotatingFile(metrics_folder / f"{name}.log") for name in ("mms_metrics", "model_metrics")
    )
    warnings = _configure(writer, log_config)
    outlet = writer.open(str(mms_log.path), mms_log)
    _add_default(logging.getLogger(), LogHandler(console, outlet, may_drop=False))
    outlet = writer.open(str(model_log.path), model_log)
    printed = LogHandler(console, outlet, may_drop=True, formatter=LinesFormatter())
    _add_default(logging.getLogger(MODEL_LOG), printed)
    clock = Clock()

    def choose(name: str, file: RotatingFile) -> Line | None:
        target = logging.getLogger(name)
        if not target.isEnabledFor(logging.INFO):
            return None
        if target.handlers:
            return RecordFeed(target).write
        feed = Feed(name, clock, file, console, writer.wanted)
        writer.add(feed)
        return feed.write

    logs = Logs(
        choose(ACCESS_LOG, access_log),
        choose(MMS_METRICS, mms_metrics),
        choose(MODEL_METRICS, model_metrics),
        writer,
        warnings,
    )
    writer.add(console)  # last, for the feeds fill it
    writer.start()
    return logs


def _configure(writer: LogWriter, log_config: Path | None) -> tuple[str, ...]:
    logging.getLogger().setLevel(logging.INFO)
    for name in (ACCESS_LOG, MMS_METRICS, MODEL_LOG, MODEL_METRICS):
        logging.getLogger(name).propagate = False
    if log_config is None:
        return ()
    warning = configure(log_config)
    _defer_handlers(writer)
    return () if warning is None else (warning,)


def _defer_handlers(writer: LogWriter) -> None:
    """Move what the operator has configured off the threads that log: it may block."""
    buffer = RecordBuffer(writer.wanted)
    writer.add(buffer)
    root = logging.getLogger()
    for target in (root, *root.manager.loggerDict.values()):
        if isinstance(target, logging.Logger) and target.handlers:
            target.handlers[:] = [DeferredHandler(buffer, tuple(target.handlers))]


def _add_default(target: logging.Logger, handler: logging.Handler) -> None:
    if not target.handlers:
        target.addHandler(handler)
