"""The books of a load: what was sent, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from mms_server.load.histogram import Histogram
from mms_server.load.pool import Connections
from mms_server.load.schedule import Phase

QUANTILES = (0.5, 0.9, 0.99, 0.999)
"""What is reported of a distribution, beside its maximum."""


class Kind(StrEnum):
    """What an answer says, by its status."""

    GOOD = "2xx"
    REFUSED = "refused (429, 503)"
    OTHER = "other"


def kind_of(status: int) -> Kind:
    """Tell answers from refusals: 429 (RFC 6585) and 503 say that it may be tried again later."""
    if 200 <= status < 300:
        return Kind.GOOD
    return Kind.REFUSED if status in (429, 503) else Kind.OTHER


def _histograms() -> dict[Kind, Histogram]:
    return {kind: Histogram() for kind in Kind}


@dataclass(slots=True)
class Tally:
    """One phase. Once the load is over, `sent` is the sum of all `statuses` and `errors`."""

    phase: Phase
    elapsed_s: float = 0.0
    """How long the phase lasted: less than it was to if it was interrupted."""
    sent: int = 0
    """Requests whose intended start lay in the phase and came."""
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """Requests that were not answered, by what happened in their stead."""
    advised: int = 0
    """Refusals with a `Retry-After`."""
    good_in_time: int = 0
    """2xx answers that came while the phase lasted, whenever they were asked for."""
    waited: int = 0
    """Requests that found no connection free."""
    latency: dict[Kind, Histogram] = field(default_factory=_histograms)
    """From the intended start to the end of the answer."""
    lateness: Histogram = field(default_factory=Histogram)
    """From the intended start until the generator attended to it."""
    cpu_s: float = 0.0
    """Processor time of the generator's whole process."""

    @property
    def answered(self) -> int:
        """How many requests got an answer, of whatever status."""
        return self.statuses.total()

    @property
    def goodput_per_s(self) -> float:
        """2xx answers a second while the phase lasted."""
        return self.good_in_time / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def busy(self) -> float:
        """The share of one processor that the generator used."""
        return self.cpu_s / self.elapsed_s if self.elapsed_s else 0.0

    def to_document(self) -> dict[str, object]:
        """Return everything, for JSON."""
        return {
            "rate_per_s": self.phase.rate_per_s,
            "duration_s": self.phase.duration_s,
            "elapsed_s": self.elapsed_s,
            "sent": self.sent,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "errors": dict(sorted(self.errors.items())),
            "retry_after": self.advised,
            "goodput_per_s": self.goodput_per_s,
            "waited": self.waited,
            "latency": {kind.name.lower(): _describe(seen) for kind, seen in self.latency.items()},
            "lateness": _describe(self.lateness),
            "busy": self.busy,
        }


@dataclass(slots=True, frozen=True)
class Result:
    """What came of a load: a tally for each phase that began."""

    tallies: list[Tally]
    connections: Connections
    is_interrupted: bool

    def to_document(self) -> dict[str, object]:
        """Return everything, for JSON."""
        return {
            "phases": [tally.to_document() for tally in self.tallies],
            "connections": asdict(self.connections),
            "is_interrupted": self.is_interrupted,
        }


def _describe(histogram: Histogram) -> dict[str, float]:
    quantiles = {f"p{share * 100:g}_ms": histogram.quantile_s(share) * 1e3 for share in QUANTILES}
    return {
        "count": histogram.count,
        "mean_ms": histogram.mean_s * 1e3,
        **quantiles,
        "max_ms": histogram.max_s * 1e3,
    }
