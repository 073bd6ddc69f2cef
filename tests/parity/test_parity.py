"""This server's answers beside the recorded ones of Multi Model Server 1.1.11."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parity import recording
from parity.answer import Answer
from parity.case import Case, Setup
from parity.cases import AREAS
from parity.client import Client
from parity.comparison import explain, explain_departure, judge
from parity.servers import ParityServer, lay_out, running

PROGRAM = [sys.executable, "-m", "mms_server.cli.model_server"]
RECORDED = {(area, name): a for area in AREAS for name, a in recording.load(area).items()}
# Cases of one setup stand together, since one server at a time runs.
CASES = sorted(
    ((area, case) for area, cases in AREAS.items() for case in cases),
    key=lambda each: each[1].setup.name,
)


class Fleet:
    """One server at a time: that of the setup asked for last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._setup: Setup | None = None
        self._server: ParityServer | None = None

    def serve(self, setup: Setup) -> ParityServer:
        """Return the running server of a setup, which may have served earlier cases."""
        if self._server is None or setup != self._setup or not self._server.is_alive:
            self.close()
            folder = self._folder / setup.name
            folder.mkdir(exist_ok=True)
            lay_out(folder)
            self._server = self._stack.enter_context(running(PROGRAM, setup, folder))
            self._setup = setup
        return self._server

    def close(self) -> None:
        """End the server that runs, if one does."""
        self._stack.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("parity"))
    yield fleet
    fleet.close()


@pytest.mark.parametrize(("area", "case"), CASES, ids=[f"{area}/{case.id}" for area, case in CASES])
def test_answers_are_those_of_mms(area: str, case: Case, fleet: Fleet) -> None:
    assert (area, case.id) in RECORDED, "not recorded: run make parity-record"
    theirs = RECORDED[area, case.id]
    ours = Client(fleet.serve(case.setup).places).run(case)
    problems = [
        f"answer {place}, to {str(step)[:300]}:\n{problem}"
        for place, step in enumerate(case.flat_steps())
        if (problem := _problem(case, place, theirs[place], ours[place]))
    ]
    assert not problems, "\n".join(problems)


def _problem(case: Case, place: int, theirs: Answer, ours: Answer) -> str:
    departure = case.departures.get(place)
    if departure is None:
        return explain(theirs, ours)
    named = departure.difference
    return judge(explain(theirs, ours), named, lambda: explain_departure(departure, ours))
