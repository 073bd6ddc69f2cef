"""Takes a little over a second for each call."""

import time


def handle(data, context):
    if data is None:
        return None
    time.sleep(1.2)
    return ["OK"] * len(data)
