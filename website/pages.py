"""Makes the site's pages out of README.md, CHANGELOG.md and docs: `python -m website.pages FOLDER`.

They are written for readers of the repository, who can follow a link into the source. On the site
they lie in one folder with their charts and nothing else, so links to what is neither become their
text. The navigation is the list at the end of docs/index.md, in its order and its words.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs" / "index.md"

_NAVIGATION = "## Where to go\n"
_ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^()\s#]+)", re.MULTILINE)
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^()\s]+)\)")


def all_pages() -> dict[Path, str]:
    """Map each page of the repository to its name on the site."""
    pages = {ROOT / "README.md": "readme.md", ROOT / "CHANGELOG.md": "changelog.md"}
    return pages | {path: path.name for path in sorted((ROOT / "docs").glob("*.md"))}


def all_charts() -> dict[Path, str]:
    """Map each picture of the documentation to its name on the site."""
    return {path: path.name for path in sorted((ROOT / "docs" / "charts").glob("*.svg"))}


def read_navigation() -> list[tuple[str, Path]]:
    """List the navigation's labels and pages."""
    _, _, entries = INDEX.read_text(encoding="utf-8").partition(_NAVIGATION)
    return [(label, (INDEX.parent / path).resolve()) for label, path in _ENTRY.findall(entries)]


def rewrite_links(text: str, rewrite: Callable[[str, str], str]) -> str:
    """Replace each link outside of code blocks by what `rewrite(label, target)` says."""
    pieces = _FENCE.split(text)
    pieces[::2] = [_LINK.sub(lambda link: rewrite(link[1], link[2]), each) for each in pieces[::2]]
    return "".join(pieces)


def render(page: Path, names: dict[Path, str]) -> str:
    """Return a page's text for the site; `names` are those of all pages and pictures there."""

    def rewrite(label: str, target: str) -> str:
        path, hash_mark, anchor = target.partition("#")
        if "://" in target or not path:
            return f"[{label}]({target})"
        name = names.get((page.parent / path).resolve())
        return label if name is None else f"[{label}]({name}{hash_mark}{anchor})"

    text = rewrite_links(page.read_text(encoding="utf-8"), rewrite)
    return text + _contents(names) if page == INDEX else text


def _contents(names: dict[Path, str]) -> str:
    entries = [f"{label} <{names[page]}>\n" for label, page in read_navigation()]
    return "\n```{toctree}\n:hidden:\n\n" + "".join(entries) + "```\n"


def write_pages(folder: Path) -> None:
    """Write all pages into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pages, charts = all_pages(), all_charts()
    for page, name in pages.items():
        (folder / name).write_text(render(page, pages | charts), encoding="utf-8")
    for chart, name in charts.items():
        shutil.copyfile(chart, folder / name)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
