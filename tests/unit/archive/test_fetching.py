import errno
import hashlib
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from mms_server.archive.fetching import Download, fetch
from mms_server.archive.policy import FetchPolicy
from mms_server.errors import DownloadModelError, MMSError, ModelNotFoundError

from .conftest import WebServer

ANY = FetchPolicy(allowed_urls=(".*",), read_timeout_s=20)
BODY = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(BODY).hexdigest()


def get(
    url: str, folder: Path, policy: FetchPolicy = ANY, limit_bytes: int = 2**20
) -> tuple[str, list[str]]:
    lines: list[str] = []
    digest = fetch(Download(url, policy, limit_bytes, lines.append), folder / "x.part")
    return digest, lines


def refused(url: str, folder: Path, policy: FetchPolicy = ANY, limit_bytes: int = 2**20) -> str:
    """Fetch what must fail; return the message after making sure that nothing is left."""
    with pytest.raises(DownloadModelError) as caught:
        get(url, folder, policy, limit_bytes)
    assert os.listdir(folder) == []
    return caught.value.message


def test_saves_the_content_and_tells_its_digest(web: WebServer, tmp_path: Path) -> None:
    digest, _ = get(web.serve("/m.mar?v=1", BODY), tmp_path)
    assert digest == DIGEST
    assert (tmp_path / "x.part").read_bytes() == BODY
    head = web.requests[0].decode()
    assert head.startswith("GET /m.mar?v=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{web.port}\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


def test_reads_chunks_and_bodies_without_length(web: WebServer, tmp_path: Path) -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert get(web.write("/a", chunked), tmp_path)[0] == hashlib.sha256(b"abcde").hexdigest()
    (tmp_path / "x.part").unlink()
    unsized = b"HTTP/1.0 200 OK\r\n\r\nabcde"
    assert get(web.write("/b", unsized), tmp_path)[0] == hashlib.sha256(b"abcde").hexdigest()


def test_content_is_taken_as_it_comes(web: WebServer, tmp_path: Path) -> None:
    url = web.write(
        "/a", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nraw!"
    )
    get(url, tmp_path)
    assert (tmp_path / "x.part").read_bytes() == b"raw!"


def test_reports_progress(web: WebServer, tmp_path: Path) -> None:
    size = 65 * 2**20
    url = web.serve("/big", bytes(size))
    _, lines = get(url, tmp_path, limit_bytes=size)
    assert len(lines) == 1
    assert lines[0].startswith("fetched ")
    assert lines[0].endswith(f" of {size} bytes")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:aaaa",
        "http://localhost:99999/x",
        "http://localhost:0/x",
        "http://[::1/x",
        "http://h/x.mar#sha256=12",
        "http://h/x.mar#sha512=12",
    ],
)
def test_a_malformed_url_is_no_model(tmp_path: Path, url: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        get(url, tmp_path)
    assert caught.value.message == f"Invalid model url: {url}"


@pytest.mark.parametrize("url", ["http://", "http:///x.mar", "http://no host/x.mar"])
def test_a_url_without_a_host_fails_like_one_that_is_not_there(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadModelError) as caught:
        get(url, tmp_path)
    assert caught.value.message == f"Failed to download model from: {url}"


def test_credentials_are_sent_and_never_shown(web: WebServer, tmp_path: Path) -> None:
    web.serve("/m", b"x")
    get(web.url("/m", host="me:s%40cret@127.0.0.1"), tmp_path)
    assert b"authorization: Basic bWU6c0BjcmV0\r\n" in web.requests[0]
    (tmp_path / "x.part").unlink()
    web.write("/no", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    message = refused(web.url("/no", host="me:s%40cret@127.0.0.1"), tmp_path)
    assert message == (
        f"Failed to download model from: http://***@127.0.0.1:{web.port}/no, code: 403"
    )
    with pytest.raises(ModelNotFoundError) as caught:
        get("http://me:secret@h:aaaa", tmp_path)
    assert "secret" not in caught.value.message


def test_credentials_do_not_follow_a_redirect(web: WebServer, tmp_path: Path) -> None:
    web.redirect("/a", web.serve("/b", b"x"))
    get(web.url("/a", host="me:secret@127.0.0.1"), tmp_path)
    assert b"authorization" in web.requests[0]
    assert b"authorization" not in web.requests[1]


@pytest.mark.parametrize("code", [204, 206, 304, 404, 500])
def test_other_statuses_are_told(web: WebServer, tmp_path: Path, code: int) -> None:
    url = web.write("/m", b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % code)
    assert refused(url, tmp_path) == f"Failed to download model from: {url}, code: {code}"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/fake.mar"
    assert refused(url, tmp_path) == f"Failed to download model from: {url}"


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 70])
def test_a_name_that_does_not_resolve(tmp_path: Path, host: str) -> None:
    assert refused(f"http://{host}/x", tmp_path).startswith("Failed to download model from: ")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
    ],
)
def test_a_broken_answer_is_a_failure(web: WebServer, tmp_path: Path, answer: bytes) -> None:
    url = web.write("/m", answer)
    assert refused(url, tmp_path) == f"Failed to download model from: {url}"


