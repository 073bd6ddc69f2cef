"""Takes two seconds to load."""

import time

time.sleep(2)


def handle(data, context):
    if data is None:
        return None
    return ["OK"] * len(data)
