"""What a Python module defines, as far as its source tells."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_METHODS = ("initialize", "handle")
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)
_MAKES_NAMES = frozenset(("exec", "globals", "setattr", "vars"))


@dataclass(slots=True)
class Definitions:
    """The names of a module, whatever branch they are defined in.

    Attributes:
        functions: Functions, with the lines where they begin.
        classes: Classes that the module defines itself.
        others: Names that are imported or assigned: they may be anything.
        is_dynamic: Whether there may be more: `import *`, `__getattr__`, `globals()`.
    """

    functions: dict[str, int] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    is_dynamic: bool = False

    def missing_methods(self, name: str) -> list[str]:
        """List what a class lacks to be a handler; nothing if it may inherit it from elsewhere."""
        if not self.is_closed(name):
            return []
        own = {method for each in self._with_bases(name) for method in _names(each.body)}
        return [method for method in _METHODS if method not in own]

    def is_closed(self, name: str) -> bool:
        """Tell whether all that a class inherits is in this module."""
        known = {"object", *self.classes}
        return all(
            isinstance(base, ast.Name) and base.id in known
            for each in self._with_bases(name)
            for base in each.bases
        )

    def _with_bases(self, name: str) -> Iterator[ast.ClassDef]:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current in self.classes and current not in seen:
                seen.add(current)
                yield self.classes[current]
                waiting += [b.id for b in self.classes[current].bases if isinstance(b, ast.Name)]


def read_definitions(file: Path) -> Definitions:
    """Parse a module. Blocks. Raises SyntaxError for what this interpreter cannot, OSError."""
    tree = _parse(file)
    found = Definitions()
    for node in _statements(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.functions[node.name] = node.lineno
        elif isinstance(node, ast.ClassDef):
            found.classes[node.name] = node
        else:
            found.others.update(_bound(node))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found.is_dynamic = (
        "*" in found.others or "__getattr__" in found.functions or bool(used & _MAKES_NAMES)
    )
    return found


def _parse(file: Path) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the model's code; it is not for us to judge
        try:
            return ast.parse(file.read_bytes(), file.name)
        except (ValueError, RecursionError, MemoryError) as error:  # a NUL; nested too deep
            raise SyntaxError(str(error) or "it is nested too deep") from error


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Walk through the statements that run when the module is imported."""
    for node in body:
        if not isinstance(node, _BLOCKS):
            yield node
            continue
        yield from _statements(node.body)
        yield from _statements(getattr(node, "orelse", []))
        yield from _statements(getattr(node, "finalbody", []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in _statements(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        else:
            yield from _bound(node)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        return
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id
