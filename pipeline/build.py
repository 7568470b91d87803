"""The graph, on one screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from pipeline.append import AppendDeadLetters, AppendLedger, AppendRows, SettleUndecoded
from pipeline.dead_letter_topic import publish_dead_letters
from pipeline.options import IrisOptions
from pipeline.transforms import (
    DEAD_LETTER_TAG,
    UNMAPPED_TAG,
    RouteByDataset,
    TypeRecords,
)
from schemas.model import Dataset


class WriteDataset(beam.PTransform):
    """Decoded messages of one dataset → its table. Gives ledger entries and dead letters."""

    def __init__(self, dataset: Dataset | None, warehouse: str) -> None:
        super().__init__()
        self._dataset = dataset
        self._warehouse = warehouse

    def expand(self, decoded: Any) -> Any:
        return (
            decoded
            | "TypeRecords" >> beam.ParDo(TypeRecords(self._dataset))
            | "AppendRows"
            >> beam.ParDo(AppendRows(self._warehouse, self._dataset)).with_outputs(
                DEAD_LETTER_TAG, main="ledger"
            )
        )


class WriteMessages(beam.PTransform):
    """Messages → tables, dead letters and ledger: fused, map-only, one element per message."""

    def __init__(
        self,
        datasets: Iterable[Dataset],
        warehouse: str,
        publish_dead_letters: beam.PTransform | None = None,
    ) -> None:
        super().__init__()
        self._datasets = {dataset.subject: dataset for dataset in datasets}
        self._warehouse = warehouse
        self._publish = publish_dead_letters

    @classmethod
    def from_options(
        cls, options: PipelineOptions, datasets: Iterable[Dataset]
    ) -> WriteMessages:
        """The transform that the command line asks for."""
        iris = options.view_as(IrisOptions)
        runner = options.view_as(StandardOptions).runner
        publish = None
        if iris.dead_letter_topic:
            publish = publish_dead_letters(iris.dead_letter_topic, runner)
        return cls(datasets, iris.warehouse, publish)

    def expand(self, messages: Any) -> Any:
        tags = [*self._datasets, UNMAPPED_TAG, DEAD_LETTER_TAG]
        route = RouteByDataset(frozenset(self._datasets))
        routed = messages | "RouteByDataset" >> beam.ParDo(route).with_outputs(*tags)
        written = [
            routed[tag] | f"Write_{tag}" >> WriteDataset(self._datasets.get(tag), self._warehouse)
            for tag in tags[:-1]
        ]
        undecoded = routed[DEAD_LETTER_TAG] | "SettleUndecoded" >> beam.ParDo(
            SettleUndecoded()
        ).with_outputs(DEAD_LETTER_TAG, main="ledger")
        written.append(undecoded)
        dead_letters = [outputs[DEAD_LETTER_TAG] for outputs in written] | (
            "DeadLetters" >> beam.Flatten()
        )
        ledger = [outputs.ledger for outputs in written] | "Ledger" >> beam.Flatten()
        dead_letters | "WriteDeadLetters" >> beam.ParDo(AppendDeadLetters(self._warehouse))
        ledger | "WriteLedger" >> beam.ParDo(AppendLedger(self._warehouse))
        if self._publish is not None:
            dead_letters | "PublishDeadLetters" >> self._publish
        return dead_letters
