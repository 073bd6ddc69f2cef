"""`mxnet-model-server` and `multi-model-server`: start and stop a server.

Options, messages and the pid file are Multi Model Server's; exit statuses are honest where its
launcher always said 0.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mms_server.cli.options import SERVER_TOKEN, add_options, read_configuration
from mms_server.cli.pid_file import PidFile, is_server
from mms_server.errors import ConfigError
from mms_server.huge_pages import with_huge_pages

_URL_ITEM = re.compile(r"([^=]+=)?https?://", re.IGNORECASE)
_POLL_S = 0.05
_KILL_MARGIN_S = 5.0

_EXAMPLES = """\
examples:
  multi-model-server --start --model-store /models --models resnet=resnet.mar
  multi-model-server --start --models squeezenet=https://example.com/squeezenet.mar
  multi-model-server --stop

Inference answers on http://127.0.0.1:8080, management on http://127.0.0.1:8081, unless the
configuration file says otherwise. Logs are written to ./logs, or to $LOG_LOCATION.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `multi-model-server`; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.print_config:
            return _print_config(arguments)
        return _stop() if arguments.stop else _start(arguments)
    except ConfigError as exc:
        print(exc)
        return 1
    except PermissionError as exc:  # of another user's pid file
        print(f"{exc.filename}: {exc.strerror}. TMPDIR names another folder for the pid file.")
        return 1


def main_mxnet(argv: Sequence[str] | None = None) -> int:
    """Run `mxnet-model-server`, the older name."""
    print(
        "Warning: Calling MMS with mxnet-model-server. Please move to multi-model-server.",
        flush=True,
    )
    return main(argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="multi-model-server",
        description="Multi Model Server",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--start", action="store_true", help="start the server (the default)")
    what.add_argument("--stop", action="store_true", help="stop the server that is running")
    what.add_argument(
        "--print-config",
        action="store_true",
        help="print every setting and where it came from; start nothing",
    )
    parser.add_argument(
        "--foreground", action="store_true", help="stay until the server ends, with its exit status"
    )
    add_options(parser)
    return parser


def _print_config(arguments: argparse.Namespace) -> int:
    from mms_server.config.reference import list_values  # late, as read_configuration says

    _check(arguments)
    configuration = read_configuration(arguments)
    for warning in configuration.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    print(list_values(configuration))
    return 0


def _stop() -> int:
    pid_file = PidFile()
    if not pid_file.exists:
        print("Model server is not currently running.")
        return 0
    pid = pid_file.read()
    if pid is None or not is_server(pid):
        print("Model server already stopped.")
    else:
        _end(pid)
        print("Model server stopped.")
    if pid_file.read() == pid:  # else another one has been started meanwhile
        pid_file.remove()
    return 0


def _end(pid: int) -> None:
    """Ask a server to stop, and insist when it does not; its guardian ends its workers.

    Raises ConfigError for a server of somebody else.
    """
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as exc:
        raise ConfigError(f"Model server (process {pid}) is another user's: not stopped.") from exc
    started = time.monotonic()
    grace_s = _grace_s()
    has_told = False
    while is_server(pid):
        waited_s = time.monotonic() - started
        if waited_s > grace_s:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        elif waited_s > 1 and not has_told:
            has_told = True
            print(f"Waiting up to {grace_s:.0f} s for requests to finish.", flush=True)
        time.sleep(_POLL_S)


def _grace_s() -> float:
    with contextlib.suppress(ConfigError):
        configuration = read_configuration(_parser().parse_args([]))
        return configuration.settings.stop_timeout + _KILL_MARGIN_S
    return 30.0 + _KILL_MARGIN_S


def _start(arguments: argparse.Namespace) -> int:
    pid_file = PidFile()
    if pid_file.exists:
        pid = pid_file.read()
        if pid is not None and is_server(pid):
            print(
                "Model server is already running, please use multi-model-server --stop to stop MMS."
            )
            return 1
        print("Removing orphan pid file.")
        pid_file.remove()
    _check(arguments)
    server, ready_fd = _spawn(arguments)
    _pass_on_signals(server)
    try:
        pid_file.write(server.pid)
        if not _await_ready(server, ready_fd):
            return 1
        return _exit_status(server.wait()) if arguments.foreground else 0
    finally:
        if server.poll() is not None and pid_file.read() == server.pid:
            pid_file.remove()


def _check(arguments: argparse.Namespace) -> None:
    """Look at the options as Multi Model Server does, in its order. Raises ConfigError."""
    if arguments.log_config and not Path(arguments.log_config).is_file():
        raise ConfigError(f"--log-config file not found: {arguments.log_config}")
    temporary = os.environ.get("TEMP")
    if temporary and not Path(temporary).is_dir():
        raise ConfigError(
            f"Invalid temp directory: {temporary}, please check TEMP environment variable."
        )
    config = arguments.mms_config
    if config and not Path(config).is_file() and not _is_bundled(config):
        raise ConfigError(f"--mms-config file not found: {config}")
    if arguments.model_store and not Path(arguments.model_store).is_dir():
        raise ConfigError(f"--model-store directory not found: {arguments.model_store}")
    if arguments.models and not arguments.model_store:
        for item in arguments.models:
            if item != "ALL" and not _URL_ITEM.match(item):
                raise ConfigError("--model-store is required to load model locally.")


def _is_bundled(config: str) -> bool:
    from mms_server.config.loading import BUNDLED  # late, as read_configuration says

    return config in BUNDLED


def _spawn(arguments: argparse.Namespace) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server in a session of its own; a terminal that closes is not its affair."""
    ready, report = os.pipe()
    command = [sys.executable, "-m", "mms_server", SERVER_TOKEN, "--ready-fd", str(report)]
    for option in ("mms_config", "model_store", "log_config"):
        if getattr(arguments, option):
            command += [f"--{option.replace('_', '-')}", getattr(arguments, option)]
    if arguments.models:
        command += ["--models", *arguments.models]
    try:
        server = subprocess.Popen(  # noqa: S603 - our own program
            command,
            env=with_huge_pages(os.environ),
            stdin=subprocess.DEVNULL,
            pass_fds=(report,),
            start_new_session=True,
        )
    finally:
        os.close(report)
    return server, ready


def _await_ready(server: subprocess.Popen[bytes], ready_fd: int) -> bool:
    """Wait until the ports are bound; otherwise it is said why not, and the result is false."""
    with os.fdopen(ready_fd, "rb") as report:
        line = report.readline()
    if line == b"\n":
        return True
    status = server.wait()
    if not line:  # else the server has said it, on the same output
        print(f"The server ended with status {_exit_status(status)} before it had started.")
    return False


def _pass_on_signals(server: subprocess.Popen[bytes]) -> None:
    """Tell the server what this process is told, from its start on."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: server.send_signal(received))


def _exit_status(status: int) -> int:
    """Turn a status of `subprocess` into a shell's: a signal counts from 128."""
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
