from pathlib import Path

import pytest

from mms_server.archive.layout import lift_model, model_folder


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("manifest", ["MAR-INF/MANIFEST.json", "MANIFEST.json"])
def test_a_model_one_folder_below_is_lifted(tmp_path: Path, manifest: str) -> None:
    write(tmp_path, f"m/{manifest}", "m/service.py", "m/m/m", "m/.env")
    lift_model(tmp_path)
    expected = {".env", "m", "m/m", "service.py", manifest, str(Path(manifest).parent)}
    assert tree(tmp_path) == sorted(expected - {"."})


def test_what_macos_puts_beside_it_goes(tmp_path: Path) -> None:
    write(tmp_path, "m/MANIFEST.json", "__MACOSX/m/._x", "._m", ".DS_Store")
    lift_model(tmp_path)
    assert tree(tmp_path) == ["MANIFEST.json"]


@pytest.mark.parametrize(
    "paths",
    [
        ("MAR-INF/MANIFEST.json", "MAR-INF/MAR-INF/MANIFEST.json"),
        ("MANIFEST.json", "m/MANIFEST.json"),
        ("m/MANIFEST.json", "code/inference.py"),
        ("m/MANIFEST.json", "n/MANIFEST.json"),
        ("m/MANIFEST.json", "README"),
        ("m/service.py",),
        ("a/b/MANIFEST.json",),
        ("file",),
        (),
    ],
)
def test_everything_else_stays_where_it_is(tmp_path: Path, paths: tuple[str, ...]) -> None:
    write(tmp_path, *paths)
    before = tree(tmp_path)
    lift_model(tmp_path)
    assert tree(tmp_path) == before


def test_a_folder_of_the_store_is_read_where_it_is(tmp_path: Path) -> None:
    write(tmp_path, "old/MANIFEST.json")
    assert model_folder(tmp_path) == tmp_path / "old"
    assert model_folder(tmp_path / "old") == tmp_path / "old"
    assert tree(tmp_path) == ["old", "old/MANIFEST.json"]


def test_a_store_with_one_model_is_not_that_model(tmp_path: Path) -> None:
    write(tmp_path, "new/MAR-INF/MANIFEST.json")
    assert model_folder(tmp_path) == tmp_path
