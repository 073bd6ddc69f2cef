import logging
import sys
from pathlib import Path

import pytest

from mms.worker import loader
from mms_server.archive.packing.handlers import find_handler
from mms_server.errors import BadRequestError

from .conftest import MakeRequest

BOTH = "    def initialize(self, context): ...\n    def handle(self, data, context): ...\n"


def found(request_for: MakeRequest, handler: str, **changes: object) -> str:
    request = request_for(handler=handler, **changes)
    folder = request.model_path
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    return find_handler(request, files)


def write(model: Path, code: str, name: str = "service.py") -> None:
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).write_text(code)


@pytest.mark.parametrize(
    ("handler", "code", "expected"),
    [
        ("service", "\ndef handle(d, c): ...\n", "function handle, service.py line 2"),
        ("service:f", "async def f(d, c): ...\n", "function f, service.py line 1"),
        ("service.py:", "def handle(d, c): ...\n", "function handle, service.py line 1"),
        ("service", "class A: ...\nhandle = A().handle\n", "handle, service.py"),
        ("service", "handle: object = print\n", "handle, service.py"),
        ("service", "from other import x as handle\n", "handle, service.py"),
        ("service:os", "import os.path\n", "os, service.py"),
        ("service", "from other import *\n", "handle, service.py"),
        ("service", "def __getattr__(name): ...\n", "handle, service.py"),
        ("service", "globals()['handle'] = print\n", "handle, service.py"),
        (
            "service",
            "try:\n    import x\nexcept ImportError:\n    def handle(d, c): ...\n",
            "function handle, service.py line 4",
        ),
        ("service", "if 1:\n    pass\nelse:\n    handle = 1\n", "handle, service.py"),
        ("service", f"import x\nclass A:\n{BOTH}", "class A, service.py line 2"),
        ("service:nope", f"class A:\n{BOTH}", "class A, service.py line 1"),
        ("service:B", f"class A:\n{BOTH}class B:\n{BOTH}", "class B, service.py line 4"),
        ("service", f"class A:\n{BOTH}class B: ...\n", "class A, service.py line 1"),
        (
            "service",
            f"class A(object):\n{BOTH}class B(Exception): ...\n",
            "class A, service.py line 1",
        ),
        ("service", "import b\nclass A(b.Base): ...\n", "class A, service.py line 2"),
        (
            "service",
            "class A:\n    handle = initialize = print\nclass C(Exception): pass\n",
            "class A, service.py line 1",
        ),
    ],
)
def test_finds_what_a_worker_would(
    model: Path, request_for: MakeRequest, handler: str, code: str, expected: str
) -> None:
    write(model, code)
    assert found(request_for, handler) == expected


@pytest.mark.parametrize(
    ("handler", "code", "reason"),
    [
        ("service", "", "no class with initialize and handle; it defines nothing"),
        ("service", "def f(): ...\nx = 1\n", "it defines f, x"),
        (
            "service:nope",
            "def handle(d, c): ...\n",
            "no function 'nope' in service.py and no class",
        ),
        ("service", "class A:\n    def handle(s, d, c): ...\n", "class A, service.py, has no init"),
        ("service", "class A: ...\n", "has no initialize and no handle"),
        ("service:A", "class A: ...\n", "has no initialize and no handle"),
        ("service", "class A: ...\nclass B(A): ...\n", "more than one class could be meant: A, B"),
        ("service", f"class A:\n{BOTH}class B(A): ...\n", "more than one class could be meant"),
        ("service", "def handle(d, c:\n", "service.py, line 1, is not valid Python"),
        ("service", "print 'two'\n", "is not valid Python"),
        ("service", "x = 1\n\0", "is not valid Python"),
        ("service", f"x = {'(' * 500}", "is not valid Python"),
        ("service", "def outer():\n    def handle(d, c): ...\n", "it defines outer"),
        ("service", "class A(B): ...\nclass B(A): ...\n", "more than one class"),
    ],
)
def test_refuses_what_no_worker_would_find(
    model: Path, request_for: MakeRequest, handler: str, code: str, reason: str
) -> None:
    write(model, code)
    with pytest.raises(BadRequestError) as caught:
        found(request_for, handler)
    assert caught.value.message.startswith(f"Handler {handler!r}: ")
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        (("a/service.py",), "a/service.py:handle"),
        (("a/service.py",), "./a/service"),
        (("a/service.py",), "a.service"),
        (("a/__init__.py",), "a"),
        (("a/a.py",), "a"),
        (("a.py", "a/weights.bin"), "a"),
        (("x/a/b.py",), "x/a.b"),
        (("root.py", "x/other.py"), "x/root.py"),
    ],
)
def test_looks_where_the_worker_does(
    tmp_path: Path,
    model: Path,
    request_for: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
    files: tuple[str, ...],
    handler: str,
) -> None:
    for name in files:
        write(model, "def handle(data, context): ...\n", name)
    assert found(request_for, handler).startswith("function handle, ")

    path = loader.search_path(loader.parse_handler(handler), str(model), "", [], sys.path)
    monkeypatch.setattr(sys, "path", path)
    before = set(sys.modules)
    origin = loader.load(handler, str(model)).origin
    for name in set(sys.modules) - before:
        del sys.modules[name]
    assert origin.endswith(":handle")


