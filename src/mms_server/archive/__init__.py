"""Archives: where they are, how they are fetched, what may be in them, how they are made.

Of the rest of the server this room knows only `errors`. The server itself uses `acquisition`
alone: everything else here blocks, and runs in the helper process or in `model-archiver`.

`PackRequest` and `pack` are for programs that make archives themselves; docs/archives.md has them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mms_server.archive.packing import PackRequest, pack
else:

    def __getattr__(name: str) -> object:
        # Late (PEP 562): the helper process passes through here, too, and packs nothing.
        if name in __all__:
            return getattr(importlib.import_module(f"{__name__}.packing"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["PackRequest", "pack"]
