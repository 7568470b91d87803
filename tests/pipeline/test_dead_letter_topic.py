"""Dead letters as Pub/Sub messages."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from apache_beam.io import PubsubMessage
from google.api_core import exceptions as api
from google.cloud import pubsub_v1

from local.pubsub import PubSubServer
from pipeline import dead_letter_topic
from pipeline.dead_letter_topic import check_topic, publish_dead_letters, to_beam, to_pubsub
from pipeline.message import Message
from pipeline.reject import Reason, Reject, Stage
from pipeline.sinks.base import TransientError, WarehouseError
from pipeline.version import VERSION
from schemas import Registry
from tests.local.pubsub.clients import Clients
from tests.pipeline.graph_runs import ENQUEUED, message, reading, run, stop_the_clock
from tests.pipeline.live import PROJECT, clients_of
from tests.pipeline.made import NOW, micros
from tests.pipeline.memory import MemoryWarehouse

MISSING = f"{PROJECT}/topics/missing"


def reject(payload: bytes = b"{}", **more: Any) -> Reject:
    given: dict[str, Any] = {
        "message": Message(b"", "FREQ", "m1", ENQUEUED),
        "stage": Stage.TYPE,
        "reason": Reason.PARTITION_RANGE,
        "detail": "measurementTime is missing",
        "payload": payload,
        "failed": micros("2026-11-01T12:00:00.000250+00:00"),
    }
    return Reject(**(given | more))


def test_a_record() -> None:
    assert to_pubsub(reject(b'{"a": 1}', field="measurementTime", record_index=0)) == (
        b'{"a": 1}',
        {
            "dataset": "FREQ",
            "message_id": "m1",
            "enqueued_time": "2026-11-01T11:59:00Z",
            "source": "IRIS",
            "record_index": "0",
            "stage": "type",
            "reason": "PartitionRange",
            "detail": "measurementTime is missing",
            "field": "measurementTime",
            "failed_utc": "2026-11-01T12:00:00.000250Z",
            "pipeline_version": VERSION,
        },
    )


def test_a_whole_message() -> None:
    whole = Message(b"\x1f\x8b", "NEWS", "m2", None, "ARCHIVE", "gzip", uri="a/NEWS/m2")
    rejected = reject(
        b"\x1f\x8b",
        message=whole,
        stage=Stage.DECODE,
        reason=Reason.BAD_ENCODING,
        detail="broken gzip",
        failed=NOW,
        content_encoding="gzip",
    )
    assert to_pubsub(rejected) == (
        b"\x1f\x8b",
        {
            "dataset": "NEWS",
            "message_id": "m2",
            "source": "ARCHIVE",
            "content_encoding": "gzip",
            "stage": "decode",
            "reason": "BadEncoding",
            "detail": "broken gzip",
            "failed_utc": "2026-11-01T12:00:00Z",
            "pipeline_version": VERSION,
        },
    )


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ("x" * 1_024, "x" * 1_024),
        ("x" * 1_025, "x" * 1_024),
        ("ü" * 512, "ü" * 512),
        ("x" + "ü" * 512, "x" + "ü" * 511),
        ("x" * 1_022 + "€", "x" * 1_022),
        ("x" * 1_021 + "€", "x" * 1_021 + "€"),
        ("⚡" * 400, "⚡" * 341),
    ],
)
def test_attributes_are_cut_between_characters(detail: str, kept: str) -> None:
    name = Message(b"", detail, "m1", ENQUEUED)
    _, attributes = to_pubsub(reject(detail=detail, message=name))
    assert (attributes["detail"], attributes["dataset"]) == (kept, kept)


def test_a_large_payload_is_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_topic, "MAX_DATA_BYTES", 1_000)
    data, attributes = to_pubsub(reject(b"a" * 1_001))
    assert gzip.decompress(data) == b"a" * 1_001
    assert attributes["content_encoding"] == "gzip"
    data, attributes = to_pubsub(reject(b"a" * 1_000))
    assert (data, "content_encoding" in attributes) == (b"a" * 1_000, False)


def test_what_is_still_too_large_is_left_to_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_topic, "MAX_DATA_BYTES", 1_000)
    noise = random.Random(1).randbytes(2_000)
    for encoding in (None, "gzip"):
        data, attributes = to_pubsub(reject(noise, content_encoding=encoding))
        assert (data, attributes["payload"]) == (b"", "too large: see iris_dead_letters")
        assert attributes["message_id"] == "m1"


def test_the_bound_leaves_room_for_attributes() -> None:
    """Twelve of them and their names, within Pub/Sub's limit of 10,000,000 bytes."""
    assert dead_letter_topic.MAX_DATA_BYTES == 9_500_000


