"""How much of the machine one archive may use."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one acquisition; whoever may register a model may choose every byte of its archive.

    Attributes:
        entries: Files and folders, those that paths merely imply included. Each costs an inode,
            which runs out before the bytes do. Archives that bring their own site-packages hold
            some ten thousand.
        path_bytes: UTF-8 length of one path. Linux takes 4,096 (PATH_MAX), macOS 1,024, both
            with the folder that it lands in.
        archive_bytes: Size of a download.
        unpacked_bytes: Bytes really written, whatever the headers promise.
        ratio: Unpacked bytes for each byte of the archive. Deflate reaches 1,032 (zlib's
            "Technical Details"); weights stay below 10.
        ratio_floor_bytes: Below this `ratio` is not looked at: a short text of one repeated line
            compresses better than any weights, and harms nobody.
        cpu_s: Processor time of the helper. Inflating `unpacked_bytes` takes about 200 s.
        memory_bytes: Address space of the helper (Linux only). It reads in pieces, so it needs
            as much for 10 GiB as for 10 MiB.
    """

    entries: int = 20_000
    path_bytes: int = 768
    archive_bytes: int = 32 * _GIB
    unpacked_bytes: int = 32 * _GIB
    ratio: int = 100
    ratio_floor_bytes: int = _MIB
    cpu_s: int = 900
    memory_bytes: int = _GIB

    @property
    def directory_bytes(self) -> int:
        """Size that a zip's central directory may have: it is read into memory whole.

        An entry takes 46 bytes and its name (APPNOTE.TXT 4.3.12); 512 leaves room for long ones.
        """
        return 64 * 1024 + 512 * self.entries
