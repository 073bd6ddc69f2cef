from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.errors import BenchError
from benchmarks.modelbound.__main__ import Outcome
from benchmarks.modelbound.cases import all_cases, bare_per_s, make_model


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    case = replace(all_cases()["batch"], goal=0.95)
    outcome = Outcome(case, [100.0, 200.0, 100.0], [90.0, 196.0, 97.0], [0.1, 0.2, 0.3])
    assert outcome.row()[1:] == [
        "100.0",
        "97.0",
        "0.970 (0.900-0.980)",
        "0.95",
        "met",
        "20.0",
    ]


@pytest.mark.parametrize("name", ["batch", "workers"])
def test_a_handler_runs_in_a_loop(tmp_path: Path, name: str) -> None:
    case = all_cases()[name]
    assert bare_per_s(case, make_model(case.model, tmp_path), 1) > 0


def test_a_handler_that_fails_is_no_measurement(tmp_path: Path) -> None:
    case = all_cases()["workers"]
    model = make_model(case.model, tmp_path)
    (model.folder / "service.py").write_text("def handle(data, context):\n    return None\n")
    with pytest.raises(BenchError, match="NoneType"):
        bare_per_s(case, model, 1)
