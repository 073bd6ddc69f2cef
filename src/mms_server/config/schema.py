"""Every setting, declared once: key, how to read it, default, unit and meaning.

Keys without a remark are Multi Model Server's, with its defaults.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mms_server.config.addresses import Address, parse_address

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """How one key is read; `parse` raises ValueError that says what is allowed.

    `has_variable` says whether `MMS_<KEY>` may override it, where the file allows that.
    """

    parse: Callable[[str], Any]
    help: str
    has_variable: bool = True


def _text(text: str) -> str:
    return text


def _flag(text: str) -> bool:
    return text.strip().lower() == "true"  # any other word is false, as Java has it


def _integer(low: int, high: int | None = None) -> Callable[[str], int]:
    allowed = f"a whole number from {low}" + ("" if high is None else f" to {high}")

    def parse(text: str) -> int:
        try:
            value = int(text.strip())
        except ValueError:
            raise ValueError(f"{allowed} is expected") from None
        if value < low or (high is not None and value > high):
            raise ValueError(f"{allowed} is expected")
        return value

    return parse


def _seconds(text: str) -> float:
    try:
        value = float(text.strip())
    except ValueError:
        raise ValueError("a number of seconds is expected") from None
    if not 0 <= value < float("inf"):
        raise ValueError("a number of seconds, 0 or more, is expected")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _patterns(text: str) -> tuple[str, ...]:
    for pattern in _names(text):
        _pattern(pattern)
    return _names(text)


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as exc:
        raise ValueError(f"a regular expression is expected: {exc}") from exc


def _interpreters(text: str) -> tuple[str, ...]:
    """Take absolute paths and names of commands that can only be Pythons."""
    for name in _names(text):
        if not (name.startswith("/") or re.fullmatch(r"python(3(\.\d+)?)?", name)):
            raise ValueError("absolute paths, and commands such as python3.9, are expected")
    return _names(text)


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as exc:
        raise ValueError(f"words as in a shell are expected: {exc}") from exc


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.strip().lower() not in words:
            raise ValueError(f"{', '.join(words[:-1])} or {words[-1]} is expected")
        return text.strip().lower()

    return parse


def _folder(text: str) -> Path:
    return Path(text).absolute()


def _file(text: str) -> Path | None:
    return Path(text).absolute() if text else None


def _keystore_type(text: str) -> str:
    """Take Java's two names; the file itself tells what it is, as in Java since version 9."""
    if text.strip().upper() not in ("PKCS12", "JKS"):
        raise ValueError("PKCS12 is expected")
    return text.strip().upper()


