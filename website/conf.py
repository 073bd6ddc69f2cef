"""Sphinx's configuration: pages that load nothing from other hosts, and links that are checked."""

from mms.version import __version__

project = "mms-server"
release = __version__
html_title = f"mms-server {release}"
html_theme = "furo"
html_copy_source = False
html_show_copyright = False

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4  # as deep as pages link: a link to no heading fails the build
pygments_style = "friendly"
pygments_dark_style = "monokai"
