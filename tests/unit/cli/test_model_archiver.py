import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mms_server.cli.model_archiver import main


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "service.py").write_text("def handle(data, context): ...\n")
    return folder


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: it configures logging for the whole process."""
    program = "import sys; from mms_server.cli.model_archiver import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=cwd, capture_output=True, text=True
    )


REQUIRED = ("--model-name", "noop", "--model-path", "model", "--handler", "service:handle")


def test_success_is_silent_and_goes_to_the_current_folder(model: Path, tmp_path: Path) -> None:
    done = run(*REQUIRED, "--runtime", "python3", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with zipfile.ZipFile(tmp_path / "noop.mar") as archive:
        assert b'"runtime": "python3"' in archive.read("MAR-INF/MANIFEST.json")


def test_an_existing_archive_needs_force(model: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export = ("--export-path", "out")
    assert run(*REQUIRED, *export, cwd=tmp_path).returncode == 0
    again = run(*REQUIRED, *export, cwd=tmp_path)
    assert again.returncode == 1
    assert again.stderr.startswith("ERROR - out/noop.mar already exists.\n")
    forced = run(*REQUIRED, *export, "-f", cwd=tmp_path)
    assert (forced.returncode, forced.stderr) == (0, "WARNING - Overwriting out/noop.mar ...\n")


def test_errors_exit_1_without_a_traceback(model: Path, tmp_path: Path) -> None:
    done = run("--model-name", "a b", *REQUIRED[2:], cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR - Model name 'a b' contains special characters")
    assert "Traceback" not in done.stderr


def test_usage_errors_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--model-name", "x"])
    assert caught.value.code == 2
    assert "--model-path, --handler" in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "usage: model-archiver" in text
    assert "examples:" in text
    for option in ("--model-name", "--model-path", "--handler", "--runtime", "--export-path", "-f"):
        assert option in text
