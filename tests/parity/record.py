"""Ask the real Multi Model Server: `make parity-record`, with `CASES="AREA AREA/CASE"` for some.

It is installed from PyPI into an environment of its own, and needs Java. An area's file is written
once all of its cases are asked; with a case's name, only that case is asked and the rest is kept.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.venv import Venv
from parity import recording
from parity.answer import Answer
from parity.case import Case
from parity.cases import AREAS
from parity.client import Client
from parity.servers import lay_out, running

RELEASE = "1.1.11"


def main(wanted: Sequence[str]) -> int:
    """Record the areas and cases named, or all."""
    venv = Venv(f"multi-model-server=={RELEASE}")
    venv.install()
    program = [venv.program("multi-model-server")]
    for area, cases in AREAS.items():
        chosen = [case for case in cases if _is_wanted(area, case, wanted)]
        if not chosen:
            continue
        kept = recording.load(area)
        names = {case.id for case in cases}
        answers = {name: each for name, each in kept.items() if name in names}
        answers |= record(program, chosen)
        recording.save(area, answers)
    return 0


def record(program: Sequence[str], cases: Sequence[Case]) -> dict[str, list[Answer]]:
    """Start `program` once for each setup and return the answers by case."""
    answers: dict[str, list[Answer]] = {}
    for setup in dict.fromkeys(case.setup for case in cases):
        with tempfile.TemporaryDirectory() as folder:
            lay_out(Path(folder))
            with running(program, setup, Path(folder)) as server:
                client = Client(server.places)
                for case in (each for each in cases if each.setup == setup):
                    answers[case.id] = client.run(case)
                    outcomes = " ".join(str(each.status or "-") for each in answers[case.id])
                    print(f"{setup.name}: {case.id}: {outcomes}", flush=True)
    return answers


def _is_wanted(area: str, case: Case, wanted: Sequence[str]) -> bool:
    return not wanted or area in wanted or f"{area}/{case.id}" in wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
