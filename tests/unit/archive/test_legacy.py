import pytest

from mms_server.archive.legacy import migrate
from mms_server.archive.manifest import parse_manifest
from mms_server.errors import InvalidModelError

WHOLE: dict[str, object] = {
    "Engine": {"MXNet": 0.12},
    "Model-Archive-Description": "ResNet",
    "License": "Apache 2.0",
    "Model-Archive-Version": 0.1,
    "Model-Server": 0.1,
    "Model": {
        "Parameters": "resnet-0000.params",
        "Symbol": "resnet-symbol.json",
        "Signature": "signature.json",
        "Service": "mxnet_vision_service.py",
        "Model-Name": "resnet-18",
        "Description": "residual",
        "Model-Format": "MXNet-Symbolic",
    },
    "Created-By": {"Author": "MXNet SDK team", "Author-Email": "noreply@amazon.com"},
}


def test_what_0_x_says_in_the_terms_of_1_0() -> None:
    manifest = parse_manifest(migrate(WHOLE))
    assert manifest.runtime == "python"
    assert manifest.model.model_name == "resnet-18"
    assert manifest.model.handler == "mxnet_vision_service.py"
    assert manifest.model.version == "snapshot"
    assert manifest.model.description == "residual"
    assert manifest.model.extensions == {
        "parametersFile": "resnet-0000.params",
        "symbolFile": "resnet-symbol.json",
    }
    assert manifest.engine is not None
    assert manifest.engine.engine_name == "MXNet"
    assert manifest.engine.engine_version == 0.12


@pytest.mark.parametrize("engine", [None, "MXNet", {}, {"MXNet": "0.12"}, {"Caffe": 1}])
def test_an_engine_without_a_number_is_none(engine: object) -> None:
    assert parse_manifest(migrate({**WHOLE, "Engine": engine})).engine is None


@pytest.mark.parametrize("model", [None, [], {}, {"Model-Name": "x"}, {"Service": ""}])
def test_a_service_is_needed(model: object) -> None:
    with pytest.raises(InvalidModelError) as caught:
        migrate({"Model": model})
    assert caught.value.message == "Missing Service entry in MANIFEST.json"


def test_only_a_service_is_needed() -> None:
    manifest = parse_manifest(migrate({"Model": {"Service": "s.py"}}))
    assert (manifest.model.handler, manifest.model.model_name) == ("s.py", None)
