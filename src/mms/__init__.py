"""What model code sees and runs in: the worker process, the context and the ready-made handlers.

Standard library only. Handlers import their engine lazily; nothing here ever imports the server.
"""

from mms.version import __version__

DISTRIBUTION = "mms-server"
"""Tells this package from the `mms` that PyPI's `multi-model-server` also installs."""

__all__ = ["DISTRIBUTION", "__version__"]