@pytest.mark.parametrize(
    "head", [b"Content-Length: 1001\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3E9\r\n"]
)
def test_more_than_the_limit_is_refused(web: WebServer, tmp_path: Path, head: bytes) -> None:
    url = web.write("/m", b"HTTP/1.1 200 OK\r\n" + head + bytes(1001) + b"\r\n0\r\n\r\n")
    assert refused(url, tmp_path, limit_bytes=1000).endswith("it is larger than 1000 bytes.")


def test_a_silent_server_meets_the_read_timeout(web: WebServer, tmp_path: Path) -> None:
    def wait(_: bytes, connection: socket.socket) -> None:
        web.released.wait()

    web.answers["/m"] = wait
    policy = FetchPolicy(allowed_urls=(".*",), connect_timeout_s=600, read_timeout_s=0.05)
    assert refused(web.url("/m"), tmp_path, policy).startswith("Failed to download")


def test_a_dripping_server_meets_the_total_timeout(web: WebServer, tmp_path: Path) -> None:
    def drip(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not web.released.wait(0.01):
            connection.sendall(b"x")

    web.answers["/m"] = drip
    policy = FetchPolicy(allowed_urls=(".*",), total_timeout_s=0.2)
    lines: list[str] = []
    with pytest.raises(DownloadModelError):
        fetch(Download(web.url("/m"), policy, 2**20, lines.append), tmp_path / "x.part")
    assert "not complete after 0.2 s" in lines[-1]


def test_the_digest_in_the_url_is_checked(web: WebServer, tmp_path: Path) -> None:
    url = web.serve("/m", BODY)
    assert get(f"{url}#sha256={DIGEST.upper()}", tmp_path)[0] == DIGEST
    assert b"sha256" not in web.requests[0]
    (tmp_path / "x.part").unlink()
    wrong = "0" * 64
    message = refused(f"{url}#sha256={wrong}", tmp_path)
    assert message.endswith(f"its sha256 is {DIGEST}, expected was {wrong}.")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"],
)
def test_addresses_that_are_not_public_are_refused(
    web: WebServer, tmp_path: Path, host: str
) -> None:
    web.serve("/m", BODY)
    message = refused(web.url("/m", host=host), tmp_path, FetchPolicy())
    assert "its host has an address that is not public" in message
    assert "allowed_urls" in message
    assert web.requests == []


def test_one_private_address_among_public_ones_is_enough(
    tmp_path: Path, names: dict[str, list[str]]
) -> None:
    names["mixed.example"] = ["8.8.8.8", "10.0.0.1"]
    assert "not public" in refused("http://mixed.example/x", tmp_path, FetchPolicy())


def test_what_no_pattern_lists_is_refused_without_a_look_up(
    tmp_path: Path, names: dict[str, list[str]]
) -> None:
    policy = FetchPolicy(allowed_urls=(r"http://good\.example/.*",))
    for url in ("http://evil.example/", "http://good.example@evil.example/", "https://8.8.8.8/"):
        assert "no pattern of allowed_urls matches it" in refused(url, tmp_path, policy)
    assert "asked" not in names


