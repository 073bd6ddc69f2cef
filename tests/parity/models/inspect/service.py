"""Answers with the inputs and the request's header fields, as the handler sees them."""

import json


def handle(data, context):
    if data is None:
        return None
    answers = []
    for place, inputs in enumerate(data):
        context.set_response_content_type(place, "application/json")
        fields = context.get_all_request_header(place)
        answers.append(
            {
                "inputs": [
                    [name, type(value).__name__, _show(value)] for name, value in inputs.items()
                ],
                "headers": [[name, _show(value)] for name, value in sorted(fields.items())],
            }
        )
    return answers


def _show(value):
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
