"""A model without a manifest."""

import json


def handle(data, context):
    return data and [json.dumps([context.model_name, context.manifest])] * len(data)
