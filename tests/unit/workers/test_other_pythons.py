"""Workers on the oldest and on the newest Python that a model may bring."""

from __future__ import annotations

import json
import sys

import pytest

from mms_server.serving.job import HandlerError
from support.interpreters import NEWEST, OLDEST, interpreter
from support.workshop import Workshop

HANDLER = """
import sys
from mms.service import PredictionException

def handle(data, context):
    if data is None:
        return None
    context.metrics.add_counter("Seen", len(data))
    body = data[0]["body"]
    if body == b"refuse":
        raise PredictionException("no", 418)
    if body == b"fail":
        raise ValueError("broken")
    context.set_response_content_type(0, "application/json")
    return [{
        "python": "%d.%d" % sys.version_info[:2],
        "path": sys.path,
        "server": sorted(name for name in sys.modules if name.startswith("mms_server")),
        "body": bytes(body).decode(),
    }]
"""


@pytest.mark.parametrize("preload", [False, True])
@pytest.mark.parametrize("release", [OLDEST, NEWEST])
async def test_a_worker_on_another_python(
    workshop: Workshop, release: str, *, preload: bool
) -> None:
    served = workshop.serve(HANDLER, runtime=interpreter(release), preload=preload)
    await served.scale(2)
    seen = json.loads(await served.predict(b"hello"))
    assert seen["python"] == release
    assert seen["body"] == "hello"
    assert seen["server"] == []
    own = set(sys.path) - {""}
    assert not own & set(seen["path"]), "nothing of the server's interpreter is on the path"
    with pytest.raises(HandlerError, match="no") as refused:
        await served.predict(b"refuse")
    assert refused.value.status == 418
    with pytest.raises(HandlerError):
        await served.predict(b"fail")
    assert json.loads(await served.predict(b"again"))["body"] == "again"


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
async def test_what_fails_to_load_on_another_python_says_why(
    workshop: Workshop, release: str
) -> None:
    served = workshop.serve("import nothing_of_the_kind", runtime=interpreter(release))
    with pytest.raises(Exception, match=f"nothing_of_the_kind.*Python {release}"):
        await served.scale(1)
