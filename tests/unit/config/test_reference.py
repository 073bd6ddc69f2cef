from __future__ import annotations

import re
from pathlib import Path

import pytest

from mms_server.config.addresses import Address
from mms_server.config.loading import Options, load
from mms_server.config.reference import list_values, show, write_tables
from mms_server.config.schema import IGNORED, SETTINGS

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    """If it is not: make docs."""
    page = PAGE.read_text(encoding="utf-8")
    assert write_tables(page) == page
    assert all(f"`{key}`" in page for key in [*SETTINGS, *IGNORED])


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("model_store", None, ""),
        ("preload_model", True, "true"),
        ("queue_timeout", 60.0, "60"),
        ("queue_timeout", 0.25, "0.25"),
        ("queue_timeout", 12345678.0, "12345678"),
        ("allowed_hosts", ("a", "b"), "a,b"),
        ("blacklist_env_vars", re.compile("AWS_.*"), "AWS_.*"),
        ("inference_address", Address("h", 1), "http://h:1"),
        ("max_request_size", 6_553_500, "6553500"),
        ("load_models", "a=https://u:p@h/x.mar?sig=1,b.mar", "a=https://***@h/x.mar?***,b.mar"),
        (
            "installer_arguments",
            ("--index-url", "https://u:p@h/simple", "a b"),
            "--index-url https://***@h/simple 'a b'",
        ),
        ("keystore_pass", "changeit", "***"),
    ],
)
def test_values_are_shown_as_written_but_for_secrets(key: str, value: object, text: str) -> None:
    assert show(key, value) == text


def test_every_value_is_listed_with_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "config.properties"
    file.write_text("enable_envvars_config=true\nqueue_timeout=5\npreload_model=true\n")
    configuration = load(Options(model_store="/models"), {"MMS_PRELOAD_MODEL": "false"}, tmp_path)
    lines = list_values(configuration).splitlines()
    assert [line.split(" = ")[0].split(" =")[0] for line in lines] == list(SETTINGS)
    for line in (
        "model_store = /models  [the command line]",
        f"queue_timeout = 5  [{file}]",
        "preload_model = false  [environment variable MMS_PRELOAD_MODEL]",
        "inference_address = http://127.0.0.1:8080  [default]",
        "load_models =  [default]",
    ):
        assert line in lines
