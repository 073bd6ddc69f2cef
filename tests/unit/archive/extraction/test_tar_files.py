import gzip
import io
import os
import random
import stat
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError, MMSError
from support.unpacking import Unpacking

MIB = 1024 * 1024
BLOCK = 512


def entry(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar(
    *entries: tuple[tarfile.TarInfo | str, bytes],
    kind: int = tarfile.PAX_FORMAT,
    pax: Mapping[str, str] | None = None,
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind, pax_headers=pax) as archive:
        for given_entry, data in entries:
            info = entry(given_entry) if isinstance(given_entry, str) else given_entry
            info.size = info.size or len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


_unpacking = Unpacking("x.tgz")
unpack, refused = _unpacking.unpack, _unpacking.refused


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("blocks", [0, 1])
def test_unpacks_files_and_folders_of_each_format(tmp_path: Path, kind: int, blocks: int) -> None:
    big = random.Random(0).randbytes(3 * MIB + 7 * (1 - blocks))
    long = f"{'d' * 90}/{'n' * 99}"
    data = tar(
        (entry("./", type=tarfile.DIRTYPE), b""),
        ("./a/b.bin", big),
        (long, b"c"),
        ("block", bytes(BLOCK)),
        (entry("empty", type=tarfile.DIRTYPE), b""),
        kind=kind,
    )
    out = unpack(tmp_path, gzip.compress(data))
    assert (out / "a" / "b.bin").read_bytes() == big
    assert (out / long).read_bytes() == b"c"
    assert (out / "block").read_bytes() == bytes(BLOCK)
    assert (out / "empty").is_dir()


def test_an_empty_archive_is_an_empty_folder(tmp_path: Path) -> None:
    assert list(unpack(tmp_path, gzip.compress(tar())).iterdir()) == []


def test_modes_come_from_the_umask_and_exec_is_kept(tmp_path: Path) -> None:
    data = tar(
        (entry("plain", mode=0o666), b""),
        (entry("tool", mode=0o6755), b""),
        (entry("secret", mode=0), b""),
    )
    before = os.umask(0o027)
    try:
        out = unpack(tmp_path, gzip.compress(data))
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()}
    assert modes == {"plain": 0o640, "tool": 0o750, "secret": 0o640}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.py", "leaves"),
        ("a/../../evil.py", "leaves"),
        ("/evil.py", "absolute"),
        ("C:evil.py", "absolute"),
        ("..\\evil.py", "backslash"),
        ("line\nbreak", "control character"),
    ],
)
def test_refuses_a_name_that_leads_elsewhere(tmp_path: Path, name: str, reason: str) -> None:
    message = refused(tmp_path, gzip.compress(tar(("good.py", b""), (name, b"evil"))))
    assert reason in message
    assert repr(name) in message


def test_refuses_a_name_that_an_extended_header_hides(tmp_path: Path) -> None:
    data = tar((entry("good.py", pax_headers={"path": "../evil.py"}), b"x"))
    assert "leaves" in refused(tmp_path, gzip.compress(data))
    data = tar(("good.py", b"x"), pax={"path": "/etc/evil"})
    assert "absolute" in refused(tmp_path, gzip.compress(data))


@pytest.mark.parametrize("second", ["a.py", "./a.py", "A.py", "a.py/b"])
def test_refuses_names_that_clash(tmp_path: Path, second: str) -> None:
    assert "clashes" in refused(tmp_path, gzip.compress(tar(("a.py", b"1"), (second, b"2"))))


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        b"V",  # GNU tar's volume label
    ],
)
def test_refuses_links_and_special_files(tmp_path: Path, kind: bytes) -> None:
    data = tar(("a", b"1"), (entry("x", type=kind, linkname="/etc/passwd"), b""))
    assert "'x' is refused: it is a link or a special file" in refused(
        tmp_path, gzip.compress(data)
    )


def test_refuses_to_write_through_a_link(tmp_path: Path) -> None:
    data = tar((entry("d", type=tarfile.SYMTYPE, linkname=".."), b""), ("d/evil", b"x"))
    assert "link" in refused(tmp_path, gzip.compress(data))


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9999999999999"},
    ],
)
def test_refuses_sparse_files(tmp_path: Path, headers: dict[str, str]) -> None:
    content = b"1\n0\n1\n".ljust(BLOCK, b"\0") + b"x" * BLOCK
    data = tar((entry("x", pax_headers=headers), content))
    assert "it is a sparse file" in refused(tmp_path, gzip.compress(data))


def test_refuses_too_many_entries(tmp_path: Path) -> None:
    data = gzip.compress(tar(*((f"d{n}/x", b"") for n in range(6))))
    assert "more than 10 files" in refused(tmp_path, data, Limits(entries=10))
    unpack(tmp_path, data, Limits(entries=12))


def test_refuses_a_huge_header_before_it_is_read(tmp_path: Path) -> None:
    data = tar((entry("x", pax_headers={"comment": "c" * (2 * MIB)}), b""))
    assert "header of more than 1048576 bytes" in refused(tmp_path, gzip.compress(data))