def test_messages_for_beam() -> None:
    rejects = [reject(b"1"), reject(b"2", record_index=7)]
    assert list(to_beam(rejects)) == [PubsubMessage(*to_pubsub(one)) for one in rejects]


@pytest.mark.parametrize(
    ("runner", "label"),
    [
        (None, "ParDo(PublishDeadLetters)"),
        ("DirectRunner", "ParDo(PublishDeadLetters)"),
        ("FnApiRunner", "ParDo(PublishDeadLetters)"),
        ("DataflowRunner", "_WriteToPubSub"),
        ("BundleBasedDirectRunner", "_WriteToPubSub"),
    ],
)
def test_the_connector_is_beams_where_there_is_one(runner: str | None, label: str) -> None:
    assert publish_dead_letters("projects/p-123456/topics/t", runner).label == label


@pytest.fixture(scope="module")
def server() -> Iterator[PubSubServer]:
    with PubSubServer() as server:
        yield server


@pytest.fixture
def clients(server: PubSubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with clients_of(server, monkeypatch) as clients:
        yield clients
    server.faults.clear()


def test_dead_letters_are_published_and_in_the_table(
    clients: Clients, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_the_clock(monkeypatch)
    warehouse = MemoryWarehouse()
    warehouse.refuses["bmrs_freq_iris"] = lambda row: "no" if row["frequency"] == 52.0 else None
    large = message(b"x" * 5_000_000, message_id="large")
    messages = [message([reading(1), 7, reading(2)]), message(b"\xff", "NEWS", "m2"), large]
    run(
        warehouse,
        [registry["FREQ"]],
        messages,
        publish_dead_letters(clients.topic, "FnApiRunner"),
    )
    assert len(warehouse.tables["iris_dead_letters"]) == 4
    received = {}
    while len(received) < 4:
        answer = clients.plain_subscriber.pull(subscription=clients.subscription, max_messages=9)
        for one in answer.received_messages:
            attributes = dict(one.message.attributes)
            key = attributes["message_id"], attributes.get("record_index")
            received[key] = (attributes["stage"], attributes["reason"], one.message.data)
    assert received == {
        ("m1", "1"): ("type", "NotObject", b"7"),
        ("m1", "2"): ("write", "RowRefused", json.dumps(reading(2)).encode()),
        ("m2", None): ("decode", "BadEncoding", b"\xff"),
        ("large", None): ("decode", "NotJson", large.data),
    }


def test_a_topic_that_is_missing(clients: Clients, registry: Registry) -> None:
    publish = publish_dead_letters(MISSING, "FnApiRunner")
    text = f"^--dead_letter_topic {MISSING}: .*does not exist"
    with pytest.raises(WarehouseError, match=text):
        run(MemoryWarehouse(), [registry["FREQ"]], [message([7])], publish)
    with pytest.raises(WarehouseError, match=text):
        check_topic(MISSING)
    check_topic(clients.topic)


def test_a_publisher_need_not_be_allowed_to_look(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise api.PermissionDenied("a publisher need not be a viewer")

    monkeypatch.setattr(pubsub_v1.PublisherClient, "get_topic", forbidden)
    check_topic(clients.topic)


def test_a_topic_that_takes_nothing_fails_the_bundle(
    server: PubSubServer,
    clients: Clients,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dead_letter_topic, "PUBLISH_SECONDS", 0.5)
    server.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE)
    publish = publish_dead_letters(clients.topic, "FnApiRunner")
    with pytest.raises(TransientError, match=clients.topic):
        run(MemoryWarehouse(), [registry["FREQ"]], [message([7])], publish)


def test_a_run_without_dead_letters_needs_no_topic(registry: Registry, clients: Clients) -> None:
    publish = publish_dead_letters(MISSING, "FnApiRunner")
    warehouse = MemoryWarehouse()
    run(warehouse, [registry["FREQ"]], [message([reading(1)])], publish)
    assert len(warehouse.tables["bmrs_freq_iris"]) == 1
