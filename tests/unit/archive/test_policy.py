import pytest

from mms_server.archive.policy import FetchPolicy, redacted
from mms_server.errors import ConfigError


def test_patterns_match_the_whole_url_in_any_case() -> None:
    policy = FetchPolicy(allowed_urls=(r"https://models\.example/.*", r"http://a/x\.mar"))
    assert policy.lists("https://models.example/x.mar")
    assert policy.lists("HTTPS://MODELS.EXAMPLE/x.mar")
    assert policy.lists("http://a/x.mar")
    assert not policy.lists("http://a/x.mar.exe")
    assert not policy.lists("http://evil/?https://models.example/x.mar")
    assert not FetchPolicy().lists("http://a/x.mar")


def test_a_bad_pattern_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"allowed_urls: '\(' is not a regular expression"):
        FetchPolicy(allowed_urls=("(",))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://h/x.mar", "http://h/x.mar"),
        ("http://localhost:aaaa", "http://localhost:aaaa"),
        ("http://me:secret@h:80/x.mar", "http://***@h:80/x.mar"),
        ("https://me:se@cret@h:aaaa", "https://***@h:aaaa"),
        ("https://h/x?X-Sig=secret#sha256=0", "https://h/x?***#sha256=0"),
        ("http://h/@x", "http://h/@x"),
        ("store/x.mar?y", "store/x.mar?y"),
    ],
)
def test_redacted(location: str, shown: str) -> None:
    assert redacted(location) == shown
