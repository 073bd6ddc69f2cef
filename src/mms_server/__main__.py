"""The server process: `python -m mms_server`, started by the launcher."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mms_server.cli.foreground import Reporter, run_server
from mms_server.cli.options import SERVER_TOKEN, add_options, read_configuration
from mms_server.errors import ConfigError


def main() -> int:
    """Run the server; returns the exit status."""
    parser = argparse.ArgumentParser(prog="mms_server", description="Internal: see mms.")
    parser.add_argument("token", choices=[SERVER_TOKEN])
    parser.add_argument("--ready-fd", type=int)
    add_options(parser)
    arguments = parser.parse_args()
    reporter = Reporter(arguments.ready_fd)
    try:
        configuration = read_configuration(arguments)
    except ConfigError as exc:
        reporter(str(exc))
        return 1
    log_config = Path(arguments.log_config) if arguments.log_config else None
    return run_server(configuration, reporter, log_config)


if __name__ == "__main__":
    sys.exit(main())
