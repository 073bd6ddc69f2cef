"""Takes a second and a half for each call."""

import time


def handle(data, context):
    if data is None:
        return None
    time.sleep(1.5)
    return ["OK"] * len(data)
