"""Links lead somewhere, in the repository and on the site, and the navigation leads everywhere."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from support.pages import EXAMPLES, PAGES, ROOT, without_fences
from website.pages import (
    INDEX,
    all_charts,
    all_pages,
    read_navigation,
    render,
    rewrite_links,
    write_pages,
)

HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
LINKED = [
    *PAGES,
    ROOT / "CHANGELOG.md",
    *(folder / "README.md" for folder in (ROOT / "examples", *EXAMPLES)),
]


def links_of(text: str) -> list[str]:
    found: list[str] = []

    def note(label: str, target: str) -> str:
        found.append(target)
        return label

    rewrite_links(text, note)
    return found


def anchors_of(page: Path) -> set[str]:
    """Name the headings as GitHub does: its words in lower case, joined by hyphens."""
    seen: Counter[str] = Counter()
    anchors = set()
    for heading in HEADING.findall(without_fences(page)):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return anchors


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links_of(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_navigation_has_every_page_once() -> None:
    pages = [page for _, page in read_navigation()]
    assert sorted(pages) == sorted(set(all_pages()) - {INDEX})


def test_the_readme_leads_to_every_page() -> None:
    readme = ROOT / "README.md"
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links_of(readme.read_text())}
    assert set(all_pages()) - {readme} <= linked


def test_pages_of_the_site_lie_side_by_side(tmp_path: Path) -> None:
    """A link to the source has nowhere to go there: its text stays."""
    write_pages(tmp_path / "pages")
    names = {page.name for page in (tmp_path / "pages").iterdir()}
    assert names == set(all_pages().values()) | set(all_charts().values())
    for name in set(all_pages().values()):
        for link in links_of((tmp_path / "pages" / name).read_text(encoding="utf-8")):
            path = link.partition("#")[0]
            assert not path or "://" in path or path in names, (name, link)


def test_links_are_rewritten_outside_of_code(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "some.md"
    code = "```python\nhandlers[0](../README.md)\n```\n"
    page.write_text(
        "[up](../README.md#a-walk), [`x`[0]](../src/x), [on](other.md), [here](#x), [web](https://w)\n"
        + code
    )
    names = {tmp_path / "README.md": "readme.md", tmp_path / "docs" / "other.md": "other.md"}
    assert render(page, names) == (
        "[up](readme.md#a-walk), `x`[0], [on](other.md), [here](#x), [web](https://w)\n" + code
    )
