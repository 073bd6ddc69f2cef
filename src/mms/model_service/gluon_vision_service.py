"""Classifies pictures with a Gluon network, as Multi Model Server 0.4 does."""

from __future__ import annotations

from typing import Any

from mms.handlers.mxnet_runtime import import_mxnet
from mms.model_service.mxnet_model_service import GluonImperativeBaseService
from mms.utils.mxnet import image, ndarray

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet, from 0 to 1, in red, green and blue: as Gluon's own models want."""


class GluonVisionService(GluonImperativeBaseService):
    """Answers the five most probable classes of a picture; the network's outputs are logits.

    The picture is stretched to the signature's height and width, its layout NCHW, its pixels
    normalized as those of ImageNet. The classes are the lines of `synset.txt`.
    """

    def _preprocess(self, data: Any) -> Any:
        mx = import_mxnet()
        mean, deviation = mx.nd.array(_MEAN), mx.nd.array(_DEVIATION)
        arrays = []
        for content, each in zip(data, self.signature["inputs"]):
            height, width = each["data_shape"][2:]
            picture = image.resize(image.read_request(content), width, height, image.BILINEAR)
            picture = image.color_normalize(picture.astype("float32") / 255, mean, deviation)
            arrays.append(image.transform_shape(picture))
        return arrays

    def _inference(self, data: Any) -> Any:
        super()._inference(data)
        return self.net(data[0].as_in_context(self.ctx)).softmax()

    def _postprocess(self, data: Any) -> Any:
        return ndarray.top_classes(self, data)
