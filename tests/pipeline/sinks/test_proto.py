"""Rows as protocol buffers, read back by the protobuf library itself."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sinks import proto
from pipeline.sinks.base import Write
from pipeline.sinks.proto import RowEncoder, row_descriptor, varint
from pipeline.times import to_datetime
from schemas.model import Column, Table
from tests.pipeline.sinks.support import columns, rows_of, typed, writes

FIELD = descriptor_pb2.FieldDescriptorProto


def message_class(columns: tuple[Column, ...]) -> type[Message]:
    """The class that the library makes of ``row_descriptor``; proto2, as BigQuery reads it."""
    file = descriptor_pb2.FileDescriptorProto(
        name="row.proto", syntax="proto2", message_type=[row_descriptor(columns)]
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Row"))


def read(message: Any, columns: tuple[Column, ...]) -> dict[str, Any]:
    """All fields of ``message``, as they are on the wire: None where a field is not set."""
    assert [field.name for field in message.DESCRIPTOR.fields] == [c.name for c in columns]
    return {column.name: _field(message, column) for column in columns}


def _field(message: Any, column: Column) -> Any:
    value = getattr(message, column.name)
    if column.repeated:
        return [read(item, column.columns) if column.columns else item for item in value]
    if not message.HasField(column.name):
        return None
    return read(value, column.columns) if column.columns else value


def on_the_wire(column: Column, value: Any) -> Any:
    """What the wire holds for a canonical value."""
    if column.repeated:
        return [_one_on_the_wire(column, item) for item in value or ()]
    return None if value is None else _one_on_the_wire(column, value)


def _one_on_the_wire(column: Column, value: Any) -> Any:
    if column.type == "STRUCT":
        return {c.name: on_the_wire(c, value[c.name]) for c in column.columns}
    if column.type == "DATETIME":
        return str(to_datetime(value).replace(tzinfo=None))
    return value


def check(write: Write, encoder: RowEncoder) -> None:
    """Every row, parsed by the library, holds the values of ``write`` and nothing else."""
    cls = message_class(write.columns)
    encoded = encoder.encode(write)
    messages = [cls.FromString(data) for data in encoded]
    # The library writes the same bytes: no field is there twice, unknown, or out of order.
    assert [message.SerializeToString(deterministic=True) for message in messages] == encoded
    got = [read(message, write.columns) for message in messages]
    expected = [
        {c.name: on_the_wire(c, write.values[at][row]) for at, c in enumerate(write.columns)}
        for row in range(write.count)
    ]
    assert typed(got) == typed(expected)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_the_library_reads_what_the_encoder_writes(data: st.DataObject) -> None:
    table = Table("t", data.draw(columns()))
    encoder = RowEncoder(table.columns)
    for _ in range(2):  # values of the first write are looked up in the second
        check(data.draw(writes(table)), encoder)


@pytest.mark.parametrize(
    ("kind", "extremes"),
    [
        ("STRING", ["", "\0", "a" * 127, "a" * 128, "ü" * 64, "𝄞" * 5_000]),
        ("INT64", [0, 1, -1, 127, 128, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)]),
        ("FLOAT64", [0.0, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 0.1]),
        ("BOOL", [False, True]),
        ("DATETIME", [0, -1, 1, -62_135_596_800_000_000, 253_402_300_799_999_999]),
        ("TIMESTAMP", [0, -1, 1, -62_135_596_800_000_000, 253_402_300_799_999_999]),
        ("DATE", [0, -1, 1, -719_162, 2_932_896]),
        ("JSON", ["null", '{"ü":"\\u0000"}', "[" + "1," * 5_000 + "1]"]),
        ("BYTES", [b"", b"\x00", bytes(range(256)), b"x" * 16_384]),
    ],
)
def test_extremes(kind: str, extremes: list[Any]) -> None:
    one = Column("one", kind)
    many = Column("many", kind, repeated=True)
    both = Column("both", "STRUCT", columns=(one, many))
    all_of_them = Column("all", "STRUCT", repeated=True, columns=(both,))
    table = Table("t", (one, many, both, all_of_them))
    rows: list[dict[str, Any]] = [{"one": None, "many": None, "both": None, "all": None}]
    for value in extremes:
        inner = {"one": value, "many": [value, value]}
        rows.append({**inner, "both": inner, "all": [{"both": inner}, {"both": None}]})
    empty = {"one": None, "many": []}
    rows.append({**empty, "both": empty, "all": []})
    check(rows_of(table, rows), RowEncoder(table.columns))


def test_a_zero_has_no_sign() -> None:
    column = (Column("f", "FLOAT64"),)
    both = Write(Table("t", column), column, [[-0.0, 0.0]], 2)
    turned = Write(Table("t", column), column, [[0.0, -0.0]], 2)
    zero = b"\x09" + bytes(8)
    assert RowEncoder(column).encode(both) == [zero, zero]
    assert RowEncoder(column).encode(turned) == [zero, zero]


def test_values_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proto, "KEPT_VALUES", 50)
    monkeypatch.setattr(proto._Memo, "kept", 0)
    table = Table("t", (Column("n", "INT64"), Column("text", "STRING")))
    encoders = [RowEncoder(table.columns) for _ in range(3)]
    most = 0
    for turn in range(30):
        encoder = encoders[turn % 3]
        rows = [{"n": turn * 7 + at, "text": f"text {turn * 7 + at}"} for at in range(7)]
        check(rows_of(table, rows), encoder)
        most = max(most, sum(len(memo) for one in encoders for memo in one._memos))
    assert most <= 50
    long = rows_of(table, [{"n": 1, "text": "x" * 1000}])
    check(long, encoders[0])
    assert not any("x" * 1000 in memo for memo in encoders[0]._memos)


def test_descriptor() -> None:
    inner = (Column("when", "DATE"), Column("deep", "STRUCT", columns=(Column("x", "JSON"),)))
    got = row_descriptor(
        (Column("a", "INT64", repeated=True), Column("s", "STRUCT", columns=inner))
    )
    deep = descriptor_pb2.DescriptorProto(
        name="Row_2_2",
        field=[FIELD(name="x", number=1, label="LABEL_OPTIONAL", type="TYPE_STRING")],
    )
    nested = descriptor_pb2.DescriptorProto(
        name="Row_2",
        field=[
            FIELD(name="when", number=1, label="LABEL_OPTIONAL", type="TYPE_INT32"),
            FIELD(
                name="deep",
                number=2,
                label="LABEL_OPTIONAL",
                type="TYPE_MESSAGE",
                type_name="Row_2_2",
            ),
        ],
        nested_type=[deep],
    )
    assert got == descriptor_pb2.DescriptorProto(
        name="Row",
        field=[
            FIELD(name="a", number=1, label="LABEL_REPEATED", type="TYPE_INT64"),
            FIELD(
                name="s", number=2, label="LABEL_OPTIONAL", type="TYPE_MESSAGE", type_name="Row_2"
            ),
        ],
        nested_type=[nested],
    )


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (2**63 - 1, "ffffffffffffffff7f"),
        (-1, "ffffffffffffffffff01"),
        (-(2**63), "80808080808080808001"),
    ],
)
def test_varint(value: int, encoded: str) -> None:
    assert varint(value).hex() == encoded
