"""Rows in requests of bounded size, as ``AppendRows`` takes them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from google.cloud.bigquery_storage_v1 import types

from pipeline.reject import Reason
from pipeline.sinks.base import Refusal, Write
from pipeline.sinks.proto import RowEncoder, row_descriptor
from schemas.model import Column, Table

#: A request must stay below 10,000,000 bytes, the schema included.
MAX_ROWS_BYTES: Final = 8_000_000
MAX_ROW_BYTES: Final = 9_500_000
#: What a request takes for a row beside the row itself: a tag and a length.
_ROW_OVERHEAD: Final = 6


@dataclass(slots=True)
class Job:
    """Rows of one write on their way, small enough for one request.

    Attributes:
        write: which write of the ``append`` they belong to.
        table: where they go.
        columns: what the rows are made of.
        rows: the rows, serialized.
        positions: their places in the write.
        alone: sent in a call of its own, because a shared one may have ended through it.
        halved: part of a request that was refused as a whole.
    """

    write: int
    table: Table
    columns: tuple[Column, ...]
    rows: Sequence[bytes]
    positions: Sequence[int]
    alone: bool = False
    halved: bool = False

    def part(self, start: int, stop: int) -> Job:
        """The rows from ``start`` up to ``stop``."""
        return replace(self, rows=self.rows[start:stop], positions=self.positions[start:stop])

    def halves(self) -> list[Job]:
        """The same rows in two jobs."""
        middle = len(self.rows) // 2
        parts = (self.part(0, middle), self.part(middle, len(self.rows)))
        return [replace(part, halved=True) for part in parts]

    def without(self, bad: set[int]) -> Job:
        """The rows whose places in this job are not in ``bad``."""
        good = [at for at in range(len(self.rows)) if at not in bad]
        rows = [self.rows[at] for at in good]
        return replace(self, rows=rows, positions=[self.positions[at] for at in good])


class Requests:
    """Makes jobs of writes and requests of jobs. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._encoders: dict[tuple[Column, ...], RowEncoder] = {}
        self._headers: dict[tuple[Column, ...], types.ProtoSchema] = {}

    def jobs(self, at: int, write: Write, refused: list[Refusal]) -> Iterator[Job]:
        """The rows of ``write``, which is number ``at``; those too large go to ``refused``."""
        rows = self._encoder(write.columns).encode(write)
        whole = Job(at, write.table, write.columns, rows, range(len(rows)))
        start = size = 0
        for row, data in enumerate(rows):
            taken = len(data) + _ROW_OVERHEAD
            if len(data) > MAX_ROW_BYTES:
                detail = f"the row takes {len(data)} bytes, BigQuery at most {MAX_ROW_BYTES}"
                refused.append(Refusal(row, Reason.ROW_TOO_LARGE, detail))
                if row > start:
                    yield whole.part(start, row)
                start, size = row + 1, 0
            elif size + taken > MAX_ROWS_BYTES and row > start:
                yield whole.part(start, row)
                start, size = row, taken
            else:
                size += taken
        if start < len(rows):
            yield whole.part(start, len(rows))

    def request(self, job: Job, stream: str) -> types.AppendRowsRequest:
        """The request that sends ``job``."""
        return types.AppendRowsRequest(
            write_stream=stream,
            proto_rows=types.AppendRowsRequest.ProtoData(
                writer_schema=self._headers[job.columns],
                rows=types.ProtoRows(serialized_rows=job.rows),
            ),
        )

    def _encoder(self, columns: tuple[Column, ...]) -> RowEncoder:
        with self._lock:
            encoder = self._encoders.get(columns)
            if encoder is None:
                encoder = self._encoders[columns] = RowEncoder(columns)
                self._headers[columns] = types.ProtoSchema(proto_descriptor=row_descriptor(columns))
            return encoder
