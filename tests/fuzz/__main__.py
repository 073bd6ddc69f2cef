"""`make fuzz`: the long campaign, another one each day."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

from fuzz.campaign import count_defects, run, start_target


def main() -> int:
    """Fuzz both listeners; returns 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="for each operation")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seed", type=int, default=datetime.date.today().toordinal())
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.examples} examples an operation", flush=True)
    with tempfile.TemporaryDirectory(prefix="mms-fuzz-") as folder:
        server = start_target(Path(folder))
        try:
            results = run(server, options.examples, options.phases, seed=options.seed)
            defects = count_defects(server)  # which an answer of a failing model may hide
        finally:
            server.stop()
    for result in results:
        print(f"--- {result.listener}\n{result.summary if result.is_clean else result.report}")
    print(
        f"--- {sum(result.cases for result in results)} requests; tracebacks in the log: {defects}"
    )
    return 0 if all(result.is_clean for result in results) and not defects else 1


if __name__ == "__main__":
    sys.exit(main())
