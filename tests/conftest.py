"""What holds for all tests, however they were started."""

from __future__ import annotations

import signal

# A shell without job control has what it puts in the background ignore SIGINT (POSIX.1-2017, Shell
# Command Language, 2.11), and programs inherit that; tests interrupt those that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
