"""GoogleSQL, the SQL of BigQuery, by Google's own code: its analyzer and its reference engine.

Both are open source (github.com/google/zetasql). The package brings them as WebAssembly, which
takes a core half a minute to translate: the result is kept in pytest's cache.
"""

from __future__ import annotations

import ctypes
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import wasmtime
from zetasql.core import wasm_client
from zetasql.core.exceptions import ServerError
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2 as public

_CACHE: Final = Path(__file__).parents[2] / ".pytest_cache" / "googlesql"
_ZONE: Final = "UTC"  # BigQuery's own
_SHOWN: Final = 1_000  # characters of a statement

#: What our SQL needs beyond the core of the language. BigQuery has each of them; it does not have
#: all that the analyzer knows.
FEATURES: Final = (
    "ANALYTIC_FUNCTIONS",
    "CIVIL_TIME",
    "CREATE_TABLE_CLUSTER_BY",
    "CREATE_TABLE_FIELD_ANNOTATIONS",
    "CREATE_TABLE_FUNCTION",
    "CREATE_TABLE_PARTITION_BY",
    "CREATE_VIEWS_WITH_COLUMN_OPTIONS",
    "CREATE_VIEW_WITH_COLUMN_LIST",
    "IS_DISTINCT",
    "JSON_ARRAY_FUNCTIONS",
    "JSON_TYPE",
    "ORDER_BY_IN_AGGREGATE",
    "QUALIFY",
    "SAFE_FUNCTION_CALL",
    "TABLE_VALUED_FUNCTIONS",
    "WITH_ON_SUBQUERY",
)
_LANGUAGE: Final = options_pb2.LanguageOptionsProto(
    product_mode=public.PRODUCT_EXTERNAL,
    enabled_language_features=[getattr(public, f"FEATURE_{one}") for one in FEATURES],
    reserved_keywords=["QUALIFY"],
)
_OPTIONS: Final = options_pb2.AnalyzerOptionsProto(
    language_options=_LANGUAGE, default_timezone=_ZONE
)


class Refused(Exception):
    """BigQuery would not take a statement; the text says where and why."""


def names() -> Any:
    """The names of the built-in functions, to which others can be added."""
    found = simple_catalog_pb2.SimpleCatalogProto(name="names")
    found.builtin_function_options.language_options.CopyFrom(_LANGUAGE)
    return found


def registered(names: Any) -> int:
    """A number for a state of the names."""
    request = service.RegisterCatalogRequest(simple_catalog=names)
    return int(_call("RegisterCatalog", request, service.RegisterResponse).registered_id)


def analyzed(statement: str, names: int) -> Any:
    """A statement with the types of all its parts.

    Raises:
        Refused: BigQuery would not take it.
    """
    request = service.AnalyzeRequest(
        sql_statement=statement, options=_OPTIONS, registered_catalog_id=names
    )
    response = _call("Analyze", request, service.AnalyzeResponse, statement)
    return inner(response.resolved_statement)


def evaluated(query: str, names: int) -> tuple[list[Any], list[list[Any]]]:
    """The columns of a query's answer (name and type), and the values of its rows.

    Raises:
        Refused: BigQuery would not take it, or it fails.
    """
    request = service.PrepareQueryRequest(sql=query, options=_OPTIONS, registered_catalog_id=names)
    prepared = _call("PrepareQuery", request, service.PrepareQueryResponse, query).prepared
    id_ = prepared.prepared_query_id
    try:
        run = service.EvaluateQueryRequest(prepared_query_id=id_)
        answer = _call("EvaluateQuery", run, service.EvaluateQueryResponse, query)
    finally:
        _call("UnprepareQuery", service.UnprepareQueryRequest(prepared_query_id=id_))
    return list(prepared.columns), [list(one.cell) for one in answer.content.table_data.row]


def _call(method: str, request: Any, response: Any = None, statement: str = "") -> Any:
    arguments = () if response is None else (response,)
    try:
        return _client().call_grpc_func(f"ZetaSqlLocalService_{method}", request, *arguments)
    except ServerError as error:
        raise Refused(f"{error}\nin: {statement[:_SHOWN]}") from None


def inner(message: Any) -> Any:
    """The message inside of those that only say of what kind it is."""
    while message.DESCRIPTOR.name.startswith("Any"):
        message = getattr(message, message.WhichOneof("node"))
    return message


class _Kept:
    """In the place of ``wasmtime.Module``, as far as the package uses it."""

    @staticmethod
    def from_file(engine: wasmtime.Engine, path: str) -> wasmtime.Module:
        kept = _CACHE / f"{version('zetasql')}-{version('wasmtime')}"
        with _alone():
            if not kept.exists():
                kept.write_bytes(wasmtime.Module.from_file(engine, path).serialize())
        return wasmtime.Module.deserialize_file(engine, str(kept))


@contextmanager
def _alone() -> Iterator[None]:
    """Of several test processes one translates, and the others wait for it."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Client(wasm_client.WasmClient):  # type: ignore[misc]
    """Moves bytes all together, where the package's moves them one by one."""

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._address(ptr), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._address(ptr), size)

    def _address(self, ptr: int) -> int:
        """A place of the engine's memory in that of this process."""
        return ctypes.addressof(self.memory.data_ptr().contents) + ptr


@cache
def _client() -> Any:
    wasm_client.Module = _Kept
    return _Client(get_wasm_path())
