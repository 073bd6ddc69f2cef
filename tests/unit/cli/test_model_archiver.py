import json
import os
import pty
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


PROGRAM = "import sys; from mms_server.cli.model_archiver import main; sys.exit(main())"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: it configures logging for the whole process."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=cwd, capture_output=True, text=True
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


@pytest.mark.parametrize(
    ("archive_format", "output"),
    [("default", "noop.mar"), ("tgz", "noop.tar.gz"), ("no-archive", "noop")],
)
def test_each_format_has_its_output(
    model: Path, tmp_path: Path, archive_format: str, output: str
) -> None:
    done = run(*REQUIRED, "--archive-format", archive_format, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", output]
    again = run(*REQUIRED, "--archive-format", archive_format, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith(f"ERROR - {output} already exists.\n")


def test_verbose_says_what_was_found_and_written(model: Path, tmp_path: Path) -> None:
    done = run(*REQUIRED, "-v", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "INFO - Handler service:handle: function handle, service.py line 1\n"
        "INFO - Successfully exported model noop to noop.mar\n"
    )


def test_a_terminal_is_told_without_being_asked(model: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        command = [sys.executable, "-c", PROGRAM, *REQUIRED]
        subprocess.run(command, cwd=tmp_path, check=True, stderr=theirs)
        assert b"Successfully exported model noop to noop.mar" in terminal.read(4096)
        os.close(theirs)


def test_what_the_handler_needs_is_recorded(model: Path, tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_text("numpy\n")
    options = ("--python", "python3.9", "--requirements", "needs.txt", "--model-version", "7")
    assert run(*REQUIRED, *options, "--archive-format", "no-archive", cwd=tmp_path).stderr == ""
    manifest = json.loads((tmp_path / "noop" / "MAR-INF" / "MANIFEST.json").read_text())
    assert manifest["model"] == {
        "modelName": "noop",
        "handler": "service:handle",
        "modelVersion": "7",
        "python": "python3.9",
        "requirements": "requirements.txt",
    }
    assert (tmp_path / "noop" / "requirements.txt").read_text() == "numpy\n"


def test_convert_packs_the_model_as_it_is(model: Path, tmp_path: Path) -> None:
    (model / "a.onnx").touch()
    done = run(*REQUIRED, "-c", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "WARNING - a.onnx is packed as it is" in done.stderr
    (model / "b.onnx").touch()
    done = run(*REQUIRED, "-c", "-f", cwd=tmp_path)
    assert done.returncode == 1
    assert "ERROR - model-archiver expects only one .onnx file in the folder." in done.stderr


def test_errors_exit_1_without_a_traceback(model: Path, tmp_path: Path) -> None:
    done = run("--model-name", "a b", *REQUIRED[2:], cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "ERROR - Model name contains special characters.\nThe allowed regular expression filter "
        r"for model name is: ^[A-Za-z0-9][A-Za-z0-9_\-.]*$" + "\n"
    )
    assert "Traceback" not in done.stderr


def test_it_runs_as_a_module(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mms_server.cli.model_archiver", "--model-name", "m"]
    command += ["--model-path", str(model), "--export-path", str(tmp_path), "--handler"]
    assert subprocess.run([*command, "nothing"], capture_output=True, check=False).returncode == 1
    subprocess.run([*command, "service"], check=True)
    assert (tmp_path / "m.mar").exists()


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
    for option in (
        "--model-name",
        "--model-path",
        "--handler",
        "--runtime",
        "--export-path",
        "--archive-format",
        "-f, --force",
        "-c, --convert",
        "--requirements",
        "--python",
    ):
        assert option in text
