"""From the text that names a handler to the function or object that handles batches.

The rules are those of Multi Model Server 1.1's `model_loader` and of the module path that it gives
its workers. They differ in two things: what `initialize` raises fails the load, and a class may be
named where MMS only takes a function. Models of its 0.x have a service instead: see `legacy`.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from mms.worker import legacy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from mms.context import Context

DEFAULT_FUNCTION = "handle"
_METHODS = ("initialize", "handle")


class LoadError(Exception):
    """The handler cannot be found or is not one; loading the same archive again will not help.

    The message is one line: the handler text, what was looked for and what was found.
    """


class Entry(NamedTuple):
    """A loaded handler: call `initialize(context)` once, then `handle(data, context)` per batch.

    Both raise what the user's code raises. `origin` names it in the log: `module:function`.
    """

    initialize: Callable[[Context], object]
    handle: Callable[[Any, Context], Any]
    origin: str


class Target(NamedTuple):
    """A handler text taken apart. `folder` is where to look first; "" where the text has none."""

    text: str
    folder: str
    module: str
    function: str


def parse_handler(text: str, *, may_be_absolute: bool = False) -> Target:
    """Take a handler text apart: `[folder/]module[.py][:function]`.

    Only the last part of a path is imported, by name; the function is `handle` where none is
    given. Absolute paths are for handlers that the operator names (SageMaker containers pass the
    `__file__` of their handler): an archive has no business outside of its own folder.

    Raises:
        LoadError: The text names no module, or leads out of the model's folder.
    """
    path, colon, function = text.partition(":")
    stem = path[: -len(".py")] if path.endswith(".py") else path
    folder, module = os.path.split(stem)
    if path.startswith("/") and not may_be_absolute:
        raise LoadError(f"handler {text!r} is an absolute path: give it relative to the archive")
    if ".." in folder.split("/"):
        raise LoadError(f"handler {text!r} leads out of the archive: '..' is not allowed")
    if "\0" in text or not all(module.split(".")):
        raise LoadError(f"handler {text!r} names no module: expected module[.py][:function]")
    return Target(text, folder, module, function if colon else DEFAULT_FUNCTION)


def search_path(
    target: Target, model_dir: str, runtime_dir: str, inherited: Sequence[str], rest: Sequence[str]
) -> list[str]:
    """Return what `sys.path` must be while a model is loaded and served.

    In this order: the runtime's own folder, the handler's folder, the entries of PYTHONPATH
    (`inherited`), the model's folder, then the interpreter's own (`rest`). So a file in the archive
    can hide a module of PYTHONPATH only from the handler's folder, hides installed packages and the
    standard library as it does in MMS, and never hides `mms` or what the runtime imported before.
    """
    folder = os.path.join(model_dir, target.folder or target.module)
    first = [folder] if os.path.isdir(folder) else []
    entries = [runtime_dir, *first, *inherited, model_dir, *rest]
    return list(dict.fromkeys(entry for entry in entries if entry not in ("", ".")))


def load(handler: str, model_dir: str, *, may_be_absolute: bool = False) -> Entry:
    """Import the handler's module and find its entry point; `sys.path` must have been set.

    A module-level function of the name wins and is initialized by a call with data None. Without
    one, the module's only class of its own with `initialize` and `handle` is instantiated. In a
    model of MMS 0.x it is the file's first service, made when it is initialized.

    Raises:
        LoadError: No such module, function or class, or something that it imports is missing.
            Any other exception of the user's code is passed on as it is.
    """
    target = parse_handler(handler, may_be_absolute=may_be_absolute)
    if legacy.is_legacy(model_dir):
        return _legacy_entry(target, model_dir)
    module = _import(target, functools.partial(importlib.import_module, target.module), model_dir)
    found = getattr(module, target.function, None)
    if isinstance(found, type):
        return _class_entry(target, found)
    if found is None:
        return _class_entry(target, _only_class(target, module))
    if not callable(found):
        kind = type(found).__name__
        raise LoadError(
            f"handler {handler!r}: {target.function!r} in {_place(module)} is not a function "
            f"but of type {kind}"
        )
    origin = f"{target.module}:{target.function}"
    return Entry(functools.partial(found, None), found, origin)


def _legacy_entry(target: Target, model_dir: str) -> Entry:
    path = os.path.join(model_dir, target.folder, f"{target.module}.py")
    module = _import(target, functools.partial(legacy.import_file, target.module, path), model_dir)
    services = [cls for cls in _own_classes(module) if legacy.is_service(cls)]
    if not services:
        raise LoadError(
            f"handler {target.text!r}: no class in {path} derives from SingleNodeService, as the "
            f"service of a model with a MANIFEST.json of Multi Model Server 0.x must; "
            f"{_contents(module)}"
        )
    service = legacy.LegacyService(services[0], model_dir)
    return Entry(service.initialize, service.handle, f"{target.module}:{services[0].__name__}")


def _import(target: Target, import_module: Callable[[], ModuleType], model_dir: str) -> ModuleType:
    try:
        return import_module()
    except ModuleNotFoundError as exc:
        _raise_missing(target, model_dir, exc)
    except SyntaxError as exc:
        raise LoadError(
            f"handler {target.text!r}: {exc.filename}, line {exc.lineno}, is not valid "
            f"{_python()}: {exc.msg}"
        ) from exc
    except ImportError as exc:
        reason = " ".join(str(exc).split())
        raise LoadError(f"handler {target.text!r}: its imports failed: {reason}") from exc


def _raise_missing(target: Target, model_dir: str, exc: ModuleNotFoundError) -> NoReturn:
    missing = exc.name or str(exc)
    if f"{target.module}.".startswith(f"{missing}."):
        where = os.path.normpath(os.path.join(model_dir, target.folder))
        wanted = os.path.join(where, *target.module.split("."))
        raise LoadError(
            f"handler {target.text!r}: no module {target.module!r}: looked for {wanted}.py, for a "
            f"package {target.module} and on the module path; {_python_files(where)}"
        ) from exc
    raise LoadError(f"handler {target.text!r}: it imports {describe_missing(missing)}") from exc


def describe_missing(module: str) -> str:
    """Name a module that a model imports in vain, and say how to add it."""
    package = module.split(".")[0]
    return (
        f"{module!r}, which neither the archive nor {sys.executable} ({_python()}) has: add it to "
        "the archive, list the package that provides it in the archive's requirements.txt, which "
        "a server with allow_model_environments=true installs, or install it: "
        f"{sys.executable} -m pip install {package}"
    )


def _only_class(target: Target, module: ModuleType) -> type:
    own = _own_classes(module)
    complete = [cls for cls in own if all(callable(getattr(cls, m, None)) for m in _METHODS)]
    candidates = complete or own
    if len(candidates) == 1:
        return candidates[0]
    wanted = f"no function {target.function!r} in {_place(module)}"
    if not candidates:
        raise LoadError(
            f"handler {target.text!r}: {wanted} and no class with initialize and handle; "
            f"{_contents(module)}"
        )
    names = [cls.__name__ for cls in candidates]
    raise LoadError(
        f"handler {target.text!r}: {wanted}, and more than one class could be meant "
        f"({', '.join(names)}): name one, as in {target.module}:{names[0]}"
    )


def _class_entry(target: Target, cls: type) -> Entry:
    missing = [method for method in _METHODS if not callable(getattr(cls, method, None))]
    if missing:
        raise LoadError(
            f"handler {target.text!r}: class {cls.__name__} has no {' and no '.join(missing)}: "
            f"a handler class needs initialize(self, context) and handle(self, data, context)"
        )
    instance: Any = cls()
    return Entry(instance.initialize, instance.handle, f"{target.module}:{cls.__name__}")


def _own_classes(module: ModuleType) -> list[type]:
    members = {value for value in vars(module).values() if isinstance(value, type)}
    return sorted(
        (cls for cls in members if cls.__module__ == module.__name__), key=lambda cls: cls.__name__
    )


def _contents(module: ModuleType) -> str:
    names = [
        name
        for name, value in sorted(vars(module).items())
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    ]
    return f"it defines {', '.join(names)}" if names else "it defines no function and no class"


def _place(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or f"the built-in module {module.__name__}"


def _python() -> str:
    return "Python " + ".".join(map(str, sys.version_info[:3]))


def _python_files(folder: str) -> str:
    try:
        files = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
    except OSError:
        return f"there is no folder {folder}"
    return f"{folder} holds {', '.join(files) if files else 'no Python file'}"
