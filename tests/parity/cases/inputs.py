"""From a request to what the handler is given: inputs, their types, header fields."""

from __future__ import annotations

from parity.case import Departure, ask, raw
from parity.cases.inference import FORM, SMALL, URLENCODED, case, form, part, post

_FIELD = 'form-data; name="data"'
_FILE = 'form-data; name="data"; filename="a.txt"'
_INSPECT = b"POST /predictions/inspect HTTP/1.1\r\nHost: localhost\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"

_UNDECODABLE = Departure("undecodable-input", status=400, holds="is labelled", connection="closed")
_ESCAPE = Departure("malformed-input", status=400, holds="percent-escape", connection="closed")
_MULTIPART = Departure(
    "malformed-input", status=400, holds="Malformed multipart body", connection="closed"
)
_CONTINUE_OMITTED = Departure("strict-http", status=200)

CASES = [
    case(
        "bodies",
        "3.3:6 3.4:1 3.4:2 3.4:3 3.4:4 12.2:14",
        post("inspect", b"raw"),
        post("inspect", b"\x00\xff", "application/octet-stream"),
        post("inspect", "é".encode(), "text/plain"),
        post("inspect", "é".encode(), "text/plain; charset=latin-1"),
        post("inspect", b'{"a": [1, null]}', "application/json"),
        post("inspect", b'[1, "x"]', "application/json; charset=utf-8"),
        post("inspect", b'"x"', "application/json ;x=y"),
        post("inspect", b"NaN", "application/json"),
        post("inspect", b'{"a": 1, "a": 2}', "application/json"),
        post("inspect", b"\xef\xbb\xbf{}", "application/json"),
        at6=Departure("media-types", status=200, holds='"str"'),
        at9=_UNDECODABLE,
    ),
    case(
        "no-body",
        "3.3:7 B:25",
        ask("GET", "/predictions/inspect"),
        post("inspect", b""),
        post("inspect", b"", "text/plain"),
        ask("GET", "/predictions/inspect", content_type="application/octet-stream"),
    ),
    case(
        "letter-case-of-types",
        "B:26",
        post("inspect", b"{}", "Application/JSON"),
        post("inspect", b"x", "TEXT/plain"),
        post("inspect", b"x", "textual"),
        post("inspect", b"x", "text"),
        post("inspect", b"a=1", "Application/X-WWW-Form-URLencoded"),
        post("inspect", b"{}", "application/jsonl"),
        post("inspect", b"x", "nonsense"),
        post("inspect", b"x", ";"),
    ),
    case(
        "undecodable",
        "3.4:5",
        post("inspect", b"{", "application/json"),
        post("inspect", b"", "application/json"),
        post("inspect", b"\xff", "text/plain"),
        post("inspect", b"\xff", "application/json"),
        ask("GET", "/predictions/inspect", content_type="application/json"),
        post("inspect", b"alive"),
        at0=_UNDECODABLE,
        at1=_UNDECODABLE,
        at2=_UNDECODABLE,
        at3=_UNDECODABLE,
        at4=_UNDECODABLE,
    ),
    case(
        "raw-bytes",
        "3.4:6 12.2:14",
        post("inspect", b'{"a": 1}', "application/json"),
        post("inspect", b"x", "text/plain"),
        post("inspect", b"{", "application/json"),
        post("inspect", form(part(_FILE, b"{}", "Content-Type: application/json")), FORM),
        setup=SMALL,
    ),
    case(
        "query",
        "3.3:1 3.3:2 3.3:3",
        post("inspect", b"b", query="?a=1"),
        ask("POST", "/invocations?model_name=inspect&a=1", b"b"),
        ask("POST", "/models/inspect/invoke?a=1&a=2&c=%C3%A9+x%2B", b"b"),
        ask("POST", "/inspect/predict?a=1", b"b"),
        ask("GET", "/inspect/predict?flag&=empty&x=&&y==1;z=2"),
        ask("POST", "/inspect/predict?body=query", b"b"),
        ask("GET", "/inspect/predict?body=query"),
        ask("GET", "/inspect/predict?"),
        ask("GET", "/inspect/predict?a=%ff"),
        ask("GET", "/inspect/predict?a=%zz"),
        ask("GET", "/inspect/predict?a=%4"),
        at8=Departure("octets-kept", status=200, holds="xff"),
        at9=_ESCAPE,
        at10=_ESCAPE,
    ),
    case(
        "urlencoded",
        "3.3:5 3.3:8 B:26 12.2:10",
        post("inspect", b"data=test", URLENCODED),
        post("inspect", b"a=1&b=%C3%A9+x&a=2", URLENCODED + "; charset=utf-8"),
        post("inspect", b"alone", URLENCODED),
        post("inspect", b"a=1&alone&b=", URLENCODED),
        post("inspect", b"", URLENCODED),
        post("inspect", b"=x&y==z", URLENCODED),
        post("inspect", b"a=1\r\nb=2", URLENCODED),
        post("inspect", b"a=1;b=2", URLENCODED),
        post("inspect", b"a=%zz", URLENCODED),
        post("inspect", b"a=%ff", URLENCODED),
        ask("POST", "/inspect/predict?a=query&b=query", b"a=form", content_type=URLENCODED),
        ask("GET", "/predictions/inspect", content_type=URLENCODED),
        at5=Departure("malformed-input", status=400, holds="without a name", connection="closed"),
        at8=_ESCAPE,
        at9=Departure("octets-kept", status=200, holds="xff"),
    ),
    case(
        "multipart",
        "3.3:4 3.3:8 B:26",
        post("inspect", form(part(_FIELD, b"test")), FORM),
        post("inspect", form(part(_FILE, b"test")), FORM),
        post("inspect", form(part(_FILE, b"x", "Content-Type: text/plain")), FORM),
        post("inspect", form(part(_FILE, b'{"a":1}', "Content-Type: application/json")), FORM),
        post("inspect", form(part(_FIELD, b'{"a":1}', "Content-Type: application/json")), FORM),
        post("inspect", form(part(_FIELD, b"1"), part(_FIELD, b"2")), FORM),
        post("inspect", form(part(_FIELD, b"1"), part('form-data; name="b"', b"\r\n2")), FORM),
        post("inspect", form(part("form-data; name=plain", b"1")), FORM),
        post("inspect", form(part('form-data; name="a"; filename=""', b"1")), FORM),
        post("inspect", form(part(_FIELD, b"")), FORM),
        post("inspect", form(part(_FILE, b"")), FORM),
        post("inspect", form(part('form-data; name="é"', b"1")), FORM),
        post(
            "inspect",
            form(part(_FILE, b"x", "Content-Type: text/plain; charset=utf-8")),
            'Multipart/Form-Data; boundary="cut"',
        ),
        ask(
            "POST",
            "/inspect/predict?data=query&b=query",
            form(part(_FIELD, b"form")),
            content_type=FORM,
        ),
        at12=Departure("media-types", status=200, holds='"str"'),
    ),
    case(
        "multipart-malformed",
        "3.3:9 B:5",
        post("inspect", b"garbage", FORM),
        post("inspect", b"", FORM),
        post("inspect", b"--cut--\r\n", FORM),
        post("inspect", form(part(_FIELD, b"cut short"), end=b""), FORM),
        post("inspect", form(part(_FIELD, b"x")), "multipart/form-data"),
        post("inspect", form(b"\r\nx"), FORM),
        post("inspect", form(part("form-data", b"x")), FORM),
        post("inspect", form(part(_FIELD, b"eA==", "Content-Transfer-Encoding: base64")), FORM),
        post("inspect", form(part(_FIELD, b"x")) + b"epilogue", FORM),
        post("inspect", b"preamble\r\n" + form(part(_FIELD, b"x")), FORM),
        post("inspect", form(part("attachment; name=a", b"x")), FORM),
        post("inspect", b"alive"),
        at0=_MULTIPART,
        at1=_MULTIPART,
        at2=_MULTIPART,
        at3=_MULTIPART,
        at4=_MULTIPART,
        at5=_MULTIPART,
        at6=_MULTIPART,
        at10=_MULTIPART,
    ),
    case(
        "fields",
        "3.5:1 3.5:2 3.5:3 B:27",
        raw(
            b"POST /predictions/inspect HTTP/1.1\r\nHost: localhost\r\nX-MiXeD: Kept \r\n"
            b"x-twice: 1\r\nx-twice: 2\r\nx-case: a\r\nX-Case: b\r\nX-Empty:\r\n"
            b"X-Latin: \xe9\r\nX-Request-Id: mine\r\ncontent-length: 1\r\n\r\nx"
        ),
        raw(_INSPECT + b"body: header\r\nContent-Length: 1\r\nContent-Type: text/plain\r\n\r\nx"),
        ask("POST", "/inspect/predict?data=1", b"x", data="header"),
        ask("POST", "/predictions/inspect", b"x", accept="*/*"),
        ask("POST", "/predictions/inspect", b"x", cookie="a=b; c=d", expect="100-continue"),
        at4=_CONTINUE_OMITTED,
    ),
    case(
        "chunked",
        "3.7:18 B:25",
        raw(_INSPECT + _CHUNKED),
        raw(
            b"POST /predictions/inspect HTTP/1.1\r\nHost: localhost\r\nTrailer: X-After\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-After: 1\r\n\r\n"
        ),
    ),
]
