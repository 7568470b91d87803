"""Statements as BigQuery would take them: every name known with its types, the text as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zetasql.wasi._pb2.zetasql.proto import function_pb2
from zetasql.wasi._pb2.zetasql.public import function_pb2 as public
from zetasql.wasi._pb2.zetasql.public import simple_table_pb2

from schemas.ddl import bigquery_type
from schemas.model import Table
from schemas.views.model import Definition, Function, bigquery_statement
from tests.googlesql import engine
from tests.googlesql.types import text_of, type_of

#: Names and types of columns, in order.
Columns = list[tuple[str, str]]
HOME = "p.d"


def analyzed(tables: Iterable[Table], definitions: Sequence[Definition]) -> dict[str, Columns]:
    """The columns of views and table functions by name; the result of a function has no name.

    Raises:
        engine.Refused: BigQuery would not take a definition's statement.
    """
    names = engine.names()
    for table in tables:
        columns = [(one.name, bigquery_type(one)) for one in table.columns]
        names.table.append(_relation(table.name, columns))
    found: dict[str, Columns] = {}
    waiting = list(definitions)
    while waiting:
        known = engine.registered(names)
        left = {one.name for one in waiting}
        for one in [one for one in waiting if not one.needs & left]:
            found[one.name] = _add(names, one, known)
        waiting = [one for one in waiting if one.name not in found]
    return found


def _add(names: Any, definition: Definition, known: int) -> Columns:
    statement = engine.analyzed(bigquery_statement(definition, HOME), known)
    if isinstance(definition, Function):
        names.custom_function.append(_function(definition))
        return [("", text_of(_result(statement.function_expression)))]
    columns = [(one.name, text_of(one.column.type)) for one in _output(statement)]
    if definition.parameters:
        names.custom_tvf.append(_table_function(definition, columns))
    else:
        names.table.append(_relation(definition.name, columns))
    return columns


def _output(statement: Any) -> Any:
    has_it = "output_column_list" in statement.DESCRIPTOR.fields_by_name
    return (statement if has_it else statement.parent).output_column_list


def _result(expression: Any) -> Any:
    """The type of an expression, which each kind of them has from its ancestors."""
    message = engine.inner(expression)
    while "type" not in message.DESCRIPTOR.fields_by_name:
        message = message.parent
    return message.type


def _relation(name: str, columns: Sequence[tuple[str, str]]) -> Any:
    found = [
        simple_table_pb2.SimpleColumnProto(name=one, type=type_of(text)) for one, text in columns
    ]
    return simple_table_pb2.SimpleTableProto(name=f"{HOME}.{name}", column=found)


def _argument(type_: str, name: str = "") -> Any:
    return function_pb2.FunctionArgumentTypeProto(
        kind=public.ARG_TYPE_FIXED,
        type=type_of(type_),
        num_occurrences=1,
        options=function_pb2.FunctionArgumentTypeOptionsProto(argument_name=name or None),
    )


def _arguments(definition: Definition) -> list[Any]:
    return [_argument(one.type, one.name) for one in definition.parameters]


def _function(definition: Function) -> Any:
    signature = function_pb2.FunctionSignatureProto(
        argument=_arguments(definition), return_type=_argument(definition.returns)
    )
    return function_pb2.FunctionProto(
        name_path=[f"{HOME}.{definition.name}"],
        group="UDF",
        mode=public.FunctionEnums.SCALAR,
        signature=[signature],
    )


def _table_function(definition: Definition, columns: Columns) -> Any:
    found = [
        function_pb2.TVFRelationColumnProto(name=name, type=type_of(text)) for name, text in columns
    ]
    returns = function_pb2.FunctionArgumentTypeProto(
        kind=public.ARG_TYPE_RELATION,
        num_occurrences=1,
        options=function_pb2.FunctionArgumentTypeOptionsProto(
            relation_input_schema=function_pb2.TVFRelationProto(column=found, is_value_table=False)
        ),
    )
    return function_pb2.TableValuedFunctionProto(
        name_path=[f"{HOME}.{definition.name}"],
        signature=function_pb2.FunctionSignatureProto(
            argument=_arguments(definition), return_type=returns
        ),
        type=public.FunctionEnums.FIXED_OUTPUT_SCHEMA_TVF,
    )
