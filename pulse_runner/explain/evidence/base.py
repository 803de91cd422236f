"""What a source of evidence has to fill."""

from __future__ import annotations

from typing import Protocol

from pulse_runner.explain.evidence.collector import Collector


class Source(Protocol):
    """A table or file that facts come from; the whole surface that a new source has to fill."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Name the kinds of evidence that it can give."""
        ...

    def gather(self, c: Collector) -> None:
        """Add to the collector every fact about its case; a query that fails becomes a gap."""
        ...
