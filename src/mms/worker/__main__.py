"""Entry point of a worker process: `python -m mms.worker`. It is valid Python 2, too."""

import sys

from mms.version import PYTHON_FLOOR

if sys.version_info < PYTHON_FLOOR:
    _text = "%s is Python %d.%d; a model's interpreter must be %d.%d or newer."
    _values = (sys.executable,) + sys.version_info[:2] + PYTHON_FLOOR  # noqa: RUF005 - Python 2
    sys.exit(_text % _values)

from mms.worker.main import main

main()
