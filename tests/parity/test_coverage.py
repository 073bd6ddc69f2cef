"""Every statement about Multi Model Server is checked, and every difference told to users."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mms_server.config.reference import table_names
from parity.cases import AREAS, SCENARIOS
from parity.comparison import ADDED_FIELDS, ADDED_HEADERS
from parity.migration import DIFFERENCES, write_tables

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CLAIMS: dict[str, dict[str, Any]] = {
    name: claim
    for path in sorted((HERE / "claims").glob("*.toml"))
    for name, claim in tomllib.loads(path.read_text()).items()
}
PAGE = (ROOT / "docs" / "migration-from-mms.md").read_text()
CASES = [case for cases in AREAS.values() for case in cases]
COMMANDS = [scenario for scenarios in SCENARIOS.values() for scenario in scenarios]
CLAIMED = {claim for case in CASES for claim in case.claims}
CLAIMED |= {claim for each in COMMANDS for claim in each.claims}


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_is_checked(name: str) -> None:
    claim = CLAIMS[name]
    tests = claim.get("tests", [])
    assert name in CLAIMED or tests or claim.get("difference") or claim.get("beside"), claim["says"]
    for test in tests:
        assert _exists(test), f"{name} names a test that does not exist: {test}"


def test_cases_claim_what_is_written_down() -> None:
    assert sorted(CLAIMED - CLAIMS.keys()) == []


def test_cases_are_named_once() -> None:
    areas = [(area, [each.id for each in cases]) for area, cases in AREAS.items()]
    areas += [(area, [each.id for each in cases]) for area, cases in SCENARIOS.items()]
    for area, names in areas:
        assert len(names) == len(set(names)), area


def test_every_difference_is_explained_and_told() -> None:
    used = {departure.difference for case in CASES for departure in case.departures.values()}
    used |= {difference for each in COMMANDS for difference in each.departures.values()}
    used |= {*ADDED_HEADERS.values(), *ADDED_FIELDS.values()}
    used |= {claim["difference"] for claim in CLAIMS.values() if "difference" in claim}
    assert sorted(used ^ DIFFERENCES.keys()) == []
    assert {difference["area"] for difference in DIFFERENCES.values()} == table_names(PAGE)
    assert write_tables(PAGE) == PAGE, "run make docs"


def _exists(test: str) -> bool:
    """Whether a test `path::name` stands in the source."""
    path, _, name = test.partition("::")
    file = ROOT / path
    if not file.exists():
        return False
    tree = ast.parse(file.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(isinstance(node, functions) and node.name == name for node in ast.walk(tree))
