"""The servers compared: a recipe each, and one way to start, watch and end them all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.servers.mms import Mms
from benchmarks.servers.nginx import Nginx
from benchmarks.servers.ours import Ours
from benchmarks.servers.recipe import Recipe
from benchmarks.servers.server import Server

_RECIPES: tuple[Recipe, ...] = (
    Ours(has_logs=True),
    Ours(),
    Mms(has_logs=True),
    Mms(),
    Nginx(),
)
NAMES = tuple(recipe.name for recipe in _RECIPES)
"""Every server that can be measured; the report shows each as a ratio to those after it."""

DEFAULT_NAMES = ("ours", "mms", "nginx")
"""What is measured unless something else is asked for: all without logs."""

__all__ = ["DEFAULT_NAMES", "NAMES", "Server", "by_name"]


def by_name(names: Iterable[str], folder: Path) -> list[Server]:
    """Make the named servers, each with a folder of its own below `folder`, in order of `NAMES`."""
    wanted = set(names)
    return [Server(recipe, folder / recipe.name) for recipe in _RECIPES if recipe.name in wanted]
