"""The life of the helper process; it, the installers and the locks are real."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from mms_server.environments import store
from mms_server.environments.policy import Policy
from mms_server.environments.preparation import Environment, Environments, State
from mms_server.errors import BadRequestError, ModelEnvironmentError
from support.packages import Gate, add_gated_package, add_wheel
from support.workshop import is_alive, until


class Site:
    """A cache of environments, and models that want them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "cache"
        self.gate = Gate(folder / "gate")
        self.made: list[Environment] = []

    def model(self, name: str, wanted: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        (folder / "requirements.txt").write_text(wanted)
        return folder

    def gated(self, name: str = "gated") -> Path:
        folder = self.model(name, "slow==1.0")
        add_gated_package(folder / "wheels", "slow")
        return folder

    def choose(self, model: Path, timeout_s: float = 60.0) -> Environment:
        policy = Policy(
            self.root, allow_requirements=True, arguments=("--no-index",), timeout_s=timeout_s
        )
        environments = Environments(policy, {**os.environ, "GATE": str(self.gate.folder)})
        made = environments.choose(
            model.name, model, python=None, runtime="python", wanted="requirements.txt"
        )
        assert made is not None
        self.made.append(made)
        return made

    async def builder(self) -> int:
        """Wait until an installation has come to the gate."""
        return (await until(lambda: self.gate.builders, "a build to begin"))[0]

    def left(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir() if path.name != "locks")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    for environment in made.made:
        await environment.close()


def state_of(environment: Environment) -> State:
    return environment.state


def run(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout


async def gone(pid: int) -> None:
    await until(lambda: not is_alive(pid), "the installer to end")


async def test_an_environment_is_made_once_and_kept(site: Site) -> None:
    model = site.model("a", "tiny")
    add_wheel(model / "wheels", "tiny", "1.0")
    first = site.choose(model)
    assert state_of(first) is State.PENDING
    await first.ready()
    await first.ready()
    assert state_of(first) is State.READY
    assert run(first.path, "import tiny; print(tiny.VERSION)") == "1.0\n"
    made_at = Path(first.path).parent.stat().st_mtime_ns
    await first.close()
    second = site.choose(model)
    await second.ready()
    assert (second.path, Path(second.path).parent.stat().st_mtime_ns) == (first.path, made_at)


async def test_it_is_held_until_it_is_closed(site: Site) -> None:
    model = site.model("a", "")
    environment = site.choose(model)
    await environment.ready()
    assert store.trim(site.root, 0) == []
    await environment.close()
    assert [path.name for path in store.trim(site.root, 0)] == [Path(environment.path).parts[-4]]


async def test_the_same_one_is_installed_once_for_all_who_wait(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model = site.gated()
    first, second = site.choose(model), site.choose(model)
    waiting = [asyncio.create_task(each.ready()) for each in (first, first, second)]
    await site.builder()
    await until(lambda: State.WAITING in (first.state, second.state), "one to wait")
    assert {first.state, second.state} == {State.WAITING, State.INSTALLING}
    site.gate.open()
    await asyncio.gather(*waiting)
    assert first.path == second.path
    assert caplog.text.count("installing its requirements") == 1
    assert len(site.left()) == 1


async def test_who_waits_may_stop_and_the_work_goes_on(site: Site) -> None:
    environment = site.choose(site.gated())
    waiting = asyncio.create_task(environment.ready())
    await site.builder()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    site.gate.open()
    await environment.ready()
    assert len(site.gate.builders) == 1


async def test_a_failure_is_told_leaves_nothing_and_is_tried_again(site: Site) -> None:
    model = site.model("broken", "tiny==9")
    add_wheel(model / "wheels", "tiny", "1.0")
    environment = site.choose(model)
    with pytest.raises(ModelEnvironmentError, match=r"Model broken: .*cannot be installed") as seen:
        await environment.ready()
    assert environment.state is State.FAILED
    assert environment.error is seen.value
    assert site.left() == []
    add_wheel(model / "wheels", "tiny", "9")
    await environment.ready()
    assert state_of(environment) is State.READY
    assert run(environment.path, "import tiny; print(tiny.VERSION)") == "9\n"


async def test_an_installation_that_takes_too_long_is_ended(site: Site) -> None:
    environment = site.choose(site.gated(), timeout_s=1)
    with pytest.raises(ModelEnvironmentError, match=r"not installed within 1 s.*install_timeout"):
        await environment.ready()
    for builder in site.gate.builders:
        await gone(builder)
    assert site.left() == []


async def test_closing_ends_the_whole_installation(site: Site) -> None:
    environment = site.choose(site.gated())
    waiting = asyncio.create_task(environment.ready())
    builder = await site.builder()
    await environment.close()
    with pytest.raises(ModelEnvironmentError, match="was unregistered while"):
        await waiting
    with pytest.raises(ModelEnvironmentError, match="was unregistered while"):
        await environment.ready()
    await gone(builder)
    assert site.left() == []


async def test_another_one_takes_over_when_the_first_is_closed(site: Site) -> None:
    model = site.gated()
    first, second = site.choose(model), site.choose(model)
    one = asyncio.create_task(first.ready())
    await site.builder()
    other = asyncio.create_task(second.ready())
    await until(lambda: second.state is State.WAITING, "the second one to wait")
    await first.close()
    site.gate.open()
    await other
    assert second.state is State.READY
    assert run(second.path, "import slow; print(slow.VERSION)") == "1.0\n"
    with pytest.raises(ModelEnvironmentError):
        await one


def end_helper(builder: int) -> None:
    os.kill(os.getpgid(builder), signal.SIGKILL)


def end_group(builder: int) -> None:
    os.killpg(os.getpgid(builder), signal.SIGKILL)


@pytest.mark.parametrize("end", [end_helper, end_group])
async def test_a_helper_that_is_killed(site: Site, end: Callable[[int], None]) -> None:
    environment = site.choose(site.gated())
    waiting = asyncio.create_task(environment.ready())
    builder = await site.builder()
    end(builder)
    with pytest.raises(ModelEnvironmentError, match="was ended; the system's log may say why"):
        await waiting
    await gone(builder)
    assert site.left() == []


async def test_the_installation_ends_with_the_front_end(site: Site, tmp_path: Path) -> None:
    """The front end, another process here, is killed: nothing but a half made folder is left."""
    model = site.gated()
    code = f"""
import asyncio, os
from pathlib import Path
from mms_server.environments.policy import Policy
from mms_server.environments.preparation import Environments
policy = Policy(Path({str(site.root)!r}), allow_requirements=True, arguments=("--no-index",))
async def main():
    made = Environments(policy, dict(os.environ)).choose(
        "m", Path({str(model)!r}), python=None, runtime="python", wanted="requirements.txt")
    await made.ready()
asyncio.run(main())
"""
    front_end = subprocess.Popen(  # noqa: ASYNC220 - it is to be killed, not waited for
        [sys.executable, "-c", code], env={**os.environ, "GATE": str(site.gate.folder)}
    )
    builder = await site.builder()
    family = psutil.Process(front_end.pid).children(recursive=True)
    assert builder in [process.pid for process in family]
    front_end.kill()
    front_end.wait()
    for process in family:
        await gone(process.pid)
    half_made = site.left()
    assert len(half_made) == 1
    site.gate.open()
    environment = site.choose(model)
    await environment.ready()
    assert run(environment.path, "import slow; print(slow.VERSION)") == "1.0\n"
    assert site.left() == half_made


async def test_what_is_not_allowed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environments = Environments(Policy(tmp_path, pythons=(sys.executable,)), os.environ)

    def choose(python: str | None, wanted: str | None) -> Environment | None:
        return environments.choose("m", tmp_path, python=python, runtime="python", wanted=wanted)

    assert choose(None, None) is None
    assert not caplog.records
    assert choose(None, "requirements.txt") is None
    assert "Model m: its requirements.txt is ignored." in caplog.text
    assert "set allow_model_environments=true" in caplog.text
    with pytest.raises(BadRequestError):
        choose("/bin/sh", None)
    made = choose(sys.executable, "requirements.txt")
    assert made is not None
    await made.ready()
    assert made.path == sys.executable, "an interpreter alone installs nothing"
    assert os.listdir(tmp_path) == []


async def test_a_runtime_is_looked_up_as_a_command(tmp_path: Path) -> None:
    policy = Policy(tmp_path / "cache", allow_requirements=True)
    (tmp_path / "requirements.txt").write_text("")
    made = Environments(policy, {**os.environ, "PATH": str(tmp_path)}).choose(
        "m", tmp_path, python=None, runtime="python2", wanted="requirements.txt"
    )
    assert made is not None
    with pytest.raises(ModelEnvironmentError, match="Interpreter python2 was not found on"):
        await made.ready()
