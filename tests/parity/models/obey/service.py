"""Does to its first answer what the JSON object of the request asks."""

import os
import signal

from mms.service import PredictionException


def handle(data, context):
    if data is None:
        return None
    order = data[0]["body"]
    if "status" in order:
        context.set_response_status(*order["status"])
    if "type" in order:
        context.set_response_content_type(0, order["type"])
    if "header" in order:
        context.set_response_header(0, "x-obeyed", order["header"])
    if "raise" in order:
        raise PredictionException(*order["raise"])
    if "signal" in order:
        os.kill(os.getpid(), signal.Signals[order["signal"]])
    if "exit" in order:
        os._exit(order["exit"])
    return [{1, 2}] if "set" in order else ["OK"] * order.get("answers", len(data))
