"""The picture of the graph: what it shows of a graph that is small enough to be read."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from deploy.picture import picture


class ReadFromSomewhere(beam.PTransform):
    """A connector, which has parts of its own."""

    def expand(self, begin: Any) -> Any:
        return begin | "Ask" >> beam.Create([1]) | "Convert" >> beam.Map(str)


class Branch(beam.PTransform):
    """What happens to one dataset."""

    def expand(self, messages: Any) -> Any:
        return messages | "Type" >> beam.Map(str) | "Append" >> beam.Map(str)


class Both(beam.PTransform):
    """A connector beneath another transform, and the branches behind it."""

    def expand(self, begin: Any) -> Any:
        messages = begin | "ReadFromSomewhere" >> ReadFromSomewhere()
        written = [messages | name >> Branch() for name in ("WAVE", "TIDE", "unmapped")]
        return written | "All" >> beam.Flatten() | "Ledger" >> beam.Map(str)


def test_branches_are_one_and_connectors_are_closed() -> None:
    pipeline = beam.Pipeline(runner="FnApiRunner", options=PipelineOptions([]))
    pipeline | "Both" >> Both()
    drawn = picture(pipeline.to_runner_api(), ["TIDE", "WAVE"])
    assert (
        drawn
        == """flowchart LR
  s0["ReadFromSomewhere"]
  s3["All"]
  s4["Ledger"]
  subgraph branch["one branch per dataset, and one for the unmapped"]
    s1["Type"]
    s2["Append"]
  end
  s0 --> s1
  s1 --> s2
  s2 --> s3
  s3 --> s4
"""
    )
