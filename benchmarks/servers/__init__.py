"""The servers compared: a recipe each, and one way to start, watch and end them all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.servers.mms import Mms
from benchmarks.servers.nginx import Nginx
from benchmarks.servers.ours import Ours
from benchmarks.servers.server import Server

NAMES = (Ours.name, Mms.name, Nginx.name)
"""Every server that can be measured; the report shows each as a ratio to those after it."""

__all__ = ["NAMES", "Server", "by_name"]


def by_name(names: Iterable[str], folder: Path) -> list[Server]:
    """Make the named servers, each with a folder of its own below `folder`, in order of `NAMES`."""
    wanted = set(names)
    return [
        Server(recipe, folder / recipe.name)
        for recipe in (Ours(), Mms(), Nginx())
        if recipe.name in wanted
    ]
