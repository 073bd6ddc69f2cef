from __future__ import annotations

import re
from pathlib import Path

import pytest

from mms_server.config.addresses import Address
from mms_server.config.loading import Configuration, Options, load
from mms_server.config.schema import SETTINGS, Settings
from mms_server.errors import ConfigError


def configure(
    folder: Path, text: str = "", options: Options | None = None, **environ: str
) -> Configuration:
    (folder / "config.properties").write_text(text)
    return load(options or Options(), environ, folder)


def test_defaults_are_those_of_multi_model_server(tmp_path: Path) -> None:
    configuration = load(Options(), {}, tmp_path)
    settings = configuration.settings
    assert settings == Settings()
    assert settings.inference_address == Address("127.0.0.1", 8080)
    assert settings.management_address == Address("127.0.0.1", 8081)
    assert (settings.max_request_size, settings.max_response_size) == (6_553_500, 6_553_500)
    assert settings.response_timeout_s == 120
    assert settings.job_queue_size is None
    assert settings.metric_time_interval == 60
    assert settings.decode_input_request is True
    assert (configuration.config_file, configuration.warnings) == (None, ())


def test_every_field_has_a_setting_with_help() -> None:
    assert set(SETTINGS) == set(Settings.__dataclass_fields__)
    assert all(setting.help.endswith(".") for setting in SETTINGS.values())


def test_the_file_is_found_by_variable_then_option_then_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"load_models={name}")
    options = Options(config_file=Path("a"))
    assert configure(tmp_path, "load_models=c").settings.load_models == "c"
    assert configure(tmp_path, "load_models=c", options).settings.load_models == "a"
    found = configure(tmp_path, "load_models=c", options, MMS_CONFIG_FILE="b")
    assert found.settings.load_models == "b"
    with pytest.raises(ConfigError, match="--mms-config file not found: nope"):
        configure(tmp_path, "", Options(config_file=Path("nope")))


def test_variables_win_only_where_the_file_lets_them(tmp_path: Path) -> None:
    options = Options(load_models="command")
    text = "load_models=file\n"
    shut = configure(tmp_path, text, options, MMS_LOAD_MODELS="variable")
    assert shut.settings.load_models == "command"
    assert shut.origins["load_models"] == "the command line"
    text += "enable_envvars_config=TRUE\n"
    opened = configure(tmp_path, text, options, MMS_LOAD_MODELS="variable")
    assert opened.settings.load_models == "variable"
    assert opened.origins["load_models"] == "environment variable MMS_LOAD_MODELS"


def test_placeholders_are_replaced_wherever_they_stand(tmp_path: Path) -> None:
    configuration = configure(tmp_path, "load_models=$$A$$,x$$B$$", A="one", B="two")
    assert configuration.settings.load_models == "one,xtwo"
    with pytest.raises(ConfigError, match="Invalid Environment Variable NOPE"):
        configure(tmp_path, "load_models=$$NOPE$$")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("job_queue_size=many", "a whole number from 1 is expected"),
        ("job_queue_size=0", "a whole number from 1 is expected"),
        ("queue_timeout=-1", "0 or more"),
        ("queue_timeout=soon", "a number of seconds is expected"),
        ("queue_timeout=inf", "0 or more"),
        ("inference_address=nowhere", "Invalid binding address"),
        ("keystore_type=BKS", "PKCS12 is expected"),
        ("cors_allowed_origin=*\u2028", "printable ASCII is expected"),
        ("blacklist_env_vars=(", "a regular expression is expected"),
        ("model_pythons=python3.9,perl", "absolute paths, and commands such as python3.9"),
        ("model_pythons=bin/python", "absolute paths, and commands such as python3.9"),
        ("model_installer=conda", "auto, uv or pip is expected"),
        ("installer_arguments=--x 'y", "words as in a shell are expected"),
        ("allowed_urls=https://x/.*,(", "a regular expression is expected"),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure(tmp_path, line)
    assert f"{line} (from {tmp_path / 'config.properties'})" in str(caught.value)
    assert complaint in str(caught.value)


def test_what_is_unknown_or_ignored_is_said(tmp_path: Path) -> None:
    text = "model_stor=/x\nvmargs=-Xmx1g\nno_such_thing_at_all=1\nqueue_timeout=5"
    assert configure(tmp_path, text).warnings == (
        "Unknown key model_stor is ignored. Did you mean model_store?",
        "vmargs has no effect in this server and is ignored.",
        "Unknown key no_such_thing_at_all is ignored.",
    )


