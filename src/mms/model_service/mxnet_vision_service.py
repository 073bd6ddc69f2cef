"""Classifies pictures with a checkpoint, as Multi Model Server 0.4 does."""

from __future__ import annotations

from typing import Any

from mms.model_service.mxnet_model_service import MXNetBaseService
from mms.utils.mxnet import image, ndarray


class MXNetVisionService(MXNetBaseService):
    """Answers the five most probable classes of a picture.

    The picture is stretched to the signature's height and width, its layout NCHW, its pixels from
    0 to 255. The classes are the lines of `synset.txt`.
    """

    def _preprocess(self, data: Any) -> Any:
        arrays = []
        for content, each in zip(data, self.signature["inputs"]):
            height, width = each["data_shape"][2:]
            picture = image.resize(image.read_request(content), width, height)
            arrays.append(image.transform_shape(picture))
        return arrays

    def _postprocess(self, data: Any) -> Any:
        return ndarray.top_classes(self, data)
