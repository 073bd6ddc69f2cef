"""The signatures of docs/mxnet.md are understood, by MXNet itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support import mxnet_side
from support.efficientnet import MXNET, save_imperative, unpack
from support.mxnet_environment import TIMEOUT_S, MxnetProcess, mxnet_process, open_environment

pytestmark = pytest.mark.timeout(TIMEOUT_S)

PAGE = Path(__file__).parents[2] / "docs" / "mxnet.md"
CHECKPOINT, NETWORK = re.findall(
    r"^```json\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
)


@pytest.fixture(scope="module")
def mxnet() -> Iterator[MxnetProcess]:
    with mxnet_process(open_environment()) as process:
        yield process


def best_class(folder: Path, mxnet: MxnetProcess) -> str:
    mxnet.call(mxnet_side.load, str(folder), "mms.handlers.mxnet_classifier")
    ((_, body),) = mxnet.call(mxnet_side.predict, {"body": read_file(SAMPLES["cat"])})
    name: str = json.loads(body)[0]["class"]
    return name


def test_a_checkpoint_is_signed_as_the_page_says(tmp_path: Path, mxnet: MxnetProcess) -> None:
    folder = unpack(MXNET, tmp_path)
    (folder / "efficientnet_lite0-symbol.json").rename(folder / "cats-symbol.json")
    (folder / "efficientnet_lite0-0000.params").rename(folder / "cats-0012.params")
    (folder / "signature.json").write_text(CHECKPOINT)
    assert best_class(folder, mxnet) == "Egyptian cat"


def test_a_network_is_signed_as_the_page_says(tmp_path: Path, mxnet: MxnetProcess) -> None:
    folder = save_imperative(tmp_path / "network", unpack(MXNET, tmp_path), mxnet)
    preparation = {"preprocess": json.loads(CHECKPOINT)["preprocess"]}
    (folder / "signature.json").write_text(json.dumps({**json.loads(NETWORK), **preparation}))
    assert best_class(folder, mxnet) == "Egyptian cat"
