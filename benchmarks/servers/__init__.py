"""The servers compared: a recipe each, and one way to start, watch and end them all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.servers.limits import BARE, TWO_HOP
from benchmarks.servers.litserve import LitServe
from benchmarks.servers.mms import Mms
from benchmarks.servers.nginx import Nginx
from benchmarks.servers.ours import Ours, OursCompiled
from benchmarks.servers.recipe import Recipe
from benchmarks.servers.server import Server
from benchmarks.servers.torchserve import TorchServe
from benchmarks.servers.triton import Triton

_RECIPES: tuple[Recipe, ...] = (
    OursCompiled(has_logs=True),
    OursCompiled(),
    Ours(has_logs=True),
    Ours(),
    Mms(has_logs=True),
    Mms(),
    TorchServe(),
    LitServe(),
    Triton(),
    TWO_HOP,
    BARE,
    Nginx(),
)
NAMES = tuple(recipe.name for recipe in _RECIPES)
"""Every server that can be measured; the report shows ours as ratios to those after it."""

OURS = frozenset(recipe.name for recipe in _RECIPES if isinstance(recipe, Ours))
"""This project's server, as configured differently."""

LIMITS = frozenset({"two-hop", "bare", "nginx"})
"""What serves no model and shows what the machine can do."""

DEFAULT_NAMES = tuple(name for name in NAMES if not name.endswith("-logs"))
"""What is measured unless something else is asked for: all without logs."""

__all__ = ["DEFAULT_NAMES", "LIMITS", "NAMES", "OURS", "Server", "by_name"]


def by_name(names: Iterable[str], folder: Path) -> list[Server]:
    """Make the named servers, each with a folder of its own below `folder`, in order of `NAMES`."""
    wanted = set(names)
    return [Server(recipe, folder / recipe.name) for recipe in _RECIPES if recipe.name in wanted]
