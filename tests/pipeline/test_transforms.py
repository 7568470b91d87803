"""From message to typed rows: routing, and what goes along with the rows."""

from __future__ import annotations

import gzip
import json
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.pvalue import TaggedOutput
from apache_beam.testing.util import assert_that, equal_to

from pipeline.message import Message
from pipeline.reject import Reason, Reject, Stage
from pipeline.transforms import (
    DEAD_LETTER_TAG,
    UNMAPPED_TAG,
    Decoded,
    RouteByDataset,
    TypeRecords,
)
from pipeline.typed import Typed
from schemas import Registry
from tests.pipeline.graph_runs import demand, local_pipeline, message, reading, stop_the_clock
from tests.pipeline.made import NOW, micros, rows

SUBJECTS = frozenset({"FREQ", "MID", "mibm_mid"})


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch)


def routed(one: Message) -> tuple[str, Any]:
    """The tag and the value of the one output for a message."""
    (output,) = RouteByDataset(SUBJECTS).process(one)
    assert isinstance(output, TaggedOutput)
    return output.tag, output.value


@pytest.mark.parametrize(
    ("dataset", "tag"),
    [
        ("FREQ", "FREQ"),
        ("freq", UNMAPPED_TAG),
        ("mibm_mid", "mibm_mid"),
        ("MIBM_MID", UNMAPPED_TAG),
        ("MID", "MID"),
        ("NEWS", UNMAPPED_TAG),
        ("unknown", UNMAPPED_TAG),
        (DEAD_LETTER_TAG, UNMAPPED_TAG),
        (" FREQ", UNMAPPED_TAG),
    ],
)
@pytest.mark.parametrize("says", [{"dataset": "MID"}, {"dataset": "FREQ"}, {}])
def test_the_envelope_decides(dataset: str, tag: str, says: dict[str, str]) -> None:
    one = message([says], dataset)
    assert routed(one) == (tag, Decoded(one, json.dumps([says])))


def test_the_framing_comes_off() -> None:
    framed = json.dumps(json.dumps([reading()])).encode()
    compressed = message(gzip.compress(framed), content_encoding="gzip")
    assert routed(compressed) == ("FREQ", Decoded(compressed, json.dumps([reading()])))


@pytest.mark.parametrize(
    ("data", "encoding", "reason", "detail"),
    [
        (b"\x80", None, Reason.BAD_ENCODING, "no UTF-8: byte 0x80 at position 0"),
        (b"[]", "gzip", Reason.BAD_ENCODING, "gzip"),
        (b"", None, Reason.NOT_JSON, "the body is empty"),
        (b"12", None, Reason.NOT_RECORDS, "expected an array of records, got '12'"),
    ],
)
@pytest.mark.parametrize("dataset", ["FREQ", "NEWS"])
def test_a_body_without_records_is_one_reject(
    data: bytes, encoding: str | None, reason: Reason, detail: str, dataset: str
) -> None:
    one = message(data, dataset, content_encoding=encoding)
    tag, reject = routed(one)
    assert tag == DEAD_LETTER_TAG
    assert reject == Reject(
        message=one,
        stage=Stage.DECODE,
        reason=reason,
        detail=reject.detail,
        payload=data,
        failed=NOW,
        content_encoding=encoding,
    )
    assert detail in reject.detail


def typed(registry: Registry, subject: str | None, one: Message, text: str) -> Typed:
    """What ``TypeRecords`` gives for a message whose framing is off."""
    do = TypeRecords(None if subject is None else registry[subject])
    do.setup()
    (result,) = do.process(Decoded(one, text))
    return result


def test_rows_of_a_dataset(registry: Registry) -> None:
    text = json.dumps([demand(), 1])
    one = message(gzip.compress(text.encode()), "INDOD", content_encoding="gzip")
    got = typed(registry, "INDOD", one, text)
    published, day = micros("2026-11-01T09:00:00+00:00"), 20_757
    assert rows(got) == [["INDOD", published, day, 800]]
    assert (got.records, got.newest, got.size) == (2, published, len(one.data))
    assert got.batch.message == one._replace(data=b"")
    (reject,) = got.rejects
    assert (reject.reason, reject.failed, reject.record_index) == (Reason.NOT_OBJECT, NOW, 1)


def test_rows_of_the_unmapped(registry: Registry) -> None:
    one = message([{"a": 1.50}], "NEWS")
    got = typed(registry, None, one, '[{"a": 1.50}]')
    assert rows(got) == [["NEWS", '{"a":1.50}']]
    assert (got.records, got.newest, got.size) == (1, None, len(one.data))
    assert got.batch.message == one._replace(data=b"")


def test_text_that_only_begins_well_keeps_the_bytes_received(registry: Registry) -> None:
    data = gzip.compress(b"[{]")
    one = message(data, content_encoding="gzip")
    for subject in ("FREQ", None):
        got = typed(registry, subject, one, "[{]")
        (reject,) = got.rejects
        assert (reject.reason, reject.payload, reject.content_encoding) == (
            Reason.NOT_JSON,
            data,
            "gzip",
        )
        assert (len(got.batch), got.records, got.size) == (0, 0, len(data))


def test_each_dataset_has_an_output_of_its_own() -> None:
    messages = [
        message([], "FREQ", "a"),
        message([], "mibm_mid", "b"),
        message([], "NEWS", "c"),
        message(b"x", "FREQ", "d"),
        message([], "FREQ", "e"),
    ]
    tags = [*sorted(SUBJECTS), UNMAPPED_TAG, DEAD_LETTER_TAG]
    expected = {"FREQ": ["a", "e"], "mibm_mid": ["b"], "MID": [], "unmapped": ["c"]}
    with local_pipeline() as pipeline:
        given = pipeline | beam.Create(messages)
        outputs = given | beam.ParDo(RouteByDataset(SUBJECTS)).with_outputs(*tags)
        for tag in tags:
            ids = outputs[tag] | f"Ids{tag}" >> beam.Map(lambda one: one.message.message_id)
            assert_that(ids, equal_to(expected.get(tag, ["d"])), label=f"Check{tag}")
        assert_that(outputs[None] | beam.combiners.Count.Globally(), equal_to([0]))
