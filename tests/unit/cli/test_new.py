from __future__ import annotations

from pathlib import Path

import pytest

from mms_server.cli.mms import main


def test_a_project_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine"]) == 0
    assert capsys.readouterr().out == "mine: see its README.md\n"
    assert (tmp_path / "mine" / "model" / "service.py").read_text().startswith('"""Serves a model')
    assert main(["new", "mine"]) == 1
    assert capsys.readouterr().err == "mine exists.\n"


def test_an_unknown_engine_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["new", "mine", "--engine", "caffe"])
    assert "sklearn" in capsys.readouterr().err
