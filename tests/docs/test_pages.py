"""The pages' commands are run, and what they print is what the pages show."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mms_server.config.properties import parse_properties
from mms_server.config.schema import IGNORED, SETTINGS
from support.pages import PAGES, Fence, Walk, read_fences

FENCES = [
    pytest.param(fence, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, fence in enumerate(read_fences(page))
]
TOOLS = ("curl", "openssl", "sha256sum")
WALKED = [page for page in PAGES if any(fence.language == "console" for fence in read_fences(page))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", WALKED, ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows(page: Path, walk: Walk) -> None:
    text = page.read_text()
    missing = [tool for tool in TOOLS if tool in text and shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{page.name} uses {', '.join(missing)}")
    assert walk.follow(page) > 0


def test_the_pages_that_promise_it_are_walked() -> None:
    words = {page: " ".join(page.read_text().split()) for page in PAGES}
    promising = {page for page, text in words.items() if "executed by a test" in text}
    assert promising
    assert promising <= set(WALKED)


@pytest.mark.parametrize("fence", FENCES)
def test_examples_are_written_correctly(fence: Fence) -> None:
    """Those that no test runs can at least be read by what they are for."""
    match fence.language:
        case "properties":
            assert set(parse_properties(fence.text)) <= {*SETTINGS, *IGNORED}
        case "json":
            json.loads(fence.text)
        case "python":
            compile(fence.text, "example", "exec")
        case "sh":
            subprocess.run(["sh", "-n"], input=fence.text, text=True, check=True)
        case other:
            assert other in ("", "console")
