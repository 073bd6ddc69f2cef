"""The servers that are compared, made fit for large bodies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import disturbance, processes, workload
from benchmarks.bodies import bare
from benchmarks.errors import BenchError
from benchmarks.servers import Server
from benchmarks.servers.limits import Limit
from benchmarks.servers.mms import Mms
from benchmarks.servers.ours import Ours
from benchmarks.servers.properties import STORE
from benchmarks.servers.recipe import Recipe, Start

_MODEL = "bodies"
_LIMIT_BYTES = 200_000_000
_FLOOR = Path(bare.__file__)
_BARE = Limit("bare", _FLOOR)
_TWO_HOP = Limit("two-hop", _FLOOR, "--two-hop")

_HANDLER = '''"""Answer as many bytes as a header asks for: those that came, or others."""

_MADE = {}


def handle(data, context):
    return [_answer(request["body"], context, i) for i, request in enumerate(data or ())]


def _answer(body, context, index):
    wanted = int(context.get_request_header(index, "X-Answer-Bytes"))
    if wanted == len(body):
        return body
    if wanted not in _MADE:
        _MADE[wanted] = b"x" * wanted if wanted else b"OK"
    return _MADE[wanted]
'''


class Large:
    """Another recipe, with limits that let large bodies through and the model that wants them."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.name = recipe.name

    def install(self) -> None:
        """See to the other's installation."""
        self._recipe.install()

    def version(self) -> str:
        """Return the other's version."""
        return self._recipe.version()

    def prepare(self, folder: Path) -> Start:
        """Raise the limits, and put the model beside the no-op one."""
        start = self._recipe.prepare(folder)
        with (folder / "config.properties").open("a") as config:
            config.write(f"max_request_size={_LIMIT_BYTES}\nmax_response_size={_LIMIT_BYTES}\n")
        workload.write_model(folder / STORE, _MODEL, _HANDLER)
        return start


RECIPES: tuple[Recipe, ...] = (Large(Ours()), Large(Mms()), _TWO_HOP, _BARE)


def make(names: Sequence[str], folder: Path) -> list[Server]:
    """Make the servers, each with a folder of its own."""
    return [Server(recipe, folder / recipe.name) for recipe in RECIPES if recipe.name in names]


def open_model(server: Server) -> str:
    """Have a started server serve the model; return where bodies are posted."""
    if not server.management_url:
        return server.url
    query = f"url={_MODEL}&initial_workers=1&synchronous=true"
    disturbance.ask("POST", f"{server.management_url}/models?{query}")
    return server.url.replace(workload.PATH, f"/predictions/{_MODEL}")


def front_end(server: Server) -> int:
    """Find the process that clients talk to. Raises BenchError."""
    for pid in server.pids():
        command_line = processes.command_line(pid)
        if processes.is_front_end(command_line) or bare.__file__ in command_line:
            return pid
    raise BenchError(f"{server.name} has no process that looks like a front end")
