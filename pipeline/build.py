"""The graph, on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from pipeline.append import SettleUndecoded, Sink
from pipeline.dead_letter_topic import publish_dead_letters
from pipeline.files import ReadFromFiles
from pipeline.options import STREAMING_INSERTS, IrisOptions
from pipeline.sinks import parse_url
from pipeline.subscription import ReadMessages
from pipeline.transforms import (
    DEAD_LETTER_TAG,
    LEDGER_TAG,
    UNMAPPED_TAG,
    RouteByDataset,
    TypeRecords,
)
from schemas.model import Dataset


def build(pipeline: beam.Pipeline, options: PipelineOptions, datasets: Sequence[Dataset]) -> None:
    """The whole graph: a door and the transforms behind it."""
    iris = options.view_as(IrisOptions)
    if iris.input_files:
        messages = pipeline | "ReadFiles" >> ReadFromFiles(iris.input_files)
    else:
        messages = pipeline | "ReadMessages" >> ReadMessages(iris.input_subscription)
    messages | "WriteMessages" >> WriteMessages.from_options(options, datasets)


class WriteMessages(beam.PTransform):
    """Messages → tables, dead letters and ledger: fused, map-only, one element per message."""

    def __init__(
        self, datasets: Iterable[Dataset], sink: Sink, publish: beam.PTransform | None = None
    ) -> None:
        super().__init__()
        self._datasets = {dataset.subject: dataset for dataset in datasets}
        self._sink = sink
        self._publish = publish

    @classmethod
    def from_options(cls, options: PipelineOptions, datasets: Iterable[Dataset]) -> WriteMessages:
        """The transform that the command line asks for."""
        iris = options.view_as(IrisOptions)
        runner = options.view_as(StandardOptions).runner
        publish = None
        if iris.dead_letter_topic:
            publish = publish_dead_letters(iris.dead_letter_topic, runner)
        return cls(datasets, sink_of(iris), publish)

    def expand(self, messages: Any) -> Any:
        tags = [*self._datasets, UNMAPPED_TAG]
        subjects = frozenset(self._datasets)
        route = RouteByDataset(subjects)
        routed = messages | "RouteByDataset" >> beam.ParDo(route).with_outputs(
            *tags, DEAD_LETTER_TAG
        )
        written = {tag: routed[tag] for tag in tags} | "WriteDataset" >> WriteDatasets(
            self._datasets, self._sink
        )
        undecoded = routed[DEAD_LETTER_TAG] | "SettleUndecoded" >> beam.ParDo(
            SettleUndecoded(subjects)
        ).with_outputs(DEAD_LETTER_TAG, main=LEDGER_TAG)
        dead_letters, ledger = (
            (written[tag], undecoded[tag]) | f"All{name}" >> beam.Flatten()
            for tag, name in ((DEAD_LETTER_TAG, "DeadLetters"), (LEDGER_TAG, "LedgerEntries"))
        )
        self._sink.write_own(dead_letters, ledger)
        if self._publish is not None:
            dead_letters | "PublishDeadLetters" >> self._publish
        return dead_letters


class WriteDatasets(beam.PTransform):
    """Decoded messages by tag → each to its table; gives dead letters and ledger entries."""

    def __init__(self, datasets: Mapping[str, Dataset], sink: Sink) -> None:
        super().__init__()
        self._datasets = datasets
        self._sink = sink

    def expand(self, routed: dict[str, Any]) -> dict[str, Any]:
        written = [
            messages | tag >> WriteDataset(self._datasets.get(tag), self._sink)
            for tag, messages in routed.items()
        ]
        dead_letters = [outputs[DEAD_LETTER_TAG] for outputs in written]
        dead_letters += self._sink.late_rejects(written)
        ledger = [outputs[LEDGER_TAG] for outputs in written]
        return {
            DEAD_LETTER_TAG: dead_letters | "DeadLetters" >> beam.Flatten(),
            LEDGER_TAG: ledger | "LedgerEntries" >> beam.Flatten(),
        }


class WriteDataset(beam.PTransform):
    """Decoded messages of one dataset, or of those nobody has described → rows in its table."""

    def __init__(self, dataset: Dataset | None, sink: Sink) -> None:
        super().__init__()
        self._dataset = dataset
        self._sink = sink

    def expand(self, decoded: Any) -> Any:
        typed = decoded | "TypeRecords" >> beam.ParDo(TypeRecords(self._dataset))
        return typed | "AppendRows" >> self._sink.append(self._dataset)


def sink_of(iris: IrisOptions) -> Sink:
    """The sink that the options name."""
    if iris.write_method == STREAMING_INSERTS:
        # Imported here: Beam's BigQuery connector costs a second.
        from pipeline.streaming_inserts import InsertSink

        return InsertSink(parse_url(iris.warehouse)[1])
    return Sink(iris.warehouse)