def test_a_pattern_sees_the_path_without_dots(web: WebServer, tmp_path: Path) -> None:
    url = web.url("/models/../secret")
    policy = FetchPolicy(allowed_urls=(r"http://127\.0\.0\.1:\d+/models/.*",))
    assert "no pattern" in refused(url, tmp_path, policy)


def test_every_hop_is_checked(web: WebServer, tmp_path: Path) -> None:
    secret = web.serve("/secret", BODY)
    url = web.redirect("/models/m", secret)
    policy = FetchPolicy(allowed_urls=(r"http://127\.0\.0\.1:\d+/models/.*",))
    message = refused(url, tmp_path, policy)
    assert message.startswith(f"Failed to download model from: {url}, {secret} is refused")
    assert len(web.requests) == 1


def test_follows_redirects_up_to_the_limit(web: WebServer, tmp_path: Path) -> None:
    web.serve("/0", BODY)
    for n in range(1, 7):
        web.redirect(f"/{n}", f"{n - 1}")
    assert get(web.url("/5"), tmp_path)[0] == DIGEST
    (tmp_path / "x.part").unlink()
    assert refused(web.url("/6"), tmp_path).endswith("more than 5 redirects.")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://h/x", "http://h:aaaa/", "//[x/"])
def test_redirects_elsewhere_are_refused(web: WebServer, tmp_path: Path, target: str) -> None:
    assert refused(web.redirect("/m", target), tmp_path).endswith("redirected to no valid URL.")


def test_a_target_that_cannot_be_written_is_not_the_networks_fault(
    web: WebServer, tmp_path: Path
) -> None:
    url = web.serve("/m", BODY)
    lines: list[str] = []
    with pytest.raises(MMSError) as caught:
        fetch(Download(url, ANY, 2**20, lines.append), tmp_path / "none" / "x.part")
    assert caught.value.message == f"Failed to save model: x.part: {os.strerror(errno.ENOENT)}."


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A name server: each name in it is answered once, and never again."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: Any, *args: Any, **options: Any) -> Any:
        if not host.endswith(".example"):
            return real(host, port, *args, **options)
        table.setdefault("asked", []).append(host)
        found = []
        for address in table.pop(host):
            found += real(address, port, *args, **options)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


def test_connects_to_the_address_that_was_checked(
    web: WebServer, tmp_path: Path, names: dict[str, list[str]]
) -> None:
    names["models.example"] = ["127.0.0.1"]
    web.serve("/m", BODY)
    assert get(web.url("/m", host="models.example"), tmp_path)[0] == DIGEST
    assert names["asked"] == ["models.example"]
    assert f"Host: models.example:{web.port}\r\n".encode() in web.requests[0]


def test_tries_the_next_address(
    web: WebServer, tmp_path: Path, names: dict[str, list[str]]
) -> None:
    names["models.example"] = ["127.0.0.2", "127.0.0.1"]
    web.serve("/m", BODY)
    assert get(web.url("/m", host="models.example"), tmp_path)[0] == DIGEST


@pytest.fixture
def secure(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WebServer]:
    """A TLS server that calls itself models.example, and is trusted."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "cert.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("models.example").configure_cert(context)
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "cert.pem"))
    server = WebServer(context)
    yield server
    server.close()


def test_tls_is_verified_against_the_name(
    secure: WebServer, tmp_path: Path, names: dict[str, list[str]]
) -> None:
    names.update({"models.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    secure.serve("/m", BODY)
    assert get(secure.url("/m", host="models.example"), tmp_path)[0] == DIGEST
    (tmp_path / "x.part").unlink()
    refused(secure.url("/m", host="other.example"), tmp_path)
    refused(secure.url("/m"), tmp_path)
    assert len(secure.requests) == 1


def test_no_redirect_from_tls_to_plain_text(
    secure: WebServer, tmp_path: Path, names: dict[str, list[str]]
) -> None:
    names["models.example"] = ["127.0.0.1"]
    secure.redirect("/m", "http://models.example/m")
    message = refused(secure.url("/m", host="models.example"), tmp_path)
    assert message.endswith("redirected from https to http.")
