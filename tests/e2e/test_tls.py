"""A real server over TLS, with curl and Python's own client; its certificates change as it runs."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import ssl
import subprocess
import sys
from http.client import HTTPSConnection
from pathlib import Path

import pytest
import trustme

from support.running_server import RunningServer, StartServer, wait_until


def issue(folder: Path) -> Path:
    """Write a new certificate, its key and its authority; returns the authority's file."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


def settings(folder: Path, **more: str) -> dict[str, str]:
    return {
        "inference_address": "https://127.0.0.1:0",
        "management_address": "https://127.0.0.1:0",
        "certificate_file": str(folder / "certificate.pem"),
        "private_key_file": str(folder / "key.pem"),
        **more,
    }


def curl(*arguments: str) -> tuple[int, str]:
    """Run curl; returns its exit status, and the answer with its header."""
    done = subprocess.run(
        ["curl", "--silent", "--include", "--max-time", "30", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def urls(server: RunningServer) -> tuple[str, str]:
    return (
        f"https://127.0.0.1:{server.inference_port}",
        f"https://127.0.0.1:{server.management_port}",
    )


def http_connection(server: RunningServer, context: ssl.SSLContext) -> HTTPSConnection:
    return HTTPSConnection("127.0.0.1", server.inference_port, timeout=20, context=context)


def ping(connection: HTTPSConnection) -> int:
    connection.request("GET", "/ping")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def server_certificate(server: RunningServer) -> str:
    return ssl.get_server_certificate(("127.0.0.1", server.inference_port), timeout=20)


def test_both_listeners_are_served_and_checked(
    tmp_path: Path, start: StartServer, noop: str
) -> None:
    authority = str(issue(tmp_path))
    server = start(models=[noop], settings=settings(tmp_path))
    inference, management = urls(server)
    assert "Inference API bind to: https://127.0.0.1:" in server.log
    assert "Management API bind to: https://127.0.0.1:" in server.log
    status, answer = curl("--cacert", authority, f"{management}/models/noop")
    assert (status, answer.splitlines()[0]) == (0, "HTTP/1.1 200 OK")

    def predicted() -> bool:
        return curl("--cacert", authority, f"{inference}/predictions/noop", "-d", "x")[1].endswith(
            "OK"
        )

    wait_until(predicted, "the model to answer")
    assert curl(f"{inference}/ping")[0] == 60  # CURLE_PEER_FAILED_VERIFICATION
    assert curl("-k", "--tls-max", "1.1", f"{inference}/ping")[0] == 35  # CURLE_SSL_CONNECT_ERROR
    assert "use https:// here" in curl(inference.replace("https", "http"))[1]


def test_a_large_upload_to_nowhere_reads_why(
    tmp_path: Path, start: StartServer, store: Path
) -> None:
    issue(tmp_path)
    server = start(settings=settings(tmp_path))
    upload = tmp_path / "upload"
    upload.write_bytes(os.urandom(6_000_000))
    for expect in ("Expect:", "Expect: 100-continue"):
        status, answer = curl(
            "-k", "-H", expect, f"{urls(server)[0]}/predictions/nope", "-T", str(upload)
        )
        assert status == 0
        assert answer.startswith("HTTP/1.1 404 Not Found\n")
        assert '"message": "Model not found: nope"' in answer


def test_certificates_are_read_again_and_no_connection_lost(
    tmp_path: Path, start: StartServer, noop: str
) -> None:
    authority = issue(tmp_path)
    server = start(models=[noop], settings=settings(tmp_path))
    context = ssl.create_default_context(cafile=authority)
    connection = http_connection(server, context)
    assert ping(connection) == 200
    first = server_certificate(server)
    authority = issue(tmp_path)
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: server_certificate(server) != first, "the new certificate")
    second = server_certificate(server)
    assert ping(connection) == 200
    newcomer = http_connection(server, ssl.create_default_context(cafile=authority))
    assert ping(newcomer) == 200
    newcomer.close()
    (tmp_path / "key.pem").write_text("broken")
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: "The certificates in use stay: private_key_file=" in server.log, "an error")
    assert server_certificate(server) == second
    assert ping(connection) == 200
    connection.close()
    assert server.stop() == 0


def test_without_files_a_certificate_is_made(start: StartServer, store: Path) -> None:
    server = start(settings={"management_address": "https://127.0.0.1:0"})
    assert "https shows a certificate that was made just now" in server.log
    shown = re.search(r"SHA-256 fingerprint: (\S+)", server.log)
    assert shown is not None
    pem = ssl.get_server_certificate(("127.0.0.1", server.management_port), timeout=20)
    der = ssl.PEM_cert_to_DER_cert(pem)
    assert shown[1] == hashlib.sha256(der).digest().hex(":").upper()
    management = urls(server)[1]
    assert curl("-k", f"{management}/models")[1].startswith("HTTP/1.1 200 OK\n")
    assert server.request("GET", "/ping").status == 200  # inference is plain


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("keystore=nope.p12", "it cannot be read (No such file or directory)."),
        ("certificate_file=nope.pem", "private_key_file is unset."),
        ("keystore_type=BKS", "PKCS12 is expected."),
    ],
)
def test_files_that_are_wrong_stop_the_start(tmp_path: Path, line: str, reason: str) -> None:
    config = tmp_path / "config.properties"
    config.write_text(f"inference_address=https://127.0.0.1:0\n{line}\n")
    environ = {**os.environ, "TEMP": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "mms_server.cli.model_server", "--start"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert line.partition("=")[2] in done.stderr + done.stdout
    assert reason in done.stderr + done.stdout
    assert not (tmp_path / ".model_server.pid").exists()


def test_plain_http_needs_no_cryptography() -> None:
    code = "import sys, mms_server.server; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_pages_of_the_allowed_origin_may_ask(start: StartServer, noop: str) -> None:
    server = start(
        models=[noop],
        settings={
            "cors_allowed_origin": "https://app.example",
            "cors_allowed_methods": "GET, POST, PUT",
            "cors_allowed_headers": "Content-Type",
            "allowed_hosts": "app.example",
        },
    )
    fields = {
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-methods": "GET, POST, PUT",
        "access-control-allow-headers": "Content-Type",
    }
    for method, path, status in (
        ("GET", "/ping", 200),
        ("GET", "/nowhere", 404),
        ("OPTIONS", "/predictions/noop", 200),
    ):
        answer = server.request(method, path)
        assert answer.status == status
        assert {name: answer.headers[name] for name in fields} == fields
    asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
    for is_management, path in ((False, "/predictions/noop"), (True, "/models/noop")):
        answer = server.request("OPTIONS", path, headers=asking, management=is_management)
        assert (answer.status, answer.body, "Allow" in answer.headers) == (200, b"", False)
        assert {name: answer.headers[name] for name in fields} == fields
    asking["Origin"] = "https://evil.example"
    assert server.request("OPTIONS", "/predictions/noop", headers=asking).status == 200
    assert server.manage("OPTIONS", "/models/noop", headers=asking).status == 403
    assert server.manage("PUT", "/models/noop", headers=asking).status == 403


def test_without_the_keys_nothing_is_said_of_origins(start: StartServer, noop: str) -> None:
    server = start(models=[noop])
    asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = server.request("OPTIONS", "/predictions/noop", headers=asking)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert "Allow" in answer.headers
