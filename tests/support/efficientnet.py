"""EfficientNet-Lite0 in each form in which MXNet has models."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

from mms_server.zoo.building import build
from support import mxnet_side
from support.mxnet_environment import MxnetProcess

ONNX, MXNET = "efficientnet_lite0", "efficientnet_lite0_mxnet"
CHECKPOINT = "efficientnet_lite0-0000.params"

_MODELS = Path(__file__).with_name("models")
_NETWORK = _MODELS / "efficientnet_gluon.py"
_LEGACY = _MODELS / "legacy_efficientnet"
_SAVE = """
import sys
sys.path.insert(0, values[0])
from network import EfficientNet
network = EfficientNet()
network.initialize()
tensors = network.collect_params().values()
for tensor, weights in zip(tensors, mx.nd.load(values[1]).values(), strict=True):
    tensor.set_data(weights)
"""
_IMPERATIVE = f'{_SAVE}\nnetwork.save_parameters(values[0] + "/efficientnet.params")'
_HYBRID = f"""{_SAVE}
network.hybridize()
network(mx.nd.zeros((1, 3, 224, 224)))
network.export(values[0] + "/exported")
"""


def unpack(name: str, folder: Path) -> Path:
    """Build an archive of the zoo and unpack it into a folder of its name."""
    with zipfile.ZipFile(build(name, folder)) as archive:
        archive.extractall(folder / name)
    return folder / name


def save_imperative(folder: Path, checkpoint: Path, mxnet: MxnetProcess) -> Path:
    """Write a network that the archive defines, and its parameters."""
    _start(folder, checkpoint)
    mxnet.call(mxnet_side.run, _IMPERATIVE, str(folder), str(checkpoint / CHECKPOINT))
    signature = json.loads((checkpoint / "signature.json").read_text())
    signature["mxnet"] = {"network": "network:EfficientNet"}
    (folder / "signature.json").write_text(json.dumps(signature))
    return folder


def save_hybrid(folder: Path, checkpoint: Path, mxnet: MxnetProcess) -> Path:
    """Write what a hybrid network exports: no code is needed to serve it."""
    _start(folder, checkpoint)
    mxnet.call(mxnet_side.run, _HYBRID, str(folder), str(checkpoint / CHECKPOINT))
    (folder / "network.py").unlink()
    return folder


def _start(folder: Path, checkpoint: Path) -> None:
    folder.mkdir()
    shutil.copy(_NETWORK, folder / "network.py")
    for name in ("signature.json", "synset.txt"):
        shutil.copy(checkpoint / name, folder)


def save_legacy(folder: Path, checkpoint: Path) -> Path:
    """Write a model of Multi Model Server 0.x: a manifest at the root, and a service."""
    shutil.copytree(_LEGACY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in checkpoint.iterdir():
        if path.is_file() and path.name not in ("service.py", "requirements.txt"):
            shutil.copy(path, folder)
    return folder
