"""An open-loop load generator: requests start when a schedule says, whatever the server does.

The library of `mms bench` and of the benchmarks; it knows of HTTP/1.1 and nothing of this server.
"""

from mms_server.load.generator import Generator, Outcome, Plan
from mms_server.load.histogram import Histogram
from mms_server.load.schedule import Arrivals, Phase, Schedule
from mms_server.load.tally import Kind, Result, Tally
from mms_server.load.target import Target, make_target

__all__ = [
    "Generator",
    "Plan",
    "Schedule",
    "Phase",
    "Arrivals",
    "Target",
    "make_target",
    "Result",
    "Tally",
    "Kind",
    "Histogram",
    "Outcome",
]
