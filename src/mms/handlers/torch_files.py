"""Reads the files of PyTorch models, and says what they are where something else was expected."""

from __future__ import annotations

import importlib
import os
import re
import zipfile
from typing import TYPE_CHECKING, Any

from mms.handlers.base import require
from mms.handlers.signature import SIGNATURE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPORTED = "an exported program"
SCRIPT = "TorchScript"
SAVED = "what torch.save has written"

_MARKS = {
    "archive_format": EXPORTED,  # since 2.8 (torch.export.pt2_archive)
    "serialized_exported_program.json": EXPORTED,  # before
    "constants.pkl": SCRIPT,
    "data.pkl": SAVED,  # last, because TorchScript has it, too
}
_BROUGHT = re.compile(r"(?:GLOBAL|Unsupported global:?) (?:GLOBAL )?([\w.]+)")
_SCRIPT_TRACE = "failed in the TorchScript interpreter"
_SAVE_WEIGHTS = "torch.save(net.state_dict(), ...)"


def find_kind(path: str) -> str:
    """Find what a file holds, by the names in it: one of the three above, "" for anything else.

    Files that torch.save wrote before PyTorch 1.6 are no zip files, and are anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return ""
    return next((kind for mark, kind in _MARKS.items() if mark in names), "")


def load_whole(path: str, device: Any) -> Any:
    """Load a file that holds code and weights. Raises ValueError that says what it is instead."""
    torch, kind, name = require("torch", "torch"), find_kind(path), os.path.basename(path)
    if kind not in (EXPORTED, SCRIPT):
        raise ValueError(
            f"{name} is neither {EXPORTED} nor {SCRIPT}{f', but {kind}' if kind else ''}. For a "
            f"state dict, {SIGNATURE_FILE} must name the class that it belongs to: "
            '"torch": {"class": "module:Class"}'
        )
    try:
        if kind == EXPORTED:
            with open(path, "rb") as file:
                return torch.export.load(file)
        return torch.jit.load(path, map_location=device).eval()
    except (ImportError, MemoryError):
        raise
    except Exception as exc:  # torch raises whatever its many readers do
        raise ValueError(f"{name} cannot be loaded: {describe(exc)}") from exc


def load_into_class(path: str, device: Any, text: str, arguments: Mapping[str, Any]) -> Any:
    """Make a network of a class in the archive, and load its state dict, which brings no code.

    Raises ValueError for a class that makes no network, a file that holds no state dict, or one of
    another network; ImportError for a module that is not there.
    """
    torch, kind, name = require("torch", "torch"), find_kind(path), os.path.basename(path)
    if kind in (EXPORTED, SCRIPT):
        raise ValueError(
            f"{name} is {kind}, which needs no class: leave it out of {SIGNATURE_FILE}, or save "
            f"a state dict: {_SAVE_WEIGHTS}"
        )
    network = _make_network(text, arguments)
    weights = _read_weights(torch, path, device)
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as exc:
        raise ValueError(f"{name} does not fit {text}: {describe(exc)}") from exc
    return network.to(device).eval()


def _make_network(text: str, arguments: Mapping[str, Any]) -> Any:
    module, _, name = text.partition(":")
    if not module or not name:
        raise ValueError(f"{SIGNATURE_FILE}: torch: class: expected module:Class, saw {text!r}")
    found = getattr(importlib.import_module(module), name, None)
    if not callable(found):
        raise ValueError(f"{SIGNATURE_FILE}: torch: class: {module} has no class {name}")
    try:
        network = found(**arguments)
    except TypeError as exc:
        raise ValueError(f"{text} cannot be made with {dict(arguments)}: {exc}") from exc
    if not isinstance(network, require("torch", "torch").nn.Module):
        raise ValueError(
            f"{SIGNATURE_FILE}: torch: {text} makes a {type(network).__name__}, no torch.nn.Module"
        )
    return network


def _read_weights(torch: Any, path: str, device: Any) -> Any:
    name = os.path.basename(path)
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except MemoryError:
        raise
    except Exception as exc:  # torch raises whatever its many readers do
        brought = _BROUGHT.search(str(exc))
        if brought is None:
            raise ValueError(f"{name} is no state dict, or damaged: {describe(exc)}") from exc
        raise ValueError(
            f"{name} holds more than tensors: {brought[1]}. It is read with weights_only=True, "
            f"because anything else runs what the file says; save the state dict alone: "
            f"{_SAVE_WEIGHTS}"
        ) from exc


def describe(error: BaseException) -> str:
    """Say in one line what torch says in several, without its advice on how to trust a file."""
    said = " ".join(str(error).split())
    for advice in ("This is an internal miniz error", " In PyTorch 2.6"):
        said = said.partition(advice)[0]
    if _SCRIPT_TRACE in said:  # the reason stands last
        said = said.rpartition("RuntimeError: ")[2]
    return f"{type(error).__name__}: {said}".strip(" :")
