"""Runs the body of a batch's first request: the case says what the handler does.

A script finds `data` and `context`, `loaded` as the first call saw its context, and the modules
that it may need; it leaves what the handler returns in `answer`.
"""

import json
import logging
import os
import sys

from mms.context import Context, RequestProcessor
from mms.metrics.dimension import Dimension
from mms.service import PredictionException

loaded = {}


def handle(data, context):
    if data is None:
        loaded["request_ids"] = context.request_ids
        loaded["request_processor"] = context.request_processor
        loaded["metrics"] = type(context.metrics).__name__
        print("printed at load")
        context.metrics.add_counter("AtLoad", 1)
        return None
    names = dict(globals(), data=data, context=context)
    exec(bytes(data[0]["body"]).decode(), names)
    return names["answer"]