def test_refuses_endless_headers(tmp_path: Path) -> None:
    header = tar((entry("x", pax_headers={"comment": "c"}), b""))[: 2 * BLOCK]
    limits = Limits(ratio=10_000)
    assert "damaged" in refused(tmp_path, gzip.compress(header * 2000), limits)


def test_refuses_a_bomb_but_not_a_small_one(tmp_path: Path) -> None:
    data = gzip.compress(tar(("zeros", bytes(2 * MIB))))
    assert "100 times" in refused(tmp_path, data)
    unpack(tmp_path, gzip.compress(tar(("zeros", bytes(MIB // 2)))))


def test_zeros_behind_the_end_count_too(tmp_path: Path) -> None:
    assert "100 times" in refused(tmp_path, gzip.compress(tar(("a", b"x")) + bytes(9 * MIB)))


def test_refuses_more_bytes_than_allowed(tmp_path: Path) -> None:
    data = tar(("a", bytes(600)), ("b", bytes(500)))
    limits = Limits(unpacked_bytes=len(data) - 1)
    assert f"more than {len(data) - 1} bytes" in refused(tmp_path, gzip.compress(data), limits)
    unpack(tmp_path, gzip.compress(data), Limits(unpacked_bytes=len(data)))


def test_content_short_of_the_promised_size_is_refused(tmp_path: Path) -> None:
    data = entry("a", size=7000).tobuf(tarfile.USTAR_FORMAT) + b"x" * 3000
    assert "4000 bytes early" in refused(tmp_path, gzip.compress(data))


@pytest.mark.parametrize("size", [-1, -BLOCK, -(10**9)])
def test_refuses_a_negative_size(tmp_path: Path, size: int) -> None:
    """The endless loop of CVE-2025-8194."""
    data = entry("a", size=size).tobuf(tarfile.GNU_FORMAT) + tar(("b", b""))
    assert "size" in refused(tmp_path, gzip.compress(data))


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE]
)
@pytest.mark.parametrize("size", [-2 * BLOCK, -(2**40)])
def test_refuses_a_header_of_negative_size(tmp_path: Path, kind: bytes, size: int) -> None:
    header = entry("a", type=kind, size=size).tobuf(tarfile.GNU_FORMAT)
    refused(tmp_path, gzip.compress(tar(("first", b""))[:BLOCK] + header + tar(("b", b""))))


def test_refuses_what_is_no_entry_in_the_middle(tmp_path: Path) -> None:
    first = entry("a").tobuf()
    assert "is no entry" in refused(tmp_path, gzip.compress(first + b"junk" * 500))
    assert "is no entry" in refused(tmp_path, gzip.compress(first + first[:100]))
    assert "is no entry" in refused(tmp_path, gzip.compress(tar(("a", b"")) + first))


@pytest.mark.parametrize("data", [b"", b"just text", bytes(100), b"x" * 5000])
def test_refuses_what_is_no_tar(tmp_path: Path, data: bytes) -> None:
    message = refused(tmp_path, gzip.compress(data))
    assert message.startswith("x.tgz is not a gzipped tar archive, or is damaged: ")


def test_a_broken_checksum_leaves_nothing(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(tar(("a", b"good"))))
    data[-8] ^= 1
    assert "CRC" in refused(tmp_path, bytes(data))


SAMPLE = gzip.compress(
    tar(("m/MAR-INF/MANIFEST.json", b"{}"), ("m/a/model.py", b"x = 1\n" * 40), ("m/b", b"\xff"))
)
PLAIN = gzip.decompress(SAMPLE)


@settings(deadline=None)
@given(st.integers(2, len(SAMPLE) - 1))
def test_a_truncated_archive_is_refused(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        refused(Path(folder), SAMPLE[:size])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(2, len(SAMPLE) - 1), st.integers(0, 255)), max_size=4))
def test_any_damage_is_refused_or_harmless(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for place, value in changes:
        data[place] = value
    check_damaged(bytes(data))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), max_size=6))
def test_any_damage_below_the_checksum_is_refused_or_harmless(
    changes: list[tuple[int, int]],
) -> None:
    data = bytearray(PLAIN)
    for place, value in changes:
        data[place] = value
        header = place - place % BLOCK  # as if it were one, with a sum that is right
        data[header + 148 : header + 156] = b" " * 8
        total = b"%06o\0 " % sum(data[header : header + BLOCK])
        data[header + 148 : header + 156] = total
    check_damaged(gzip.compress(bytes(data)))


def check_damaged(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            unpack(folder, data)
        except InvalidModelError:
            assert os.listdir(folder) == ["x.tgz"]
        else:
            assert sorted(os.listdir(folder)) == ["out", "x.tgz"]


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with pytest.raises(MMSError, match="File exists"):
        unpack(tmp_path, SAMPLE)
    assert (tmp_path / "out" / "mine").read_text() == "kept"
