"""Bare nginx with one worker process that answers a constant: what this machine can do at most."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from benchmarks import workload
from benchmarks.errors import MissingToolError
from benchmarks.servers.ports import free_ports
from benchmarks.servers.recipe import Start

# The request's body is read and dropped. A connection is kept for as many requests as it likes:
# nginx closes it after 1,000 otherwise, which the others never do.
_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
worker_rlimit_nofile 24576;
events {{ worker_connections 20480; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{port};
    location = {path} {{ default_type text/plain; return 200 "{answer}"; }}
  }}
}}
"""


class Nginx:
    """No model and no second process on the way: a ceiling, not a competitor."""

    name = "nginx"

    def install(self) -> None:
        """Find the program; raise MissingToolError if there is none."""
        _find()

    def version(self) -> str:
        """Return what `nginx -v` says."""
        banner = subprocess.run([_find(), "-v"], capture_output=True, text=True, check=True)
        return banner.stderr.strip().removeprefix("nginx version: ")

    def prepare(self, folder: Path) -> Start:
        """Lay out `folder` for the master process, which starts the worker process."""
        (port,) = free_ports(1)
        config = folder / "nginx.conf"
        where = {"folder": folder, "port": port, "path": workload.PATH, "answer": workload.ANSWER}
        config.write_text(_CONFIG.format_map(where))
        command = [_find(), "-e", "stderr", "-p", str(folder), "-c", str(config)]
        return Start(command, f"http://127.0.0.1:{port}{workload.PATH}")


def _find() -> str:
    # Debian installs it where only root's path looks.
    path = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if path is None:
        raise MissingToolError("nginx", "nginx-light")
    return path
