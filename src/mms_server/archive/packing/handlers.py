"""Whether the handler that a request names is there: its file, and in it a function or a class.

The code is parsed and never run. The rules are those of the worker's `mms.worker.loader`; where the
source does not tell what a module will hold, the handler is taken to be there.
"""

from __future__ import annotations

import difflib
import logging
import pkgutil
import posixpath
from collections.abc import Mapping
from pathlib import Path

import mms.handlers
from mms_server.archive.packing.definitions import Definitions, read_definitions
from mms_server.archive.packing.request import PackRequest
from mms_server.archive.packing.selection import shown
from mms_server.errors import BadRequestError

_LOGGER = logging.getLogger(__name__)

_READY_MADE = "mms.handlers."  # every worker has these
_COMPILED = ".so"  # an extension module: Cython's, say
_DEFAULT_FUNCTION = "handle"


def find_handler(request: PackRequest, files: Mapping[str, Path]) -> str:
    """Say what the handler is: `function handle, service.py line 7`.

    Blocks. Raises BadRequestError when it is certain that a worker would not find it, OSError.
    """
    text, _, function = request.handler.partition(":")
    module_file = _module_file(text, files)
    if module_file is None:
        return _installed(request.handler, text, files)
    if module_file.endswith(_COMPILED):
        return module_file
    try:
        definitions = read_definitions(files[module_file])
    except SyntaxError as error:
        return _unparsed(request, module_file, error)
    return _entry_point(request.handler, definitions, module_file, function or _DEFAULT_FUNCTION)


def _module_file(text: str, files: Mapping[str, Path]) -> str | None:
    """Find the file that an import would, in the handler's folder or else the model's."""
    folder, _, module = text.removesuffix(".py").rpartition("/")
    if text.startswith("/") or ".." in folder.split("/"):
        return None
    path = module.replace(".", "/")
    for base in (folder or module, ""):
        stem = posixpath.normpath(posixpath.join(base, path))
        compiled = [n for n in files if n.startswith(f"{stem}.") and n.endswith(_COMPILED)]
        for name in (f"{stem}/__init__.py", *compiled, f"{stem}.py"):
            if name in files:
                return name
    return None


def _installed(handler: str, text: str, files: Mapping[str, Path]) -> str:
    module = text.removesuffix(".py")
    if text != module or "/" in module or "." not in module:
        sources = sorted(name for name in files if name.endswith(".py"))
        raise BadRequestError(
            f"Handler {handler!r} is not in the model path: there is no file {module}.py to pack; "
            f"it holds {shown(sources) if sources else 'no Python file'}."
        )
    if module.startswith(_READY_MADE):
        _check_ready_made(handler, module.removeprefix(_READY_MADE))
    else:
        _LOGGER.warning(
            "Handler %s is not in the model path; the worker must be able to import %s.",
            handler,
            module,
        )
    return f"module {module}, which is not packed"


def _check_ready_made(handler: str, name: str) -> None:
    known = [each.name for each in pkgutil.iter_modules(mms.handlers.__path__)]
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {_READY_MADE}{close[0]}?" if close else ""
    raise BadRequestError(f"Handler {handler!r}: there is no such module in this version.{hint}")


def _unparsed(request: PackRequest, module_file: str, error: SyntaxError) -> str:
    fault = f"{module_file}, line {error.lineno}, is not valid Python: {error.msg}"
    if request.runtime == "python" and request.python is None:
        raise BadRequestError(f"Handler {request.handler!r}: {fault}.")
    _LOGGER.warning("%s, here; what it defines is not checked.", fault)
    return module_file


def _entry_point(handler: str, found: Definitions, module_file: str, name: str) -> str:
    if name in found.functions:
        return f"function {name}, {module_file} line {found.functions[name]}"
    if name in found.classes:
        return _class(handler, found, module_file, name)
    if name in found.others or found.is_dynamic:
        return f"{name}, {module_file}"
    return _class(handler, found, module_file, _only_class(handler, found, module_file, name))


def _only_class(handler: str, found: Definitions, module_file: str, name: str) -> str:
    complete = [each for each in found.classes if not found.missing_methods(each)]
    candidates = complete or list(found.classes)
    wanted = f"Handler {handler!r}: no function {name!r} in {module_file}"
    if not candidates:
        defined = shown(sorted([*found.functions, *found.others]))
        raise BadRequestError(
            f"{wanted} and no class with initialize and handle; it defines {defined or 'nothing'}."
        )
    certain = [each for each in complete if found.is_closed(each)]
    if len(certain) > 1 or (len(candidates) > 1 and not complete):
        names = shown(certain or candidates)
        raise BadRequestError(f"{wanted}, and more than one class could be meant: {names}.")
    return (certain or candidates)[0]


def _class(handler: str, found: Definitions, module_file: str, name: str) -> str:
    missing = found.missing_methods(name)
    if missing:
        raise BadRequestError(
            f"Handler {handler!r}: class {name}, {module_file}, has no {' and no '.join(missing)}: "
            "a handler class needs initialize(self, context) and handle(self, data, context)."
        )
    return f"class {name}, {module_file} line {found.classes[name].lineno}"
