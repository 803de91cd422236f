"""What the registries of detectors and channels add to the definition files."""

from __future__ import annotations

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.detectors import DETECTORS
from pulse_runner.segments.schema import Schema

SCHEMA = Schema(
    detectors={d.name: d.per_attribute for d in DETECTORS},
    channels={name: channel.settings for name, channel in CHANNELS.items()},
)
