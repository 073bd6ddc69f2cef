"""Takes its time to load."""

import time


def handle(data, context):
    if data is None:
        time.sleep(4)
        return None
    return ["OK"] * len(data)
