"""`mms serve`: serve archives or folders from wherever they lie, in the foreground."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from mms_server.cli.foreground import Reporter, run_server
from mms_server.config.addresses import Address
from mms_server.config.loading import Configuration
from mms_server.config.schema import Settings
from mms_server.errors import ConfigError

_LOOPBACK = "127.0.0.1"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "serve",
        help="serve archives or folders in the foreground",
        description="Serve archives (.mar, .tar.gz) or folders until interrupted, on loopback.",
        epilog="example: mms serve efficientnet_lite0.mar --port 8080",
    )
    parser.add_argument(
        "models", nargs="+", metavar="[NAME=]PATH", help="an archive, or a folder with a handler"
    )
    parser.add_argument("--port", type=int, default=8080, help="inference API (default: 8080)")
    parser.add_argument(
        "--management-port", type=int, default=8081, help="management API (default: 8081)"
    )
    parser.add_argument("--workers", type=int, default=1, help="workers per model (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted; returns the exit status. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="mms-serve-") as folder:
        settings = Settings(
            inference_address=Address(_LOOPBACK, arguments.port),
            management_address=Address(_LOOPBACK, arguments.management_port),
            default_workers_per_model=arguments.workers,
            model_store=Path(folder),
            load_models=",".join(_link(item, Path(folder)) for item in arguments.models),
        )
        return run_server(Configuration(settings), Reporter())


def _link(item: str, store: Path) -> str:
    """Put a link to a model into the store; returns what to load."""
    name, _, text = item.rpartition("=")
    path = Path(text).absolute()
    if not path.exists():
        raise ConfigError(f"{text}: no such archive or folder.")
    link = store / path.name
    if link.is_symlink():
        raise ConfigError(f"{text}: another model is called {path.name}, too.")
    link.symlink_to(path)
    return f"{name}={path.name}" if name else path.name
