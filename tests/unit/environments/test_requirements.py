from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mms_server.environments.interpreters import Interpreter
from mms_server.environments.requirements import read
from mms_server.errors import ModelEnvironmentError
from support.packages import add_wheel

PYTHON = Interpreter("/bin/python", (3, 9, 1), "3.9.1", "/", "linux")


def content(folder: Path, text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    (folder / "requirements.txt").write_bytes(data)
    return read(folder, "requirements.txt").content.decode()


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "numpy<1.24",
        "torch==2.1.0+cpu ; python_version >= '3.9'",
        "Pillow[extra] >= 9 --hash=sha256:0123",
        "x @ https://example.com/x-1.0-py3-none-any.whl",
        "x @ git+https://example.com/x.git@v1",
        "https://example.com/x-1.0-py3-none-any.whl",
        "git+https://example.com/x.git@v1#egg=x",
        "x[a,b]>=1,<2",
        "x(>=1)",
        "--index-url https://example.com/simple",
        "--extra-index-url=https://example.com/simple",
        "-i https://example.com/simple",
        "-f https://download.example.com/torch_stable.html",
        "--only-binary :all:",
        "--no-index",
        "--pre",
        "--trusted-host example.com",
    ],
)
def test_packages_and_index_options(tmp_path: Path, line: str) -> None:
    assert content(tmp_path, line) == f"{line}\n"


@pytest.mark.parametrize(
    "text",
    [
        "-r /etc/shadow",
        "-r/etc/shadow",
        "-c other.txt",
        "-e .",
        "--requirement=/etc/shadow",
        "--requirem /etc/shadow",
        "--constraint other.txt",
        "--editable .",
        "--pre -r /etc/shadow",
        "--no-index \t-r /etc/shadow",
        "--pre '-r' /etc/shadow",
        "--index-url https://example.com -r /etc/shadow",
        "--index-url 'https://example.com' -r x",
        "-r \\\n/etc/shadow",
        "-\\\nr /etc/shadow",
        "# a comment \\\n-r /etc/shadow",
        "x\n   -r /etc/shadow",
        "x\v-r /etc/shadow",
        "x\u2028-r /etc/shadow",
        "x\r-r /etc/shadow",
        "./folder",
        "../x.whl",
        "/srv/x.whl",
        "~/x.whl",
        "file:///srv/x.whl",
        "x @ file:///srv/x.whl",
        "x @ ./x.whl",
        "x@/srv/x.whl",
        "--find-links file:///srv",
        "--find-links FILE:///srv",
        "venv/../../srv",
        "wheels/x.whl",
        "--target /srv",
        "\u00e4",
    ],
)
def test_what_refers_to_other_files_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelEnvironmentError, match="cannot be installed here"):
        content(tmp_path, text)


def test_another_encoding_hides_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelEnvironmentError, match="is not UTF-8"):
        content(tmp_path, "-r /etc/shadow".encode("utf-16"))
    hidden = "# -*- coding: utf-7 -*-\nx\n"
    assert content(tmp_path, hidden) == "x\n", "the installer sees no declaration"


def test_only_what_was_checked_is_installed(tmp_path: Path) -> None:
    text = "\ufeff# first\n\nx==1 # why\ny \\\n  >=2\nhttps://x.y/z#1\n  # last \\\nw\\"
    assert content(tmp_path, text) == "x==1\ny   >=2\nhttps://x.y/z#1\nw\n"


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "outside.txt").write_text("x")
    (model / "link.txt").symlink_to(tmp_path / "outside.txt")
    for name in ("../outside.txt", str(tmp_path / "outside.txt"), "link.txt"):
        with pytest.raises(ModelEnvironmentError, match="is not inside the archive"):
            read(model, name)
    with pytest.raises(ModelEnvironmentError, match="cannot be read: No such file"):
        read(model, "missing.txt")
    with pytest.raises(ModelEnvironmentError, match="larger than"):
        content(model, "x\n" * 1024 * 1024)


def test_the_digest_tells_environments_apart(tmp_path: Path) -> None:
    def digest(python: Interpreter = PYTHON, tool: str = "uv", *arguments: str) -> str:
        return read(tmp_path, "requirements.txt").digest(python, (tool,), arguments)

    content(tmp_path, "x==1\n")
    first = digest()
    content(tmp_path, "x==1 # the same\n")
    assert digest() == first
    seen = {first, digest(tool="pip"), digest(PYTHON, "uv", "--pre")}
    for field in ("executable", "build", "prefix", "platform"):
        seen.add(digest(msgspec.structs.replace(PYTHON, **{field: "another"})))
    content(tmp_path, "x==2\n")
    seen.add(digest())
    wheel = add_wheel(tmp_path / "wheels", "x", "2")
    seen.add(digest())
    wheel.write_bytes(wheel.read_bytes() + b"another")
    seen.add(digest())
    assert len(seen) == 10
