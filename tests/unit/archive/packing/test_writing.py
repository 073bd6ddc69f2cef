import gzip
import hashlib
import os
import stat
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mms_server.archive.entries import EntryTable
from mms_server.archive.extraction import extract
from mms_server.archive.layout import lift_model
from mms_server.archive.limits import Limits
from mms_server.archive.manifest import read_manifest
from mms_server.archive.packing import ARCHIVE_FORMATS, ArchiveFormat, PackRequest, pack
from mms_server.archive.packing.writing import write
from mms_server.errors import ConflictError, InvalidModelError, MMSError

from .conftest import MakeRequest

OUTPUTS = {"default": "noop.mar", "tgz": "noop.tar.gz", "no-archive": "noop"}


def tree(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def digest(output: Path) -> str:
    """The bytes of a file; of a folder those of its files, with their names."""
    if output.is_file():
        return hashlib.sha256(output.read_bytes()).hexdigest()
    whole = b"".join(name.encode() + (output / name).read_bytes() for name in tree(output))
    return hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize("archive_format", ARCHIVE_FORMATS)
def test_each_format_is_read_back(
    model: Path, request_for: MakeRequest, tmp_path: Path, archive_format: ArchiveFormat
) -> None:
    (model / "service.py").chmod(0o755)
    output = pack(request_for(archive_format=archive_format))
    assert output == tmp_path / OUTPUTS[archive_format]
    out = output
    if output.is_file():
        out = tmp_path / "out"
        extract(output, out, Limits())
        lift_model(out)
    assert tree(out) == ["MAR-INF/MANIFEST.json", "service.py", "sub/weights.bin"]
    assert (out / "sub/weights.bin").read_bytes() == bytes(range(256))
    assert (out / "service.py").stat().st_mode & stat.S_IXUSR
    assert not (out / "sub/weights.bin").stat().st_mode & stat.S_IXUSR
    manifest = read_manifest(out)
    assert (manifest.model.model_name, manifest.model.handler) == ("noop", "service:handle")
    assert sorted(os.listdir(tmp_path)) == sorted({"model", output.name, out.name})


@pytest.mark.parametrize("archive_format", ARCHIVE_FORMATS)
def test_the_same_files_give_the_same_bytes(
    model: Path, request_for: MakeRequest, archive_format: ArchiveFormat
) -> None:
    first = digest(pack(request_for(archive_format=archive_format)))
    os.utime(model / "service.py", (0, 0))
    (model / "service.py").chmod(0o600)
    again = pack(request_for(archive_format=archive_format, is_forced=True))
    assert digest(again) == first


def test_a_tar_is_below_one_folder_and_anonymous(request_for: MakeRequest) -> None:
    output = pack(request_for(archive_format="tgz"))
    assert output.read_bytes()[3:8] == bytes(5), "no name and no time, RFC 1952 section 2.3"
    with tarfile.open(output) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == [
        "noop/MAR-INF/MANIFEST.json",
        "noop/service.py",
        "noop/sub/weights.bin",
    ]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
        (0, 0, 0, "", "", 0o644)
    }


def test_long_names_and_other_letters_survive(
    model: Path, request_for: MakeRequest, tmp_path: Path
) -> None:
    name = f"{'ü' * 60}/{'n' * 200}.bin"
    (model / name).parent.mkdir()
    (model / name).write_bytes(b"x")
    extract(pack(request_for(archive_format="tgz")), tmp_path / "out", Limits())
    assert (tmp_path / "out" / "noop" / name).read_bytes() == b"x"


@pytest.mark.parametrize("archive_format", ARCHIVE_FORMATS)
def test_overwrites_only_when_forced(
    model: Path,
    request_for: MakeRequest,
    archive_format: ArchiveFormat,
    caplog: pytest.LogCaptureFixture,
) -> None:
    output = pack(request_for(archive_format=archive_format))
    (model / "service.py").rename(model / "other.py")
    changes = {"handler": "other", "archive_format": archive_format}
    with pytest.raises(ConflictError) as caught:
        pack(request_for(**changes))
    assert caught.value.message == (
        f"{output} already exists.\n"
        "Please specify --force/-f option to overwrite the model archive output file.\n"
        "See -h/--help for more details."
    )
    pack(request_for(is_forced=True, **changes))
    assert f"Overwriting {output} ..." in caplog.text
    out = output
    if output.is_file():
        out = output.with_name("out")
        extract(output, out, Limits())
        lift_model(out)
    assert tree(out) == ["MAR-INF/MANIFEST.json", "other.py", "sub/weights.bin"]
    assert sorted(os.listdir(model.parent)) == sorted({"model", output.name, out.name})


@pytest.mark.parametrize("archive_format", ["default", "tgz"])
def test_a_failed_write_leaves_the_old_archive(
    model: Path, request_for: MakeRequest, archive_format: ArchiveFormat
) -> None:
    output = model.parent / OUTPUTS[archive_format]
    output.mkdir()  # a rename over it fails, after everything was written
    with pytest.raises(MMSError, match="Failed to write"):
        pack(request_for(is_forced=True, archive_format=archive_format))
    assert sorted(os.listdir(model.parent)) == ["model", output.name]


