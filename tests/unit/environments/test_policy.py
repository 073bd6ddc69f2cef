from __future__ import annotations

from pathlib import Path

import pytest

from mms_server.environments.policy import Policy
from mms_server.errors import BadRequestError

POLICY = Policy(Path("/cache"), pythons=("python3.9", "/opt/py/bin/python3", "/opt/env/"))


@pytest.mark.parametrize(
    ("asked", "run"),
    [
        ("python3.9", "python3.9"),
        ("/opt/py/bin/python3", "/opt/py/bin/python3"),
        ("/opt//py/./bin/python3", "/opt/py/bin/python3"),
        ("/opt/env", "/opt/env/"),
    ],
)
def test_what_the_operator_lists_is_run_as_listed(asked: str, run: str) -> None:
    assert POLICY.permit(asked) == run


@pytest.mark.parametrize(
    "asked",
    [
        "python3.10",
        "python3",
        "",
        "/bin/sh",
        "/opt/py/bin/python3.9",
        "/opt/env/bin/python",
        "opt/env",
        "./python3.9",
        "../python3.9",
        "python3.9 -c 1",
        "bin/../python3.9",
    ],
)
def test_nothing_else_is_allowed(asked: str) -> None:
    with pytest.raises(BadRequestError, match=r"not allowed here\..*model_pythons"):
        POLICY.permit(asked)


def test_nothing_is_listed_at_first() -> None:
    policy = Policy(Path("/cache"))
    assert not policy.allow_requirements
    with pytest.raises(BadRequestError):
        policy.permit("python3")
