"""From handler text to entry point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mms
from mms.context import Context
from mms.worker.loader import Entry, LoadError, Target, load, parse_handler, search_path

FUNCTION = """
calls = []
def handle(data, context):
    calls.append(data)
    return data and ["handled"]
def other(data, context):
    return data and ["other"]
"""
CLASS = """
from collections import OrderedDict
class Handler:
    context = None
    def initialize(self, context):
        self.context = context
    def handle(self, data, context):
        return [self.context is context]
"""
RUNTIME_DIR = str(Path(mms.__file__).parent.parent)
CONTEXT = Context("m", "/m", None, 1, None, "0")


@pytest.fixture
def model_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A model's folder; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def load_in(folder: Path, handler: str) -> Entry:
    sys.path[:] = search_path(parse_handler(handler), str(folder), RUNTIME_DIR, [], sys.path)
    return load(handler, str(folder))


def error_of(folder: Path, handler: str) -> str:
    with pytest.raises(LoadError) as info:
        load_in(folder, handler)
    message = str(info.value)
    assert "\n" not in message
    assert message.startswith(f"handler {handler!r}")
    return message


@pytest.mark.parametrize(
    ("text", "folder", "module", "function"),
    [
        ("service", "", "service", "handle"),
        ("service:predict", "", "service", "predict"),
        ("service.py", "", "service", "handle"),
        ("service.py:predict", "", "service", "predict"),
        ("some/dir/service.py", "some/dir", "service", "handle"),
        ("some/dir/service:f", "some/dir", "service", "f"),
        ("package.module:f", "", "package.module", "f"),
        ("my-handler.py", "", "my-handler", "handle"),
        ("service:", "", "service", ""),
        ("service:a:b", "", "service", "a:b"),
        ("./service.py", ".", "service", "handle"),
    ],
)
def test_handler_texts(text: str, folder: str, module: str, function: str) -> None:
    assert parse_handler(text) == Target(text, folder, module, function)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("../service.py", "'..' is not allowed"),
        ("a/../../service.py", "'..' is not allowed"),
        ("/opt/service.py:f", "is an absolute path"),
        ("", "names no module"),
        (".py", "names no module"),
        (":handle", "names no module"),
        ("a/:handle", "names no module"),
        ("a..b", "names no module"),
        (".service", "names no module"),
        ("ser\0vice", "names no module"),
    ],
)
def test_handler_texts_that_are_refused(text: str, reason: str) -> None:
    with pytest.raises(LoadError, match=re.escape(reason)):
        parse_handler(text)


def test_operators_may_name_a_file_elsewhere() -> None:
    target = parse_handler("/opt/ml/handler.py:serve", may_be_absolute=True)
    assert target == Target("/opt/ml/handler.py:serve", "/opt/ml", "handler", "serve")
    assert parse_handler("/h.py", may_be_absolute=True).folder == "/"


@given(st.text())
def test_no_text_leads_out_of_the_archive(text: str) -> None:
    try:
        target = parse_handler(text)
    except LoadError:
        return
    assert os.path.normpath(os.path.join("/model", target.folder)).startswith("/model")


def test_search_path_order(tmp_path: Path) -> None:
    write(tmp_path, "code/service.py", "")
    rest = ["", "/usr/lib/python", ".", "/rt", "/inherited"]
    path = search_path(parse_handler("code/service"), str(tmp_path), "/rt", ["/inherited"], rest)
    assert path == ["/rt", f"{tmp_path}/code", "/inherited", str(tmp_path), "/usr/lib/python"]


def test_search_path_without_a_folder(tmp_path: Path) -> None:
    path = search_path(parse_handler("service:handle"), str(tmp_path), "/rt", [], ["/usr"])
    assert path == ["/rt", str(tmp_path), "/usr"]


def test_search_path_has_the_folder_of_a_bare_module_name(tmp_path: Path) -> None:
    write(tmp_path, "service/service.py", "")
    path = search_path(parse_handler("service:handle"), str(tmp_path), "/rt", [], [])
    assert path == ["/rt", f"{tmp_path}/service", str(tmp_path)]


@pytest.mark.parametrize(
    ("text", "file", "origin", "output"),
    [
        ("service", "service.py", "service:handle", "handled"),
        ("service:other", "service.py", "service:other", "other"),
        ("service.py:other", "service.py", "service:other", "other"),
        ("some/dir/service.py", "some/dir/service.py", "service:handle", "handled"),
        ("package.module:other", "package/module.py", "package.module:other", "other"),
    ],
)
def test_functions(model_dir: Path, text: str, file: str, origin: str, output: str) -> None:
    write(model_dir, file, FUNCTION)
    entry = load_in(model_dir, text)
    entry.initialize(CONTEXT)
    assert entry.origin == origin
    assert entry.handle([{}], CONTEXT) == [output]


def test_a_function_is_initialized_by_a_call_without_data(model_dir: Path) -> None:
    write(model_dir, "service.py", FUNCTION)
    entry = load_in(model_dir, "service")
    assert sys.modules["service"].calls == []
    entry.initialize(CONTEXT)
    assert sys.modules["service"].calls == [None]


@pytest.mark.parametrize("text", ["service", "service:missing", "service:Handler"])
def test_classes(model_dir: Path, text: str) -> None:
    write(model_dir, "service.py", CLASS)
    entry = load_in(model_dir, text)
    entry.initialize(CONTEXT)
    assert entry.handle([{}], CONTEXT) == [True]
    assert entry.origin == "service:Handler"


def test_helper_classes_do_not_matter(model_dir: Path) -> None:
    write(model_dir, "service.py", CLASS + "class Helper: pass\nAlias = Handler\n")
    assert load_in(model_dir, "service").origin == "service:Handler"


def test_errors_of_initialize_are_not_swallowed(model_dir: Path) -> None:
    write(model_dir, "service.py", CLASS.replace("self.context = context", "raise OSError('no')"))
    entry = load_in(model_dir, "service")
    with pytest.raises(OSError, match="no"):
        entry.initialize(CONTEXT)


def test_errors_of_the_users_module_are_passed_on(model_dir: Path) -> None:
    write(model_dir, "service.py", "raise ZeroDivisionError('mine')")
    with pytest.raises(ZeroDivisionError, match="mine"):
        load_in(model_dir, "service")


def test_no_module(model_dir: Path) -> None:
    write(model_dir, "code/serve.py", FUNCTION)
    message = error_of(model_dir, "code/service.py:f")
    assert f"no module 'service': looked for {model_dir}/code/service.py" in message
    assert message.endswith(f"{model_dir}/code holds serve.py")


def test_no_module_and_no_file(model_dir: Path) -> None:
    assert error_of(model_dir, "service_x").endswith(f"{model_dir} holds no Python file")
    assert error_of(model_dir, "a/service_x").endswith(f"there is no folder {model_dir}/a")


def test_no_module_in_a_package(model_dir: Path) -> None:
    write(model_dir, "package_x/__init__.py", "")
    assert f"looked for {model_dir}/package_x/mod.py" in error_of(model_dir, "package_x.mod")


def test_missing_import(model_dir: Path) -> None:
    write(model_dir, "service.py", "import engine_x.ops")
    message = error_of(model_dir, "service")
    assert "it imports 'engine_x', which neither the archive nor " in message
    assert "list the package that provides it in the archive's requirements.txt" in message
    assert message.endswith(f"{sys.executable} -m pip install engine_x")


def test_failing_import(model_dir: Path) -> None:
    write(model_dir, "service.py", "from json import nothing_x")
    assert "its imports failed: cannot import name 'nothing_x'" in error_of(model_dir, "service")


@pytest.mark.parametrize("text", ["x = 1\ndef f(:\n", "import helper_x"])
def test_syntax_error(model_dir: Path, text: str) -> None:
    write(model_dir, "service.py", text)
    write(model_dir, "helper_x.py", "\ndef f(:\n")
    file = "helper_x.py" if "helper_x" in text else "service.py"
    assert f"{model_dir}/{file}, line 2, is not valid Python 3." in error_of(model_dir, "service")


def test_no_function_and_no_class(model_dir: Path) -> None:
    write(model_dir, "service.py", "from collections import OrderedDict\ndef predict(): pass\n")
    message = error_of(model_dir, "service:handle")
    assert f"no function 'handle' in {model_dir}/service.py and no class with" in message
    assert message.endswith("it defines predict")


def test_nothing_defined(model_dir: Path) -> None:
    write(model_dir, "service.py", "")
    assert error_of(model_dir, "service").endswith("it defines no function and no class")


def test_not_a_function(model_dir: Path) -> None:
    write(model_dir, "service.py", "handle = 3")
    assert error_of(model_dir, "service").endswith("is not a function but of type int")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (CLASS.replace("def initialize", "def start"), "has no initialize: "),
        (CLASS.replace("def handle", "def predict"), "has no handle: "),
        ("class Handler: pass", "has no initialize and no handle: "),
    ],
)
def test_a_class_that_lacks_methods(model_dir: Path, text: str, missing: str) -> None:
    write(model_dir, "service.py", text)
    assert f"class Handler {missing}" in error_of(model_dir, "service")


def test_more_than_one_class(model_dir: Path) -> None:
    write(model_dir, "service.py", CLASS + "class Better(Handler): pass\n")
    message = error_of(model_dir, "service")
    assert "more than one class could be meant (Better, Handler)" in message
    assert message.endswith("name one, as in service:Better")


def test_files_of_the_archive_cannot_break_the_runtime(tmp_path: Path) -> None:
    model = tmp_path / "model"
    for name in ("mms.py", "json.py", "mms/__init__.py"):
        write(model, name, "raise SystemExit('hijacked')")
    write(model, "colorsys.py", "MINE = True")
    write(model, "service.py", "import json, mms.context, colorsys\n" + FUNCTION)
    code = f"""
import sys
sys.path.insert(0, {RUNTIME_DIR!r})
from mms.worker.inputs import build_input
from mms.worker.loader import load, parse_handler, search_path
sys.path[:] = search_path(
    parse_handler("service"), {str(model)!r}, {RUNTIME_DIR!r}, [], sys.path
)
print(load("service", {str(model)!r}).origin, sys.modules["colorsys"].MINE)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("service:handle True\n", "")
