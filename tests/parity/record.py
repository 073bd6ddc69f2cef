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
from parity.cases import AREAS, SCENARIOS
from parity.client import Client
from parity.scenario import Scenario, observe
from parity.servers import lay_out, running

RELEASE = "1.1.11"


def main(wanted: Sequence[str]) -> int:
    """Record the areas and cases named, or all."""
    venv = Venv(f"multi-model-server=={RELEASE}")
    venv.install()
    program = [venv.program("multi-model-server")]
    for area, cases in AREAS.items():
        chosen = [case for case in cases if _is_wanted(area, case.id, wanted)]
        if not chosen:
            continue
        kept = recording.load(area)
        names = {case.id for case in cases}
        answers = {name: each for name, each in kept.items() if name in names}
        answers |= record(program, chosen)
        recording.save(area, answers)
    for area, scenarios in SCENARIOS.items():
        chosen_scenarios = [each for each in scenarios if _is_wanted(area, each.id, wanted)]
        if chosen_scenarios:
            _record_scenarios(area, scenarios, chosen_scenarios, Path(venv.program("")))
    return 0


def _record_scenarios(
    area: str, scenarios: Sequence[Scenario], chosen: Sequence[Scenario], programs: Path
) -> None:
    names = {each.id for each in scenarios}
    seen = {name: each for name, each in recording.read(area).items() if name in names}
    for scenario in chosen:
        with tempfile.TemporaryDirectory() as folder:
            seen[scenario.id] = observe(scenario, programs, Path(folder))
        print(
            f"{area}: {scenario.id}: {[each.get('exit') for each in seen[scenario.id]]}", flush=True
        )
    recording.write(area, seen)


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


def _is_wanted(area: str, case: str, wanted: Sequence[str]) -> bool:
    return not wanted or area in wanted or f"{area}/{case}" in wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
