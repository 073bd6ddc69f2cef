"""Fetching an archive over HTTP from hosts that the policy allows.

The address that was checked is the address that is connected to: the name is resolved once, the
connection is made to the IP address, and the name goes only into the Host header and the TLS
handshake. So a name server that answers differently the second time gains nothing. Proxies of the
environment are not used: a proxy would resolve the name again.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urljoin

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError
from urllib3.response import HTTPResponse
from urllib3.util import Url, make_headers, parse_url

from mms_server.archive.addresses import is_public
from mms_server.archive.policy import FetchPolicy, redacted
from mms_server.errors import DownloadModelError, MMSError, ModelNotFoundError

_CHUNK_BYTES = 256 * 1024
_PROGRESS_BYTES = 64 * 1024 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Download:
    """What to fetch and how: `url` may end in `#sha256=HEX`, which the content must then have."""

    url: str
    policy: FetchPolicy
    limit_bytes: int
    report: Report

    @property
    def failure(self) -> str:
        """The text that MMS's clients know, with which each message begins."""
        return f"Failed to download model from: {redacted(self.url)}"


def fetch(download: Download, target: Path) -> str:
    """Save the content of a URL as the new file `target`; return its sha256 in lower-case hex.

    Blocks up to the policy's total timeout, and beyond only where one read or name look-up takes
    longer. `target` does not remain after an error. Raises ModelNotFoundError for a malformed
    URL; DownloadModelError if it has no host, the policy refuses it, the server fails, or the
    content is too large or has another digest; MMSError if it cannot be saved.
    """
    url = _parsed(download.url)
    expected = _expected_digest(url, download.url)
    deadline = time.monotonic() + download.policy.total_timeout_s
    try:
        with _mapped_errors(download), _response(download, url) as response:
            digest = _save(download, response, target, deadline)
        if expected not in (None, digest):
            raise DownloadModelError(
                f"{download.failure}, its sha256 is {digest}, expected was {expected}."
            )
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return digest


@contextmanager
def _mapped_errors(download: Download) -> Iterator[None]:
    """Map what the network raises. The reason goes to the log: clients compare the message.

    UnicodeError is how the resolver refuses a name like `a..b`.
    """
    try:
        yield
    except (HTTPError, HTTPException, OSError, UnicodeError) as error:
        # urllib3 words every timeout of a read alike, also the deadline's: its cause says which.
        cause = error.__cause__ if isinstance(error, ReadTimeoutError) else None
        download.report(f"{download.failure}: {cause or error}")
        raise DownloadModelError(download.failure) from error


def _parsed(text: str) -> Url:
    try:
        url = parse_url(text)
    except LocationParseError as error:
        raise (_hostless(text) if " " in text else _malformed(text)) from error
    if url.scheme not in _PORTS or url.port == 0:
        raise _malformed(text)
    if not url.host:
        raise _hostless(text)
    return url


def _hostless(text: str) -> DownloadModelError:
    """Refuse what Java's `URL` takes for well formed, and cannot connect to."""
    return DownloadModelError(f"Failed to download model from: {redacted(text)}")


def _malformed(text: str) -> ModelNotFoundError:
    return ModelNotFoundError(f"Invalid model url: {redacted(text)}")


def _expected_digest(url: Url, text: str) -> str | None:
    # Any other fragment is refused: `#sha512=...` passed over in silence would look verified.
    if not url.fragment:
        return None
    match = re.fullmatch(r"sha256=([0-9a-f]{64})", url.fragment, re.IGNORECASE)
    if match is None:
        raise _malformed(text)
    return match[1].lower()


@contextmanager
def _response(download: Download, url: Url) -> Iterator[HTTPResponse]:
    """Follow redirects, each hop checked like the first, to an answer of status 200."""
    for _ in range(download.policy.redirects + 1):
        with closing(_connected(download, url)) as connection:
            response = _ask(connection, url)
            if response.status == 200:
                yield response
                return
            url = _next_hop(download, url, response)
    raise DownloadModelError(
        f"{download.failure}, more than {download.policy.redirects} redirects."
    )


