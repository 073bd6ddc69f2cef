"""Runs in the interpreter that has MXNet, and calls there what tests ask for.

A program: it reads pickled calls from its standard input and writes their results. It imports of
this project only `mms`, as a worker does.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import mms
from mms.context import Context, RequestProcessor
from mms.worker import loader
from mms.worker.outputs import encode_output

_loaded: dict[str, Any] = {}
_path = list(sys.path)
_LASTING = (sys.prefix, sys.base_prefix, str(Path(mms.__file__).parent))


def load(folder: str, handler: str, gpu_id: int | None = None) -> dict[str, Any] | None:
    """Load a model as a worker does; returns the manifest that its context has then."""
    _forget()
    target = loader.parse_handler(handler)
    sys.path[:] = loader.search_path(target, folder, "", [], _path)
    os.chdir(folder)
    context = Context(Path(folder).name, folder, None, 8, gpu_id, "1.1")
    entry = loader.load(handler, folder)
    entry.initialize(context)
    _loaded.update(entry=entry, context=context)
    return context.manifest


def _forget() -> None:
    """Forget the code of other models: files of theirs may have the same names."""
    sys.path[:] = _path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and file and not file.startswith(_LASTING):
            del sys.modules[name]


def predict(*requests: dict[str, Any]) -> list[tuple[int, bytes]]:
    """Ask the loaded model: the status and body of each answer."""
    context: Context = _loaded["context"]
    ids = {place: str(place) for place in range(len(requests))}
    context.begin_batch(ids, [RequestProcessor({}) for _ in requests])
    outputs = _loaded["entry"].handle([dict(request) for request in requests], context)
    assert len(outputs) == len(requests)
    return [
        (context.get_response_status(place)[0], bytes(encode_output(output)))
        for place, output in enumerate(outputs)
    ]


def run(code: str, *values: object) -> Any:
    """Run code that finds `values`, MXNet as `mx` and what is `loaded`, and leaves a `result`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mxnet
    _forget()
    names: dict[str, Any] = {"mx": mxnet, "values": values, "loaded": _loaded}
    exec(code, names)
    return names.get("result")


def main() -> None:
    """Answer calls until the standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what handlers print is not an answer
    functions = {each.__name__: each for each in (load, predict, run)}
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = (True, functions[name](*arguments))
        except Exception as exc:
            answer = (False, (type(exc).__name__, str(exc)))
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