def test_a_compiled_module_is_not_looked_into(model: Path, request_for: MakeRequest) -> None:
    (model / "service.py").unlink()
    (model / "service.cpython-311-x86_64-linux-gnu.so").touch()
    assert found(request_for, "service:handle") == "service.cpython-311-x86_64-linux-gnu.so"
    with pytest.raises(BadRequestError, match="is not in the model path"):
        found(request_for, "serv:handle")


@pytest.mark.parametrize("handler", ["a.b.py", "other", "x/service.py:f", "", ":f"])
def test_says_which_files_there_are(model: Path, request_for: MakeRequest, handler: str) -> None:
    (model / "service.py").rename(model / "serve.py")
    for number in range(6):
        write(model, "", f"part{number}.py")
    with pytest.raises(BadRequestError) as caught:
        found(request_for, handler)
    assert "it holds part0.py, part1.py, part2.py, part3.py, part4.py and 2 more." in str(
        caught.value
    )


@pytest.mark.parametrize("handler", ["/service.py:handle", "../model/service.py", "a/../service"])
def test_a_path_out_of_the_archive_is_refused(request_for: MakeRequest, handler: str) -> None:
    with pytest.raises(BadRequestError, match="is not in the model path"):
        found(request_for, handler)


@pytest.mark.parametrize("changes", [{"runtime": "python2"}, {"python": "python3.14"}])
def test_what_another_interpreter_may_understand_is_only_told(
    model: Path,
    request_for: MakeRequest,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, object],
) -> None:
    write(model, "print 'two'\n")
    with caplog.at_level(logging.WARNING):
        assert found(request_for, "service", **changes) == "service.py"
    assert "service.py, line 1, is not valid Python" in caplog.text


def test_what_is_not_packed_is_told(
    request_for: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        expected = "module mms.handlers.onnx_classifier, which is not packed"
        assert found(request_for, "mms.handlers.onnx_classifier") == expected
        assert caplog.text == "", "every worker has the ready-made ones"
        found(request_for, "their.package:handle")
        assert "the worker must be able to import their.package" in caplog.text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("onnx_clasifier", " Did you mean mms.handlers.onnx_classifier?"),
        ("sklearn", " Did you mean mms.handlers.sklearn_model?"),
        ("onnx_model.OnnxModel", " Did you mean mms.handlers.onnx_model?"),
        ("x", ""),
    ],
)
def test_a_ready_made_handler_that_there_is_not_is_refused(
    name: str, hint: str, request_for: MakeRequest
) -> None:
    with pytest.raises(BadRequestError) as caught:
        found(request_for, f"mms.handlers.{name}")
    said = f"Handler 'mms.handlers.{name}': there is no such module in this version.{hint}"
    assert caught.value.message == said


def test_warnings_about_the_code_are_not_ours(model: Path, request_for: MakeRequest) -> None:
    write(model, 'x = "\\d"\ndef handle(d, c): ...\n')
    assert found(request_for, "service").startswith("function handle")
