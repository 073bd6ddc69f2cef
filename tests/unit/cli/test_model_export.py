from __future__ import annotations

import pytest

from mms_server.cli.model_export import main


def test_it_points_to_the_archiver_in_yellow(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    out = capsys.readouterr().out
    assert out.startswith("\033[93m")
    assert out.endswith("\033[0m\n")
    assert "no longer supported" in out
    assert "model-archiver" in out
