"""A handler in a folder: which of two helpers does it see, and does it see the model's folder?"""

import os

import helper
import lower


def handle(data, context):
    return data and [
        "%s, %s, in %s" % (helper.NAME, lower.NAME, os.path.basename(os.getcwd()))
    ] * len(data)
