"""Pictures to try models on: in the public domain, from the scikit-image wheel."""

from __future__ import annotations

from pathlib import Path

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
}
"""By name: Chelsea the cat by Stefan van der Walt, a cup of coffee by Rachel Michetti; both CC0."""


def save(name: str, destination: Path) -> Path:
    """Put a picture into a folder as `<name>.png`; returns its path. Blocks, may use the network.

    Raises BadRequestError for an unknown name, DownloadModelError, and MMSError if the file
    cannot be written.
    """
    if name not in SAMPLES:
        raise BadRequestError(f"There is no sample {name}; there are {', '.join(sorted(SAMPLES))}.")
    target = destination / f"{name}.png"
    write_atomically(target, read_file(SAMPLES[name]))
    return target
