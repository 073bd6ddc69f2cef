from __future__ import annotations

from pathlib import Path

import pytest

from mms_server.cli.model_server import main, main_mxnet


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder and a folder for temporary files of the test's own.

    Both by `tempfile` and by the variables: in the machine's own folder, a server that somebody
    runs has its pid file, and would be stopped.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("TEMP", "TMP", "MMS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_settings_are_printed_and_nothing_is_started(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "my.properties").write_text("queue_timeout=5\nmodel_stor=x\n")
    arguments = ["--print-config", "--mms-config", "my.properties", "--model-store", str(folder)]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert f"queue_timeout = 5  [{folder / 'my.properties'}]\n" in out
    assert f"model_store = {folder}  [the command line]\n" in out
    assert err == "Warning: Unknown key model_stor is ignored. Did you mean model_store?\n"
    assert not (folder / ".model_server.pid").exists()


def test_settings_that_are_wrong_are_not_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.properties").write_text("job_queue_size=many\n")
    assert main(["--print-config"]) == 1
    assert "job_queue_size=many (from " in capsys.readouterr().out


def test_start_and_stop_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--start", "--stop"])
    assert ended.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_help_names_the_program_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: multi-model-server ")
    assert "Multi Model Server\n" in out
    for option in ("start", "stop", "mms-config", "model-store", "models", "log-config"):
        assert f"--{option}" in out
    assert "--foreground" in out


def test_the_older_name_warns_and_does_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_mxnet(["--stop"]) == 0
    assert capsys.readouterr().out == (
        "Warning: Calling MMS with mxnet-model-server. Please move to multi-model-server.\n"
        "Model server is not currently running.\n"
    )


@pytest.mark.parametrize("content", ["", "no number", "4194304", "1"])
def test_stopping_what_does_not_run(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """No number, a dead process, and one that is not ours: none of them is touched."""
    (folder / ".model_server.pid").write_text(content)
    assert main(["--stop"]) == 0
    assert capsys.readouterr().out == "Model server already stopped.\n"
    assert not (folder / ".model_server.pid").exists()


@pytest.mark.parametrize(
    "items",
    [
        ["all"],
        ["x.mar"],
        ["name=x.mar"],
        ["http://h/x.mar", "x.mar"],
        ["ftp://h/x.mar"],
        ["https:"],
    ],
)
def test_local_models_need_a_store(
    folder: Path, capsys: pytest.CaptureFixture[str], items: list[str]
) -> None:
    (folder / "config.properties").write_text(f"model_store={folder}\n")
    assert main(["--start", "--models", *items]) == 1
    assert capsys.readouterr().out == "--model-store is required to load model locally.\n"


@pytest.mark.parametrize(
    "items",
    [["ALL"], ["http://h/x.mar"], ["name=https://h/x.mar"], ["HTTPS://h/x", "n=http://h/y"]],
)
def test_others_do_not(folder: Path, capsys: pytest.CaptureFixture[str], items: list[str]) -> None:
    assert main(["--print-config", "--models", *items]) == 0
    assert f"load_models = {','.join(items)}  [the command line]\n" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["missing", "a file"])
def test_a_folder_for_temporary_files_that_is_none(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    (folder / "a file").touch()
    monkeypatch.setenv("TEMP", missing)
    assert main(["--start"]) == 1
    assert capsys.readouterr().out == (
        f"Invalid temp directory: {missing}, please check TEMP environment variable.\n"
    )


def test_what_is_wrong_is_said_in_multi_model_servers_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"--log-config": "l", "--mms-config": "c", "--model-store": "s"}
    seen = []
    for option in ("--log-config", "--mms-config", "--model-store"):
        given = [text for pair in arguments.items() for text in pair]
        assert main(["--start", *given, "--models", "m"]) == 1
        seen.append(capsys.readouterr().out.split()[0])
        del arguments[option]
    assert seen == ["--log-config", "--mms-config", "--model-store"]
