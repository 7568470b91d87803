"""Values into columns by the exact path: the type table, row by row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.convert import Faults, convert
from pipeline.exact import parse
from schemas.model import SCALAR_TYPES, Column
from tests.pipeline.nested_table import LEAVES_OVER, TAKES_NESTED
from tests.pipeline.texts import scalars, schemas_of, values, wrong
from tests.pipeline.type_table import REFUSES, TAKES


def converted(column: Column, literal: str) -> tuple[str, int, int]:
    """The value (as ``repr``, which tells -0.0 from 0.0 and 1 from True) and the counts."""
    faults = Faults()
    value = convert(column, parse(f"[{literal}]")[0].value, faults)
    return repr(value), faults.misfits, faults.unknown


def rows_of(table: dict[str, list[Any]]) -> list[Any]:
    return [(kind, row) for kind, rows in table.items() for row in rows]


def test_the_table_is_whole() -> None:
    assert set(TAKES) == set(REFUSES) == SCALAR_TYPES


@pytest.mark.parametrize(("kind", "row"), rows_of(TAKES))
def test_what_a_column_takes(kind: str, row: tuple[str, Any]) -> None:
    literal, value = row
    assert converted(Column("v", kind), literal) == (repr(value), 0, 0)


@pytest.mark.parametrize(("kind", "literal"), rows_of(REFUSES))
def test_what_a_column_does_not_take(kind: str, literal: str) -> None:
    assert converted(Column("v", kind), literal) == ("None", 1, 0)


@pytest.mark.parametrize(("column", "literal", "value"), TAKES_NESTED)
def test_what_a_nested_column_takes(column: Column, literal: str, value: Any) -> None:
    assert converted(column, literal) == (repr(value), 0, 0)


@pytest.mark.parametrize(("column", "literal", "value", "misfits", "unknown"), LEAVES_OVER)
def test_what_a_nested_column_leaves_over(
    column: Column, literal: str, value: Any, misfits: int, unknown: int
) -> None:
    assert converted(column, literal) == (repr(value), misfits, unknown)


@pytest.mark.parametrize("kind", sorted(SCALAR_TYPES))
def test_an_array_of_any_type(kind: str) -> None:
    literals = [literal for literal, value in TAKES[kind] if value is not None]
    values = [value for _, value in TAKES[kind] if value is not None]
    column = Column("v", kind, repeated=True)
    assert converted(column, f"[{','.join(literals)}]") == (repr(values), 0, 0)
    assert converted(column, f"[{','.join([*literals, 'null'])}]") == ("None", 1, 0)
    assert converted(column, f"[{literals[0]},{REFUSES[kind][0]}]") == ("None", 1, 0)
    assert converted(column, literals[0]) == ("None", 1, 0)


def test_structs_inside_structs() -> None:
    leaf = Column("leaf", "INT64")
    inner = Column("inner", "STRUCT", columns=(leaf, Column("names", "STRING", repeated=True)))
    outer = Column("v", "STRUCT", repeated=True, columns=(inner,))
    literal = '[{"inner":{"leaf":1,"names":["a"]}},{"inner":{"leaf":1.5,"names":[null],"x":0}},{}]'
    value = [
        {"inner": {"leaf": 1, "names": ["a"]}},
        {"inner": {"leaf": None, "names": None}},
        {"inner": None},
    ]
    assert converted(outer, literal) == (repr(value), 2, 1)


def test_faults_add_up() -> None:
    faults = Faults(misfits=2, unknown=3)
    assert faults.total == 5
    convert(Column("v", "BOOL"), "true", faults)
    assert faults == Faults(misfits=3, unknown=3)


def fits(column: Column, value: Any) -> bool:
    """Whether ``value`` is what a sink may expect in ``column``."""
    if value is None:
        return True
    if column.repeated:
        one = Column(column.name, column.type, columns=column.columns)
        return type(value) is list and all(v is not None and fits(one, v) for v in value)
    if column.type == "STRUCT":
        names = [inner.name for inner in column.columns]
        return list(value) == names and all(fits(c, value[c.name]) for c in column.columns)
    if type(value) is not {"STRING": str, "FLOAT64": float, "BOOL": bool}.get(column.type, int):
        return False
    if column.type == "STRING":
        value.encode()
    return column.type != "INT64" or -(2**63) <= value < 2**63


@given(schemas_of().flatmap(lambda columns: st.tuples(st.just(columns[0]), wrong(columns[0]))))
def test_a_column_holds_only_what_it_can(drawn: tuple[Column, str]) -> None:
    column, literal = drawn
    faults = Faults()
    raw = parse(f"[{literal}]")[0].value
    value = convert(column, raw, faults)
    assert fits(column, value)
    assert value is not None or raw is None or faults.misfits > 0


@given(st.sampled_from(sorted(SCALAR_TYPES)), scalars() | values())
def test_a_value_is_taken_or_counted(kind: str, literal: str) -> None:
    value, misfits, unknown = converted(Column("v", kind), literal)
    assert (misfits, unknown) == (int(value == "None" and literal != "null"), 0)
