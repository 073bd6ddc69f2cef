"""A walk fails where a page is wrong; else the tests of pages prove nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.pages import Command, Fence, Walk, pattern_of, read_commands, read_fences


def test_another_output_fails(walk: Walk) -> None:
    walk.run(Command("echo a", "a\n"))
    for shown in ("b\n", "", "a\na\n"):
        with pytest.raises(AssertionError, match="printed:\na\n"):
            walk.run(Command("echo a", shown))


def test_a_command_that_fails_fails(walk: Walk) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        walk.run(Command("false", ""))


def test_files_and_commands_are_done_in_order(walk: Walk, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- file: a/b.txt -->\n```\nhttp://127.0.0.1:8081 8080\n```\n"
        "```console\n$ cat a/b.txt\nhttp://127.0.0.1:8081 8080\n```\n"
        "<!-- file: a/b.txt -->\n```\nchanged\n```\n```sh\nfalse\n```\n"
        "```console\n$ cat a/b.txt\nchanged\n```\n"
    )
    assert walk.follow(page) == 2


def test_an_excerpt_is_run_where_it_comes_from(walk: Walk, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- from: a/b.md -->\n```console\n$ false\n```\n```console\n$ true\n```\n")
    assert read_fences(page)[0].origin == "a/b.md"
    assert walk.follow(page) == 1


def test_a_folder_is_copied_without_what_a_run_has_left(walk: Walk, tmp_path: Path) -> None:
    folder = tmp_path / "example"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "service.py").write_text('"http://127.0.0.1:8080"')
    (folder / "cat.png").write_bytes(b"\xff")
    walk.copy(folder)
    copied = (tmp_path / "model" / "service.py").read_text()
    assert copied == f'"http://127.0.0.1:{walk.ports["8080"]}"'
    assert not (tmp_path / "cat.png").exists()


def test_ports_are_free_ones(walk: Walk) -> None:
    assert walk.here("http://a:8080/") == f"http://a:{walk.ports['8080']}/"
    assert walk.here("18080 :80801 8080") == "18080 :80801 8080"


def test_fences_know_their_language_and_file(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- file: a.py -->\n```python\nx = 1\n```\ntext\n\n```\nplain\n```\n")
    assert read_fences(page) == [Fence("python", "x = 1\n", "a.py"), Fence("", "plain\n")]


def test_a_backslash_continues_a_command() -> None:
    commands = list(read_commands("$ a \\\n    b\n$ c\nout\n"))
    assert commands == [Command("a \\\n    b", ""), Command("c", "out\n")]


@pytest.mark.parametrize(
    ("shown", "printed", "is_match"),
    [
        ("a...c\n", "abc\n", True),
        ("a...c\n", "a\nc\n", False),
        ("...\nc\n", "a\nb\nc\n", True),
        ("...\nc\n", "c\n", True),
        ("a.c\n", "abc\n", False),
    ],
)
def test_dots_stand_for_anything(shown: str, printed: str, is_match: bool) -> None:
    assert bool(pattern_of(shown).fullmatch(printed)) is is_match
