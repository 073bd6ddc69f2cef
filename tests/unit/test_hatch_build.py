"""What mypyc asks of the modules that a wheel may have compiled."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]


def parse(module: str) -> ast.Module:
    return ast.parse((ROOT / "src" / f"{module.replace('.', '/')}.py").read_text())


def bound_exceptions(function: ast.AST) -> list[str]:
    tries = [node for node in ast.walk(function) if isinstance(node, ast.Try)]
    return [handler.name for each in tries for handler in each.handlers if handler.name]


@pytest.mark.parametrize("module", MODULES)
def test_a_name_stands_for_one_type_of_exception(module: str) -> None:
    """mypyc gives a variable the type of its first `except`, and raises TypeError at the second."""
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = bound_exceptions(node)
            assert len(names) == len(set(names)), f"{module}.{node.name}"


@pytest.mark.parametrize("module", MODULES)
def test_coroutines_do_not_try(module: str) -> None:
    """Compiled, a `finally` around an `await` may raise anew what an earlier call had raised."""
    coroutines = [
        node for node in ast.walk(parse(module)) if isinstance(node, ast.AsyncFunctionDef)
    ]
    for coroutine in coroutines:
        kinds = {type(node) for node in ast.walk(coroutine)}
        assert not kinds & {ast.Try, ast.With, ast.AsyncWith}, f"{module}.{coroutine.name}"