def _field_value(text: str) -> str | None:
    """Take what may stand in a header field (RFC 9110 section 5.5)."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError("printable ASCII is expected")
    return text.strip() or None


def _address(default_port: int, default_tls_port: int) -> Callable[[str], Address]:
    return lambda text: parse_address(text.strip(), default_port, default_tls_port)


def _setting(
    parse: Callable[[str], Any], default: Any, help_: str, *, has_variable: bool = True
) -> Any:
    return dataclasses.field(
        default=default, metadata={"setting": Setting(parse, help_, has_variable)}
    )


@dataclass(frozen=True)
class Settings:
    """The configuration of one server. Times are seconds, sizes bytes."""

    inference_address: Address = _setting(
        _address(80, 443), Address("127.0.0.1", 8080), "Where the inference API listens."
    )
    management_address: Address = _setting(
        _address(8081, 8444),
        Address("127.0.0.1", 8081),
        "Where the management API listens; the same as inference_address for one listener.",
    )
    keystore: Path | None = _setting(
        _file, None, "PKCS12 file with the key and the certificates for https addresses."
    )
    keystore_pass: str = _setting(_text, "changeit", "What opens it.")
    keystore_type: str = _setting(
        _keystore_type, "PKCS12", "PKCS12; a JKS file is to be converted."
    )
    certificate_file: Path | None = _setting(
        _file, None, "PEM file of certificates, the server's first; used without keystore."
    )
    private_key_file: Path | None = _setting(
        _file, None, "PEM file of the certificate's key, not encrypted."
    )
    cors_allowed_origin: str | None = _setting(
        _field_value, None, "Access-Control-Allow-Origin of every answer: an origin, or *."
    )
    cors_allowed_methods: str | None = _setting(
        _field_value, None, "Access-Control-Allow-Methods of every answer."
    )
    cors_allowed_headers: str | None = _setting(
        _field_value, None, "Access-Control-Allow-Headers of every answer."
    )
    model_store: Path | None = _setting(_folder, None, "Folder of models and archives.")
    load_models: str | None = _setting(
        _text, None, "Models to load at start: [name=]location, comma-separated, or ALL."
    )
    default_workers_per_model: int = _setting(
        _integer(0), 0, "Workers of each startup model; 0 for one per GPU, else per processor."
    )
    number_of_gpu: int | None = _setting(
        _integer(0), None, "GPUs to use, at most as many as nvidia-smi finds; unset: all of them."
    )
    default_response_timeout: float = _setting(
        _seconds, 120.0, "From the start of execution to the answer."
    )
    default_response_timeout_seconds: int = _setting(
        _integer(-1), -1, "The same; counts when 0 or more."
    )
    default_startup_timeout: float = _setting(
        _seconds, 120.0, "For a worker to load its model. Ours.", has_variable=True
    )
    queue_timeout: float = _setting(
        _seconds, 60.0, "From a request's arrival to the start of its execution. Ours."
    )
    unregister_model_timeout: float = _setting(
        _seconds, 120.0, "For the workers of an unregistered model to finish."
    )
    stop_timeout: float = _setting(
        _seconds, 30.0, "For requests to finish when the server is stopped. Ours."
    )
    job_queue_size: int | None = _setting(
        _integer(1), None, "Requests that may wait per model; unset, the predicted wait decides."
    )
    max_queued_bytes: int = _setting(
        _integer(1), 256 * _MIB, "Bytes of requests that may wait per model. Ours."
    )
    retry_batches: bool = _setting(
        _flag, True, "Retry the members of a batch that killed its worker one by one. Ours."
    )
    scale_up_after: float = _setting(
        _seconds, 0.25, "Waiting this long for a worker brings another, up to max_worker. Ours."
    )
    scale_down_after: float = _setting(
        _seconds, 60.0, "Workers not needed for this long end, down to min_worker. Ours."
    )
    max_request_size: int = _setting(_integer(0), 6_553_500, "Largest request body.")
    max_response_size: int = _setting(_integer(0), 6_553_500, "Largest response body.")
    decode_input_request: bool = _setting(
        _flag, True, "Whether workers decode JSON and text inputs."
    )
    default_service_handler: str | None = _setting(_text, None, "Handler of models that name none.")
    preload_model: bool = _setting(
        _flag, False, "Load a model once and fork its workers from there."
    )
    blacklist_env_vars: re.Pattern[str] | None = _setting(
        _pattern, None, "Environment variables whose whole name matches are hidden from workers."
    )
    allowed_urls: tuple[str, ...] = _setting(
        _patterns,
        (),
        "Regular expressions of URLs that models may come from; unset: any public host. Ours.",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        _names, (), "Names besides loopback's that the management API may be called by. Ours."
    )
    download_timeout: float = _setting(_seconds, 3600.0, "For fetching one archive. Ours.")
    max_archive_entries: int = _setting(_integer(1), 20_000, "Files in one archive. Ours.")
    max_archive_bytes: int = _setting(
        _integer(1), 32 * 1024 * _MIB, "Size of one archive, packed or unpacked. Ours."
    )
    max_archive_ratio: int = _setting(
        _integer(1), 100, "Unpacked bytes for each byte of an archive. Ours."
    )
    allow_model_environments: bool = _setting(
        _flag, False, "Install the requirements of models, each set into an environment. Ours."
    )
    model_pythons: tuple[str, ...] = _setting(
        _interpreters,
        (),
        "Interpreters that models may ask for: paths, or commands such as python3.9. Ours.",
    )
    model_environments_folder: Path | None = _setting(
        _file, None, "Where environments are kept; unset: the user's cache folder. Ours."
    )
    max_environments_bytes: int = _setting(
        _integer(0), 32 * 1024 * _MIB, "Above it, environments that are not in use go. Ours."
    )
    model_installer: str = _setting(
        _one_of("auto", "uv", "pip"), "auto", "uv, pip, or auto: uv where there is one. Ours."
    )
    installer_arguments: tuple[str, ...] = _setting(
        _words, (), "Added to every installation, such as --index-url URL. Ours."
    )
    install_timeout: float = _setting(
        _seconds, 900.0, "For installing the requirements of one model. Ours."
    )
    idle_timeout: float = _setting(_seconds, 600.0, "For the next request on a connection. Ours.")
    header_timeout: float = _setting(_seconds, 30.0, "For the head of a request to arrive. Ours.")
    body_timeout: float = _setting(
        _seconds, 60.0, "Without progress in reading a request or writing an answer. Ours."
    )

    metric_time_interval: float = _setting(
        _seconds, 60.0, "Between two measurements of the host; 0 for none.", has_variable=False
    )

    @property
    def response_timeout_s(self) -> float:
        """The response timeout that counts."""
        if self.default_response_timeout_seconds >= 0:
            return float(self.default_response_timeout_seconds)
        return self.default_response_timeout

    @property
    def startup_workers(self) -> int:
        """How many workers a startup model gets, once `number_of_gpu` is what there really is."""
        return self.default_workers_per_model or self.number_of_gpu or os.cpu_count() or 1


SETTINGS: dict[str, Setting] = {
    field.name: field.metadata["setting"] for field in dataclasses.fields(Settings)
}

IGNORED = frozenset(
    (
        "async_logging",
        "debug",
        "io_ratio",
        "model_server_home",
        "netty_client_threads",
        "number_of_netty_threads",
        "plugins_path",
        "prefer_direct_buffer",
        "use_native_io",
        "vmargs",
    )
)
"""Keys of Multi Model Server that mean nothing here, or not yet: accepted, and reported as such."""

GATE = "enable_envvars_config"
"""Whether the file lets `MMS_` variables override it."""