def test_the_response_timeout_is_seconds_and_says_so(tmp_path: Path) -> None:
    configuration = configure(tmp_path, "default_response_timeout=5")
    assert configuration.settings.response_timeout_s == 5
    assert "read as seconds" in configuration.warnings[0]
    text = "default_response_timeout=5\ndefault_response_timeout_seconds=7"
    configuration = configure(tmp_path, text)
    assert configuration.settings.response_timeout_s == 7
    assert configuration.warnings == ()


def test_values_take_their_types(tmp_path: Path) -> None:
    settings = configure(
        tmp_path,
        "blacklist_env_vars=AWS_.*\nallowed_hosts=a, b\npreload_model=True\nmodel_store=/models",
    ).settings
    assert settings.blacklist_env_vars == re.compile("AWS_.*")
    assert settings.allowed_hosts == ("a", "b")
    assert settings.preload_model is True
    assert settings.model_store == Path("/models")


def test_what_models_may_bring(tmp_path: Path) -> None:
    settings = configure(tmp_path).settings
    assert not settings.allow_model_environments
    assert settings.model_pythons == ()
    settings = configure(
        tmp_path,
        "model_pythons=python3.9, /opt/env,python3\nmodel_installer=UV\n"
        "installer_arguments=--index-url https://x 'a b'",
    ).settings
    assert settings.model_pythons == ("python3.9", "/opt/env", "python3")
    assert settings.model_installer == "uv"
    assert settings.installer_arguments == ("--index-url", "https://x", "a b")


def test_the_default_ports_of_https_are_those_of_multi_model_server(tmp_path: Path) -> None:
    settings = configure(
        tmp_path, "inference_address=https://h\nmanagement_address=https://h\nkeystore_type=jks"
    ).settings
    assert settings.inference_address == Address("h", 443, is_tls=True)
    assert settings.management_address == Address("h", 8444, is_tls=True)
    assert (settings.keystore, settings.keystore_pass) == (None, "changeit")
    assert settings.keystore_type == "JKS"


def test_files_of_keys_and_values_of_fields_may_be_empty(tmp_path: Path) -> None:
    settings = configure(tmp_path, "keystore=\ncertificate_file=/c\ncors_allowed_origin=").settings
    assert (settings.keystore, settings.certificate_file) == (None, Path("/c"))
    assert settings.cors_allowed_origin is None


def test_startup_workers_default_to_the_gpus_then_the_processors(tmp_path: Path) -> None:
    assert configure(tmp_path).settings.startup_workers >= 1
    assert configure(tmp_path, "number_of_gpu=7").settings.startup_workers == 7
    text = "default_workers_per_model=3\nnumber_of_gpu=7"
    assert configure(tmp_path, text).settings.startup_workers == 3


def test_the_word_sagemaker_chooses_a_file_of_variables(tmp_path: Path) -> None:
    environ = {
        "SAGEMAKER_MODEL_STORE": "/",
        "SAGEMAKER_BIND_TO_PORT": "8888",
        "SAGEMAKER_RESPONSE_TIMEOUT": "70",
        "SAGEMAKER_NUM_MODEL_WORKERS": "3",
        "SAGEMAKER_HANDLER": "my.handler",
        "SAGEMAKER_MAX_REQUEST_SIZE": "1000",
        "SAGEMAKER_MAX_RESPONSE_SIZE": "2000",
    }
    options = Options(config_file=Path("sagemaker"))
    settings = configure(tmp_path, "", options, **environ).settings
    assert settings.inference_address.shares_listener(settings.management_address)
    assert settings.inference_address == Address("0.0.0.0", 8888)
    assert (settings.response_timeout_s, settings.unregister_model_timeout) == (70, 70)
    assert (settings.max_request_size, settings.max_response_size) == (1000, 2000)
    assert (settings.startup_workers, settings.default_service_handler) == (3, "my.handler")
    assert (settings.model_store, settings.decode_input_request) == (Path("/"), False)
    for name in environ:
        others = {key: value for key, value in environ.items() if key != name}
        with pytest.raises(ConfigError, match=f"Invalid Environment Variable {name} "):
            configure(tmp_path, "", options, **others)