def _ask(connection: HTTPConnection, url: Url) -> HTTPResponse:
    headers = {"Host": url.netloc or "", "Accept-Encoding": "identity", "User-Agent": "mms-server"}
    if url.auth:  # of this hop's own URL, so it never follows a redirect to somebody else
        headers |= make_headers(basic_auth=unquote(url.auth))
    connection.request(
        "GET", url.request_uri, headers=headers, preload_content=False, decode_content=False
    )
    return connection.getresponse()


def _next_hop(download: Download, url: Url, response: HTTPResponse) -> Url:
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or not location:
        raise DownloadModelError(f"{download.failure}, code: {response.status}")
    try:
        following = _parsed(urljoin(url.url, location))
    except (ModelNotFoundError, DownloadModelError, ValueError) as error:
        raise DownloadModelError(f"{download.failure}, redirected to no valid URL.") from error
    if url.scheme == "https" and following.scheme != "https":
        raise DownloadModelError(f"{download.failure}, redirected from https to http.")
    download.report(f"redirected to {redacted(following.url)}")
    return following


def _connected(download: Download, url: Url) -> HTTPConnection:
    """Connect to the first of the host's addresses that answers; all of them must be allowed."""
    failure: Exception = OSError("the host has no address")
    for address in _allowed_addresses(download, url):
        connection = _connection(url, address, download.policy.connect_timeout_s)
        try:
            connection.connect()
        except (HTTPError, OSError) as error:
            connection.close()
            failure = error
            continue
        connection.timeout = download.policy.read_timeout_s
        return connection
    raise failure


def _connection(url: Url, address: str, timeout_s: float) -> HTTPConnection:
    port = url.port or _PORTS[url.scheme or ""]
    if url.scheme == "http":
        return HTTPConnection(address, port, timeout=timeout_s)
    return HTTPSConnection(
        address,
        port,
        timeout=timeout_s,
        server_hostname=_bare_host(url),
        ssl_context=ssl.create_default_context(),
    )


def _allowed_addresses(download: Download, url: Url) -> list[str]:
    # A URL that no pattern lists is refused before its name is looked up: a look-up tells the
    # name's owner that we are here.
    is_listed = download.policy.lists(url._replace(auth=None, fragment=None).url)
    if download.policy.allowed_urls and not is_listed:
        raise _refused(download, url, "no pattern of allowed_urls matches it")
    infos = socket.getaddrinfo(_bare_host(url), url.port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in infos]
    if not is_listed and not all(is_public(address) for address in addresses):
        raise _refused(download, url, "its host has an address that is not public")
    return addresses


def _refused(download: Download, url: Url, rule: str) -> DownloadModelError:
    return DownloadModelError(
        f"{download.failure}, {redacted(url.url)} is refused because {rule}; "
        "the operator may list it in allowed_urls."
    )


def _bare_host(url: Url) -> str:
    return (url.host or "").strip("[]")


def _save(download: Download, response: HTTPResponse, target: Path, deadline: float) -> str:
    digest = hashlib.sha256()
    size_bytes = 0
    with _File(target) as file:
        # read1 returns what one read of the socket gave: a dripping server meets the deadline.
        while chunk := response.read1(_CHUNK_BYTES):
            before_bytes, size_bytes = size_bytes, size_bytes + len(chunk)
            if size_bytes > download.limit_bytes:
                raise DownloadModelError(
                    f"{download.failure}, it is larger than {download.limit_bytes} bytes."
                )
            if time.monotonic() > deadline:
                raise TimeoutError(f"not complete after {download.policy.total_timeout_s} s")
            digest.update(chunk)
            file.write(chunk)
            if before_bytes // _PROGRESS_BYTES != size_bytes // _PROGRESS_BYTES:
                download.report(_progress(size_bytes, response))
    return digest.hexdigest()


def _progress(size_bytes: int, response: HTTPResponse) -> str:
    total = response.headers.get("Content-Length", "unknown")
    return f"fetched {size_bytes} of {total} bytes"


class _File:
    """A new file whose errors are about saving, not about the network."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _File:
        with self._mapped_errors():
            self._file = self._path.open("xb")
        return self

    def __exit__(self, *_: object) -> None:
        with self._mapped_errors():
            self._file.close()

    def write(self, chunk: bytes) -> None:
        with self._mapped_errors():
            self._file.write(chunk)

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MMSError(f"Failed to save model: {self._path.name}: {error.strerror}.") from error
