"""The local BigQueryWrite server, seen through Google's own client: the protocol."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.protobuf import descriptor_pb2

from schemas.model import Column
from tests.servers.bigquery_client import (
    EVERY_TYPE,
    Call,
    answered,
    arrow_request,
    connect,
    default_stream,
    descriptor,
    encode,
    proto_request,
)
from tests.servers.bigquery_tables import Counters
from tests.servers.bigquery_write import BigQueryWriteServer

DATASET = "projects/p/datasets/d/tables"
ALL = f"{DATASET}/all_types"
NAMES = f"{DATASET}/names"
NAME = (Column("name", "STRING"),)
INTERPRETATION = types.AppendRowsRequest.MissingValueInterpretation
FIELDS = descriptor_pb2.FieldDescriptorProto


@pytest.fixture
def server() -> Iterator[BigQueryWriteServer]:
    with BigQueryWriteServer(tables={ALL: EVERY_TYPE, NAMES: NAME}) as server:
        yield server


@pytest.fixture
def client(server: BigQueryWriteServer) -> Iterator[BigQueryWriteClient]:
    client, channel = connect(server.address)
    yield client
    channel.close()


def names(*values: str, path: str = NAMES) -> types.AppendRowsRequest:
    message = descriptor(NAME)
    return proto_request(path, message, encode(message, [{"name": v} for v in values]))


def test_many_tables_over_one_connection(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    paths = [f"{DATASET}/t{number}" for number in range(20)]
    for path in paths:
        server.create_table(path, NAME)
    requests = [names(f"{path} {turn}", path=path) for turn in range(3) for path in paths]
    responses = list(client.append_rows(iter(requests), retry=None))
    assert [answered(r) for r in responses] == [
        ("append_result", request.write_stream, "") for request in requests
    ]
    for path in paths:
        assert server.rows(path) == [{"name": f"{path} {turn}"} for turn in range(3)]
        assert server.counters(path) == Counters(0, 0, 3, server.counters(path).bytes, 3)
    size = sum(len(types.AppendRowsRequest.serialize(request)) for request in requests)
    total = server.counters()
    assert (total.connections_opened, total.requests, total.bytes, total.rows) == (1, 60, size, 60)


def test_what_later_requests_may_omit(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    message = descriptor(NAME)
    rows = encode(message, [{"name": "x"}])
    short = proto_request("", None, rows)
    responses = client.append_rows(iter([names("a"), short, names("b")]), retry=None)
    assert [answered(r)[0] for r in responses] == ["append_result"] * 3
    assert server.rows(NAMES) == [{"name": "a"}, {"name": "x"}, {"name": "b"}]

    other = f"{DATASET}/other"
    server.create_table(other, NAME)
    for requests, text in [
        ([short], "The first request must name a write_stream."),
        ([names("a"), names("a", path=other), short], "write_stream must be populated"),
        ([proto_request(NAMES, None, rows)], "The writer schema must be specified"),
        ([names("a"), proto_request(other, None, rows)], "The writer schema must be specified"),
    ]:
        with pytest.raises(exceptions.InvalidArgument, match=text):
            list(client.append_rows(iter(requests), retry=None))


@pytest.mark.parametrize("form", ["stream", "response"])
def test_a_schema_that_the_table_has_not(form: Any) -> None:
    extra = (*NAME, Column("Other", "INT64"))
    with BigQueryWriteServer(tables={NAMES: NAME}, schema_mismatch=form) as server:
        client, channel = connect(server.address)
        request = proto_request(NAMES, descriptor(extra), [b""])
        text = (
            "Input schema has more fields than BigQuery schema, extra fields: 'Other'"
            f" Entity: {default_stream(NAMES)}"
        )
        if form == "stream":
            with pytest.raises(exceptions.InvalidArgument) as caught:
                list(client.append_rows(iter([request]), retry=None))
            assert caught.value.message == text
            (detail,) = caught.value.details
        else:
            response, after = client.append_rows(iter([request, names("a")]), retry=None)
            assert answered(response) == ("error", default_stream(NAMES), text)
            assert answered(after)[0] == "append_result"
            detail = types.StorageError.pb(types.StorageError())
            response.error.details[0].Unpack(detail)
            assert detail.code == types.StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS
            assert detail.entity == default_stream(NAMES)
        mismatch = proto_request(
            NAMES, descriptor(NAME, override={"name": FIELDS.TYPE_INT64}), [b""]
        )
        assert not [row for row in server.rows(NAMES) if row != {"name": "a"}]
        text = "The proto field mismatched with BigQuery field at Row.name"
        if form == "stream":
            with pytest.raises(exceptions.InvalidArgument, match=text):
                list(client.append_rows(iter([mismatch]), retry=None))
        channel.close()


def test_an_added_column_is_told_once_and_then_taken(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    call = Call(client, names("a"))
    assert "updated_schema" not in call.answer()
    extra = Column("n", "INT64")
    server.add_column(NAMES, extra)
    call.send(names("b"), names("c"))
    told = call.answer().updated_schema
    assert [(field.name, field.type_.name, field.mode.name) for field in told.fields] == [
        ("name", "STRING", "NULLABLE"),
        ("n", "INT64", "NULLABLE"),
    ]
    assert "updated_schema" not in call.answer()
    wide = descriptor((*NAME, extra))
    call.send(proto_request(NAMES, wide, encode(wide, [{"name": "d", "n": 0}])))
    assert answered(call.answer())[0] == "append_result"
    assert list(call.close()) == []
    assert server.rows(NAMES) == [{"name": v, "n": None} for v in "abc"] + [{"name": "d", "n": 0}]


def test_requests_that_no_row_is_to_blame_for(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    offset = names("a")
    offset.offset = 0
    bad = names("a")
    bad.missing_value_interpretations = {"name": INTERPRETATION(0)}
    good = names("a")
    good.missing_value_interpretations = {"name": INTERPRETATION(1)}
    responses = client.append_rows(iter([offset, bad, names(), good]), retry=None)
    entity = f" Entity: {default_stream(NAMES)}"
    assert [answered(response)[2] for response in responses] == [
        "Offset is not allowed on the _default stream." + entity,
        "A missing value interpretation is unspecified." + entity,
        "Rows must be specified." + entity,
        "",
    ]


def test_get_write_stream(server: BigQueryWriteServer, client: BigQueryWriteClient) -> None:
    name = default_stream(ALL)
    basic = client.get_write_stream(name=name, retry=None)
    assert (basic.name, basic.type_.name, basic.location) == (name, "COMMITTED", "EU")
    assert "table_schema" not in basic
    full = client.get_write_stream({"name": name, "view": types.WriteStreamView.FULL}, retry=None)
    fields = {field.name: field for field in full.table_schema.fields}
    assert {key: (field.type_.name, field.mode.name) for key, field in fields.items()} == {
        column.name: (
            "DOUBLE" if column.type == "FLOAT64" else column.type,
            "REPEATED" if column.repeated else "NULLABLE",
        )
        for column in EVERY_TYPE
    }
    inner = [(field.name, field.type_.name) for field in fields["one"].fields]
    assert inner == [("x", "INT64"), ("when", "DATE")]
    server.delete_table(ALL)
    with pytest.raises(exceptions.NotFound, match="Requested entity was not found"):
        client.get_write_stream(name=name, retry=None)
    with pytest.raises(exceptions.MethodNotImplemented, match="FlushRows"):
        client.flush_rows(write_stream=name, retry=None)


def test_routing_header() -> None:
    with BigQueryWriteServer(tables={NAMES: NAME}, require_routing=True) as server:
        client, channel = connect(server.address)
        with pytest.raises(exceptions.PermissionDenied, match="may not exist"):
            list(client.append_rows(iter([names("a")]), retry=None))
        header = ("x-goog-request-params", f"write_stream={default_stream(NAMES)}")
        list(client.append_rows(iter([names("b")]), retry=None, metadata=(header,)))
        channel.close()
        assert server.routing == ["", header[1]]
        assert server.rows(NAMES) == [{"name": "b"}]


def test_a_server_process_that_counts_only(tmp_path: Path) -> None:
    tables = tmp_path / "tables.json"
    tables.write_text(json.dumps({NAMES: [{"name": "name", "type": "STRING"}]}), "utf-8")
    command = [sys.executable, "-m", "tests.servers.bigquery_write", "--discard", "--tables"]
    with subprocess.Popen(
        [*command, str(tables)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        ready, address = process.stdout.readline().split()
        client, channel = connect(address)
        batch = pa.RecordBatch.from_pylist([{"name": "a"}] * 5)
        requests = [names("a", "b"), arrow_request(NAMES, batch), names("c")]
        responses = list(client.append_rows(iter(requests), retry=None))
        channel.close()
        process.terminate()
        counted = json.loads(process.stdout.readline())
    assert (ready, process.returncode) == ("ready", 0)
    assert [answered(r) for r in responses] == [("append_result", default_stream(NAMES), "")] * 3
    size = sum(len(types.AppendRowsRequest.serialize(request)) for request in requests)
    seen = {"requests": 3, "bytes": size, "rows": 8}
    assert counted["tables"][NAMES] == {"connections_opened": 0, "connections_open": 0} | seen
    assert {key: counted[key] for key in seen} == seen
