"""Pictures and sounds to try models on, from PyPI wheels."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from mms_server.errors import BadRequestError
from mms_server.zoo.cache import write_atomically
from mms_server.zoo.wheels import WheelFile, read_file

_SCIKIT_IMAGE = ("scikit-image", "0.26.0")

SAMPLES = {
    "cat": WheelFile(
        *_SCIKIT_IMAGE,
        "skimage/data/chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    ),
    "coffee": WheelFile(
        *_SCIKIT_IMAGE,
        "skimage/data/coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    ),
    "page": WheelFile(
        *_SCIKIT_IMAGE,
        "skimage/data/page.png",
        "341a6f0a61557662b02734a9b6e56ec33a915b2c41886b97509dedf2a43b47a3",
    ),
    "speech": WheelFile(
        "pyannote-audio",
        "4.0.7",
        "pyannote/audio/sample/sample.wav",
        "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
    ),
}
"""By name: Chelsea the cat by Stefan van der Walt, a cup of coffee by Rachel Michetti, a page of
scikit-image's own documentation; all CC0. Two people on the telephone, by way of pyannote.audio
(MIT), which says who speaks when.
"""


def file_name(name: str) -> str:
    """Name the file that a sample is saved as."""
    return f"{name}{PurePosixPath(SAMPLES[name].member).suffix}"


def save(name: str, destination: Path) -> Path:
    """Put a sample into a folder, called as `file_name` says; returns its path.

    Blocks, may use the network.

    Raises BadRequestError for an unknown name, DownloadModelError, and MMSError if the file
    cannot be written.
    """
    if name not in SAMPLES:
        raise BadRequestError(f"There is no sample {name}; there are {', '.join(sorted(SAMPLES))}.")
    target = destination / file_name(name)
    write_atomically(target, read_file(SAMPLES[name]))
    return target