def test_a_folder_that_is_no_model_is_not_replaced(
    model: Path, request_for: MakeRequest, tmp_path: Path
) -> None:
    request = request_for(archive_format="no-archive", is_forced=True)
    (tmp_path / "noop").mkdir()
    (tmp_path / "noop" / "thesis.tex").write_text("kept")
    with pytest.raises(ConflictError, match="is not replaced: it is no model"):
        pack(request)
    assert tree(tmp_path / "noop") == ["thesis.tex"]
    (tmp_path / "noop" / "thesis.tex").unlink()
    assert tree(pack(request)) == ["MAR-INF/MANIFEST.json", "service.py", "sub/weights.bin"]

    file = request_for(model_name="file", archive_format="no-archive", is_forced=True)
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ConflictError, match="is not replaced"):
        pack(file)


def test_a_folder_is_not_replaced_by_a_part_of_itself(
    model: Path, request_for: MakeRequest, tmp_path: Path
) -> None:
    outer = pack(request_for(archive_format="no-archive"))
    inside = outer / "sub"
    (inside / "service.py").write_text("def handle(data, context): ...\n")
    with pytest.raises(ConflictError, match="the model path is inside of it"):
        pack(request_for(model_path=inside, archive_format="no-archive", is_forced=True))
    assert (inside / "weights.bin").is_file()


def test_a_link_to_a_folder_is_replaced_and_its_target_kept(
    model: Path, request_for: MakeRequest, tmp_path: Path
) -> None:
    elsewhere = pack(request_for(model_name="elsewhere", archive_format="no-archive"))
    (tmp_path / "noop").symlink_to(elsewhere)
    output = pack(request_for(archive_format="no-archive", is_forced=True))
    assert not output.is_symlink()
    assert read_manifest(elsewhere).model.model_name == "elsewhere"
    assert read_manifest(output).model.model_name == "noop"
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "model", "noop"]


def written(path: Path) -> tuple[int, ...]:
    """What changes when a file is written or replaced; not when it was read, which packing does."""
    status = path.stat()
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def test_the_model_path_itself_only_gets_what_it_lacks(
    model: Path, request_for: MakeRequest, tmp_path: Path
) -> None:
    (tmp_path / "packages.txt").write_text("numpy\n")
    before = written(model / "service.py")
    changes = {"model_name": "model", "archive_format": "no-archive"}
    with pytest.raises(ConflictError, match="already exists"):
        pack(request_for(**changes))
    for _ in range(2):
        pack(request_for(is_forced=True, requirements=tmp_path / "packages.txt", **changes))
        assert tree(model) == [
            "MAR-INF/MANIFEST.json",
            "requirements.txt",
            "service.py",
            "sub/weights.bin",
        ]
        (tmp_path / "packages.txt").unlink()
        (tmp_path / "packages.txt").symlink_to(model / "requirements.txt")
    assert written(model / "service.py") == before
    assert (model / "requirements.txt").read_text() == "numpy\n"
    assert read_manifest(model).model.requirements == "requirements.txt"


def test_a_failed_write_in_place_leaves_nothing(model: Path, request_for: MakeRequest) -> None:
    (model / "MAR-INF" / "MANIFEST.json").mkdir(parents=True)  # no file can take its place
    with pytest.raises(MMSError, match="Failed to write"):
        pack(request_for(model_name="model", archive_format="no-archive", is_forced=True))
    assert os.listdir(model / "MAR-INF") == ["MANIFEST.json"]


def test_names_are_checked_with_the_folder_of_the_tar(
    model: Path, request_for: MakeRequest
) -> None:
    deep = "/".join("d" * 200 for _ in range(3)) + "/" + "d" * 160
    (model / deep).parent.mkdir(parents=True)
    (model / deep).touch()
    pack(request_for(model_name="n" * 20))
    with pytest.raises(InvalidModelError, match="longer than 768"):
        pack(request_for(model_name="n" * 20, archive_format="tgz"))


NAME = st.text("ab.éß _-", min_size=1, max_size=6).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAME, min_size=1, max_size=3).map("/".join)


@settings(deadline=None)
@given(
    st.dictionaries(PATHS, st.binary(max_size=2000), max_size=5), st.sampled_from(ARCHIVE_FORMATS)
)
def test_whatever_is_packed_comes_back(
    contents: dict[str, bytes], archive_format: ArchiveFormat
) -> None:
    table = EntryTable(Limits())
    try:
        for name in contents:
            table.add_file(name)
    except InvalidModelError:
        return  # `pack` refuses such names
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = PackRequest(
            model_name="noop",
            model_path=folder / "none",
            handler="s",
            export_path=folder,
            archive_format=archive_format,
        )
        write(request, contents)
        out = request.output
        if out.is_file():
            extract(out, folder / "out", Limits())
            out = folder / "out"
        if archive_format == "tgz" and contents:
            out = out / "noop"
        assert {path: (out / path).read_bytes() for path in tree(out)} == contents


def test_the_gzip_is_one_that_gzip_reads(request_for: MakeRequest) -> None:
    data = gzip.decompress(pack(request_for(archive_format="tgz")).read_bytes())
    assert data[257:263] == b"ustar\0"
