"""Models that bring their own Python and packages; installers and workers are real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mms_server.checking.contract import Finding, check
from mms_server.checking.environment import Wish, check_within
from mms_server.checking.probe import Body
from mms_server.environments.policy import Policy
from mms_server.environments.store import trim
from mms_server.workers.spec import WorkerSpec
from support.interpreters import NEWEST, OLDEST, interpreter
from support.packages import add_wheel

CODE = """
import sys, {module}

def handle(data, context):
    return ["%d.%d" % sys.version_info[:2] + " {module}"] * len(data) if data else None
"""


@pytest.fixture
def spec(tmp_path: Path) -> WorkerSpec:
    """A model that needs the package `tiny`, and brings it."""
    folder = tmp_path / "model"
    add_wheel(folder / "wheels", "tiny", "1.0")
    (folder / "service.py").write_text(CODE.format(module="tiny"))
    (folder / "requirements.txt").write_text("tiny\n")
    return WorkerSpec("tried", folder, "service.py", None, environment=os.environ)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def trial(spec: WorkerSpec) -> Iterator[Finding]:
    return check(spec, [Body(b"x")], 2, 60)


def texts(findings: list[Finding]) -> str:
    return "\n".join(f"{each.is_bad} {each.text}" for each in findings)


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_it_is_tried_where_its_packages_are(spec: WorkerSpec, root: Path, release: str) -> None:
    python = interpreter(release)
    policy = Policy(root, allow_requirements=True, pythons=(python,), arguments=("--no-index",))
    seen: list[WorkerSpec] = []

    def trial_beside_a_full_cache(spec: WorkerSpec) -> Iterator[Finding]:
        assert trim(root, 0) == [], "what is in use stays"
        seen.append(spec)
        return trial(spec)

    wish = Wish(python, "requirements.txt")
    found = list(check_within(spec, wish, policy, trial_beside_a_full_cache))
    said = texts(found)
    assert found[0].text.startswith(f"environment: {root}"), said
    assert f"example: 200, {len(f'{release} tiny')} bytes" in said
    assert "True" not in said
    assert seen[0].python.startswith(str(root))
    assert len(trim(root, 0)) == 1, "nobody holds it any more"


def test_an_interpreter_alone(spec: WorkerSpec, root: Path) -> None:
    (spec.folder / "service.py").write_text(CODE.format(module="json"))
    python = interpreter(OLDEST)
    found = list(check_within(spec, Wish(python, None), Policy(root, pythons=(python,)), trial))
    assert f"example: 200, {len(f'{OLDEST} json')} bytes" in texts(found)
    assert not root.exists()


def test_what_is_not_allowed_is_said_with_the_option_that_allows_it(
    spec: WorkerSpec, root: Path
) -> None:
    found = list(check_within(spec, Wish(None, "requirements.txt"), Policy(root), trial))
    assert "False environment: its requirements.txt is not installed" in texts(found)
    assert "allow_model_environments=true" in found[0].text
    assert found[0].text.endswith("--allow-environment")
    assert found[1].text.startswith("load: "), "tried all the same, as in a server"
    assert "pip install tiny" in found[1].text

    (refused,) = check_within(spec, Wish("python3.8", None), Policy(root), trial)
    assert refused.is_bad
    assert "'python3.8', which is not allowed here" in refused.text
    assert "model_pythons" in refused.text
    assert refused.text.endswith("--allow-environment")


def test_what_cannot_be_installed_is_said_in_the_installers_words(
    spec: WorkerSpec, root: Path
) -> None:
    (spec.folder / "requirements.txt").write_text("no-such-package==1\n")
    policy = Policy(root, allow_requirements=True, arguments=("--no-index",))
    (failed,) = check_within(spec, Wish(None, "requirements.txt"), policy, trial)
    assert failed.is_bad
    assert "no-such-package" in failed.text
    assert [path.name for path in root.iterdir()] == ["locks"], "nothing is left of it"
