"""The local BigQueryWrite server, seen through Google's own client: rows and their values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.protobuf import descriptor_pb2
from google.rpc import code_pb2

from schemas.model import Column, Partition
from tests.servers.bigquery_client import (
    EVERY_TYPE,
    answered,
    arrow_request,
    connect,
    default_stream,
    descriptor,
    encode,
    proto_request,
)
from tests.servers.bigquery_tables import Request
from tests.servers.bigquery_values import ValueRefused, json_text
from tests.servers.bigquery_write import BigQueryWriteServer

ALL = "projects/p/datasets/d/tables/all_types"
FIELDS = descriptor_pb2.FieldDescriptorProto
#: 2014-06-06 13:08:31.704381 as a packed civil time.
CIVIL = ((2014 << 26 | 6 << 22 | 6 << 17 | 13 << 12 | 8 << 6 | 31) << 20) | 704381

EMPTY: dict[str, Any] = {c.name: [] if c.repeated else None for c in EVERY_TYPE}
FULL: dict[str, Any] = {
    "s": "£ ≤ 7",
    "i": -(2**63),
    "f": 0.1,
    "b": False,
    "dt": datetime(2026, 10, 25, 1, 30, 0, 123456),
    "ts": datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    "d": date(2026, 10, 25),
    "j": '{"a": [1, 2.5, "x"], "big": 18446744073709551615}',
    "y": b"\x00\xff",
    "one": {"x": 7, "when": date(1970, 1, 2)},
    "many": [{"x": 1.5}, {"x": None}],
    "list": [3, 1],
}
FULL_INPUT = FULL | {
    "dt": "2026-10-25T01:30:00.123456",
    "ts": 1792891800_000000,
    "d": 20751,
    "one": {"x": 7, "when": 1},
    "many": [{"x": 1.5}, {}],
}


@pytest.fixture
def server() -> Iterator[BigQueryWriteServer]:
    with BigQueryWriteServer(tables={ALL: EVERY_TYPE}) as server:
        yield server


@pytest.fixture
def client(server: BigQueryWriteServer) -> Iterator[BigQueryWriteClient]:
    client, channel = connect(server.address)
    yield client
    channel.close()


def refusal(response: types.AppendRowsResponse) -> tuple[int, dict[int, str]]:
    assert {error.code.name for error in response.row_errors} <= {"FIELDS_ERROR"}
    return response.error.code, {error.index: error.message for error in response.row_errors}


def test_values_of_every_type_come_back(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    message = descriptor(EVERY_TYPE)
    request = proto_request(ALL, message, encode(message, [FULL_INPUT, {}]), trace_id="t")
    (response,) = client.append_rows(iter([request]), retry=None)
    assert answered(response) == ("append_result", default_stream(ALL), "")
    assert "offset" not in response.append_result
    assert server.rows(ALL) == [FULL, EMPTY]


@pytest.mark.parametrize(
    ("column", "field_type", "value", "expected"),
    [
        ("d", FIELDS.TYPE_STRING, "2026-1-05", date(2026, 1, 5)),
        ("d", FIELDS.TYPE_INT64, -719162, date(1, 1, 1)),
        ("dt", FIELDS.TYPE_STRING, "2026-01-05 7:08:09.5", datetime(2026, 1, 5, 7, 8, 9, 500000)),
        ("dt", FIELDS.TYPE_STRING, "2026-01-05", datetime(2026, 1, 5)),
        ("dt", FIELDS.TYPE_INT64, CIVIL, datetime(2014, 6, 6, 13, 8, 31, 704381)),
        ("ts", FIELDS.TYPE_INT64, -1, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)),
        ("i", FIELDS.TYPE_UINT32, 2**32 - 1, 2**32 - 1),
        ("f", FIELDS.TYPE_FLOAT, 0.5, 0.5),
        ("b", FIELDS.TYPE_INT32, 1, True),
        ("y", FIELDS.TYPE_STRING, "é", b"\xc3\xa9"),
        ("list", FIELDS.TYPE_INT32, [1, 2], [1, 2]),
    ],
)
def test_other_input_types(
    server: BigQueryWriteServer,
    client: BigQueryWriteClient,
    column: str,
    field_type: int,
    value: Any,
    expected: Any,
) -> None:
    message = descriptor(EVERY_TYPE, override={column: field_type})
    request = proto_request(ALL, message, encode(message, [{column: value}]))
    assert answered(*client.append_rows(iter([request]), retry=None))[0] == "append_result"
    assert server.rows(ALL) == [EMPTY | {column: expected}]


def test_arrow_values_come_back(server: BigQueryWriteServer, client: BigQueryWriteClient) -> None:
    schema = pa.schema(
        [
            ("s", pa.string()),
            ("i", pa.int64()),
            ("f", pa.float64()),
            ("b", pa.bool_()),
            ("dt", pa.timestamp("us")),
            ("ts", pa.timestamp("us", "UTC")),
            ("d", pa.date32()),
            ("j", pa.string()),
            ("y", pa.binary()),
            ("one", pa.struct([("x", pa.int64()), ("when", pa.date32())])),
            ("many", pa.list_(pa.struct([("x", pa.float64())]))),
            ("list", pa.list_(pa.int64())),
        ]
    )
    batch = pa.RecordBatch.from_pylist([FULL, EMPTY], schema)
    assert answered(*client.append_rows(iter([arrow_request(ALL, batch)]), retry=None)) == (
        "append_result",
        default_stream(ALL),
        "",
    )
    assert server.rows(ALL) == [FULL, EMPTY]
    assert server.requests() == [Request(1, ALL, 2, "applied")]


def test_one_bad_row_refuses_the_request_and_is_named(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    message = descriptor(EVERY_TYPE)
    bad: list[dict[str, Any]] = [
        {"i": 1},
        {"dt": "2026-02-30T00:00:00"},
        {"dt": "2026-02-03T00:00:00Z"},
        {"d": 2932897},
        {"ts": 2**63 - 1},
        {"j": "{'a': 1}"},
        {"one": {"when": -719163}},
    ]
    rows = [*encode(message, bad), b"\x0a\x02\xff\xfe", b"\x0a\x09x"]
    responses = client.append_rows(
        iter([proto_request(ALL, message, rows), proto_request(ALL, message, rows[:1])]),
        retry=None,
    )
    first, second = responses
    assert answered(first) == (
        "error",
        default_stream(ALL),
        "Errors found while processing rows. Please refer to the row_errors field for details."
        " The list may not be complete because of the size limitations."
        f" Entity: {default_stream(ALL)}",
    )
    assert refusal(first) == (
        code_pb2.INVALID_ARGUMENT,
        {
            1: "Invalid datetime string '2026-02-30T00:00:00' on field dt.",
            2: "Invalid datetime string '2026-02-03T00:00:00Z' on field dt.",
            3: "Date field value is out of range: 2932897 on field d.",
            4: "Timestamp field value is out of range: 9223372036854775807 on field ts.",
            5: "Invalid JSON: Expecting property name enclosed in double quotes: line 1 column 2"
            " (char 1) on field j.",
            6: "Date field value is out of range: -719163 on field one.when.",
            7: "Invalid UTF-8 string on field s.",
            8: "Invalid proto: Error parsing message with type 'Row'",
        },
    )
    assert answered(second)[0] == "append_result"
    assert server.rows(ALL) == [EMPTY | {"i": 1}]
    assert [request.outcome for request in server.requests()] == ["row_errors", "applied"]


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '"\\ud800"', "1e400", "0.1000000000000000055511", ""]
)
def test_json_that_is_not_strict_or_not_exact(text: str) -> None:
    with pytest.raises(ValueRefused):
        json_text(text)


@pytest.mark.parametrize("text", ["null", "1.50", "-9223372036854775808", "1e3", '"\\u00e9"'])
def test_json_that_is_strict_and_exact(text: str) -> None:
    assert json_text(text) == text


def test_partition_out_of_range() -> None:
    path = "projects/p/datasets/d/tables/days"
    columns = (Column("day", "DATE"),)
    with BigQueryWriteServer(partition_days=(10, 1), today=lambda: date(2026, 1, 11)) as server:
        server.create_table(path, columns, Partition("day"))
        client, channel = connect(server.address)
        message = descriptor(columns)
        days = [date(2026, 1, 1), date(2025, 12, 31), date(2026, 1, 12), date(2026, 1, 13)]
        rows = [{"day": (day - date(1970, 1, 1)).days} for day in days]
        request = proto_request(path, message, encode(message, rows))
        (response,) = client.append_rows(iter([request]), retry=None)
        channel.close()
    code, errors = refusal(response)
    assert (code, sorted(errors)) == (code_pb2.INVALID_ARGUMENT, [1, 3])
    assert errors[1] == (
        f"Value 2025-12-31 for partition column day of the destination table {path} is outside"
        " the allowed bounds. You can only stream to partitions of date range within 10 days in"
        " the past and 1 days in the future relative to the current date."
    )


def test_arrow_rows_that_are_refused(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    schema = pa.schema([("list", pa.list_(pa.int64())), ("dt", pa.timestamp("us"))])
    values = [{"list": None}, {"list": [1, None]}, {"list": []}]
    batch = pa.RecordBatch.from_pylist(values, schema)
    far = pa.RecordBatch.from_arrays([pa.array([2**62]).cast(pa.timestamp("us"))], ["dt"])
    first, second = client.append_rows(
        iter([arrow_request(ALL, batch), arrow_request(ALL, far)]), retry=None
    )
    null = "Repeated field value cannot be NULL on field list."
    assert refusal(first) == (code_pb2.INVALID_ARGUMENT, {0: null, 1: null})
    out_of_range = f"Datetime field value is out of range: {2**62} on field dt."
    assert refusal(second) == (code_pb2.INVALID_ARGUMENT, {0: out_of_range})
    for kind in (pa.large_string(), pa.string(), pa.timestamp("us")):
        wrong = pa.RecordBatch.from_arrays([pa.nulls(1, kind)], ["ts"])
        with pytest.raises(exceptions.InvalidArgument, match="The Arrow field mismatched"):
            list(client.append_rows(iter([arrow_request(ALL, wrong)]), retry=None))
    assert server.rows(ALL) == []


def test_descriptors_that_are_refused(client: BigQueryWriteClient) -> None:
    optional = descriptor(EVERY_TYPE)
    optional.nested_type[0].field[0].proto3_optional = True
    foreign = descriptor(EVERY_TYPE)
    foreign.field[9].type_name = ".elsewhere.T10"
    single = descriptor(EVERY_TYPE)
    single.field[11].label = FIELDS.LABEL_OPTIONAL
    for message, text in [
        (optional, "proto3_optional=true"),
        (foreign, "Invalid proto schema"),
        (single, "the proto field type int64, BigQuery field type REPEATED INT64"),
        (descriptor(EVERY_TYPE, override={"i": FIELDS.TYPE_UINT64}), "proto field type uint64"),
        (descriptor(EVERY_TYPE, override={"ts": FIELDS.TYPE_STRING}), "proto field type string"),
    ]:
        request = proto_request(ALL, message, [b""])
        with pytest.raises(exceptions.InvalidArgument, match=text):
            list(client.append_rows(iter([request]), retry=None))
