"""PyTorch's TorchServe 0.12 from PyPI, MMS's successor, on the Java that is on the path."""

from __future__ import annotations

from pathlib import Path

from benchmarks import workload
from benchmarks.servers import java
from benchmarks.servers.ports import free_ports
from benchmarks.servers.recipe import Start
from benchmarks.venv import Venv

_RELEASE = "0.12.0"

# Its worker imports torch to tell whether an answer is a tensor, and asks nothing else of it; the
# torch of PyPI is gigabytes. The model's folder is on the worker's path.
_TORCH = '''"""Stands in for torch, of which TorchServe's worker uses one name."""


class Tensor:
    """No answer is one."""
'''


class TorchServe:
    """Logs are off in its front end, and so is what it collects of the host.

    Its queue is as long as MMS's here, for the same reason. Its memory is what it needs without
    torch. Token authorisation, which is on by default, is off.
    """

    name = "torchserve"

    def __init__(self) -> None:
        # It needs PyYAML without saying so.
        self._venv = Venv(f"torchserve=={_RELEASE}", "pyyaml==6.0.3")

    def install(self) -> None:
        """Find Java, and install the release from PyPI into an environment of its own."""
        java.find()
        self._venv.install()

    def version(self) -> str:
        """Return the release and Java's version."""
        return f"torchserve {_RELEASE} on {java.version()}"

    def prepare(self, folder: Path) -> Start:
        """Lay out `folder` for the launcher, which starts Java, which starts the worker."""
        ports = free_ports(5)
        config, store = folder / "config.properties", folder / "store"
        config.write_text("\n".join([*_settings(ports), ""]))
        workload.write_model(store)
        (store / workload.MODEL / "torch.py").write_text(_TORCH)
        options = ["--start", "--foreground", "--ncs", "--disable-token-auth"]
        options += ["--ts-config", str(config), "--model-store", str(store)]
        options += ["--models", f"{workload.MODEL}={workload.MODEL}", *java.without_logs(folder)]
        command = [self._venv.program("torchserve"), *options]
        return Start(command, f"http://127.0.0.1:{ports[0]}{workload.PATH}")


def _settings(ports: list[int]) -> list[str]:
    inference, management, metrics, grpc_inference, grpc_management = ports
    return [
        f"inference_address=http://127.0.0.1:{inference}",
        f"management_address=http://127.0.0.1:{management}",
        f"metrics_address=http://127.0.0.1:{metrics}",
        f"grpc_inference_port={grpc_inference}",
        f"grpc_management_port={grpc_management}",
        "default_workers_per_model=1",
        "disable_system_metrics=true",
        "job_queue_size=1000",
    ]
