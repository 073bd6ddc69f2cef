import errno
import hashlib
import io
import os
import random
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mms_server.archive.extraction import digest_of
from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError, MMSError
from support.unpacking import Unpacking

MIB = 1024 * 1024


def zipped(*entries: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return buffer.getvalue()


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


_unpacking = Unpacking("x.mar")
unpack, refused = _unpacking.unpack, _unpacking.refused


def test_unpacks_files_and_folders(tmp_path: Path) -> None:
    big = random.Random(0).randbytes(3 * MIB + 7)
    out = unpack(tmp_path, zipped(("a/b.bin", big), ("./c.txt", b"c"), ("empty/", b"")))
    assert (out / "a" / "b.bin").read_bytes() == big
    assert (out / "c.txt").read_bytes() == b"c"
    assert (out / "empty").is_dir()


def test_an_empty_zip_is_an_empty_folder(tmp_path: Path) -> None:
    assert list(unpack(tmp_path, zipped()).iterdir()) == []


def test_modes_come_from_the_umask_and_exec_is_kept(tmp_path: Path) -> None:
    data = zipped(
        (with_mode("plain", stat.S_IFREG | 0o666), b""),
        (with_mode("tool", stat.S_IFREG | 0o6755), b""),
        (with_mode("secret", stat.S_IFREG | 0o000), b""),
        ("windows", b""),
    )
    before = os.umask(0o027)
    try:
        out = unpack(tmp_path, data)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()}
    assert modes == {"plain": 0o640, "tool": 0o750, "secret": 0o640, "windows": 0o640}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.py", "leaves"),
        ("a/../../evil.py", "leaves"),
        ("/evil.py", "absolute"),
        ("C:\\evil.py", "backslash"),
        ("..\\evil.py", "backslash"),
    ],
)
def test_refuses_a_name_that_leads_elsewhere(tmp_path: Path, name: str, reason: str) -> None:
    message = refused(tmp_path, zipped(("good.py", b""), (name, b"evil")))
    assert reason in message
    assert repr(name) in message


def test_refuses_a_nul_in_a_name(tmp_path: Path) -> None:
    data = zipped(("good.pyX.txt", b"x")).replace(b"good.pyX", b"good.py\0")
    assert "control character" in refused(tmp_path, data)


def test_refuses_an_empty_name(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = ""
    assert "it is empty" in refused(tmp_path, zipped((info, b"x")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a.py", "A.py", "a.py/b"])
def test_refuses_names_that_clash(tmp_path: Path, second: str) -> None:
    assert "clashes" in refused(tmp_path, zipped(("a.py", b"1"), (second, b"2")))


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK]
)
def test_refuses_links_and_special_files(tmp_path: Path, kind: int) -> None:
    data = zipped((with_mode("x", kind | 0o777), b"/etc/passwd"))
    assert "link or a special file" in refused(tmp_path, data)


def test_refuses_kinds_that_disagree(tmp_path: Path) -> None:
    assert "a file by its name" in refused(tmp_path, zipped((with_mode("x", stat.S_IFDIR), b"")))
    assert "with content" in refused(tmp_path, zipped(("x/", b"content")))


@pytest.mark.parametrize("flag", [0x01, 0x40, 0x2000])
def test_refuses_encrypted_entries(tmp_path: Path, flag: int) -> None:
    data = bytearray(zipped(("x", b"content")))
    central = data.index(b"PK\1\2")
    struct.pack_into("<H", data, central + 8, flag)
    assert "encrypted" in refused(tmp_path, bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_refuses_other_compression(tmp_path: Path, method: int) -> None:
    info = zipfile.ZipInfo("x")
    info.compress_type = method
    assert f"method {method}" in refused(tmp_path, zipped((info, b"content")))


def test_refuses_too_many_entries(tmp_path: Path) -> None:
    data = zipped(*((f"d{n}/x", b"") for n in range(6)))
    assert "more than 10 files" in refused(tmp_path, data, Limits(entries=10))
    unpack(tmp_path, data, Limits(entries=12))


def test_refuses_a_huge_directory_before_it_is_read(tmp_path: Path) -> None:
    data = zipped(*((f"{n:0200}", b"") for n in range(400)))
    assert "directory is larger" in refused(tmp_path, data, Limits(entries=1))


def test_refuses_a_bomb_but_not_a_small_one(tmp_path: Path) -> None:
    assert "100 times" in refused(tmp_path, zipped(("zeros", bytes(2 * MIB))))
    unpack(tmp_path, zipped(("zeros", bytes(MIB))))


def test_refuses_more_bytes_than_allowed(tmp_path: Path) -> None:
    data = zipped(("a", bytes(600)), ("b", bytes(500)))
    assert "more than 1000 bytes" in refused(tmp_path, data, Limits(unpacked_bytes=1000))
    unpack(tmp_path, data, Limits(unpacked_bytes=1100))


def test_overlapping_entries_count_each_time(tmp_path: Path) -> None:
    """Many directory entries for one content: the "better zip bomb" of D. Fifield, 2019."""
    data = zipped(("a", bytes(MIB)))
    start = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    entry = data[start:end]
    many = entry + b"".join(entry[:46] + b"%c" % letter + entry[47:] for letter in b"bcd")
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 4, 4, len(many), start, 0)
    refused(tmp_path, data[:start] + many + tail)


def test_content_beyond_the_promised_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(("x", b"a" * 5000)))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", data, data.index(signature) + offset, 10)
    assert "damaged" in refused(tmp_path, bytes(data))


