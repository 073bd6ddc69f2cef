"""A service as they were written for Multi Model Server 0.x."""

# mypy: ignore-errors
# ruff: noqa
from mms.model_service.mxnet_vision_service import MXNetVisionService
from mms.utils.mxnet import image, ndarray


class EfficientNetService(MXNetVisionService):
    def _preprocess(self, data):
        pictures = super(EfficientNetService, self)._preprocess(data)
        return [(picture.astype("float32") - 127) / 128 for picture in pictures]

    def _postprocess(self, data):
        return [
            [dict(each, **{"class": each["class"].split(" ", 1)[1]}) for each in answer]
            for answer in super(EfficientNetService, self)._postprocess(data)
        ]