def test_content_short_of_the_promised_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(("x", b"a" * 5000)))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", data, data.index(signature) + offset, 6000)
    assert "1000 bytes early" in refused(tmp_path, bytes(data))


def test_a_broken_checksum_leaves_nothing(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("b")  # stored
    data = zipped(("a", b"good"), (info, b"content")).replace(b"content", b"CONTENT")
    assert "Bad CRC-32 for file 'b'" in refused(tmp_path, data)


@pytest.mark.parametrize("data", [b"", b"just text", b"PK\3\4", bytes(5000)])
def test_refuses_what_is_no_zip(tmp_path: Path, data: bytes) -> None:
    assert "x.mar is not a zip archive" in refused(tmp_path, data)


SAMPLE = zipped(("MAR-INF/MANIFEST.json", b"{}"), ("a/model.py", b"x = 1\n" * 40), ("b/", b""))


@given(st.integers(0, len(SAMPLE) - 1))
def test_a_truncated_archive_is_refused(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        refused(Path(folder), SAMPLE[:size])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), max_size=4))
def test_any_damage_is_refused_or_harmless(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for place, value in changes:
        data[place] = value
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            unpack(folder, bytes(data))
        except InvalidModelError:
            assert os.listdir(folder) == ["x.mar"]
        else:
            assert sorted(os.listdir(folder)) == ["out", "x.mar"]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """A file size limit stands in for the full disk: the same write fails, at the same place."""
    (tmp_path / "x.mar").write_bytes(zipped(("a", b"small"), ("b", bytes(64 * 1024))))
    program = (
        "import resource, sys, pathlib\n"
        "from mms_server.archive.extraction import extract\n"
        "from mms_server.archive.limits import Limits\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    extract(pathlib.Path('x.mar'), pathlib.Path('out'), Limits())\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    reason = os.strerror(errno.EFBIG)
    assert done.stdout == f"MMSError Failed to save model: x.mar: {reason}.\n"
    assert os.listdir(tmp_path) == ["x.mar"]


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with pytest.raises(MMSError, match="File exists"):
        unpack(tmp_path, SAMPLE)
    assert (tmp_path / "out" / "mine").read_text() == "kept"


def test_digest_of(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    assert digest_of(tmp_path / "x") == hashlib.sha256(b"content").hexdigest()
    with pytest.raises(MMSError, match="Failed to read model: none: No such file"):
        digest_of(tmp_path / "none")
