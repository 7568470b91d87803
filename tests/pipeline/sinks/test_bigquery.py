"""The BigQuery sink as a whole: when it may write, over what, and how it ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import google.auth
import grpc
import pytest
from google.api_core import grpc_helpers
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from pipeline.sinks.base import TransientError, WarehouseError
from pipeline.sinks.bigquery import BigQueryWarehouse, Settings
from pipeline.sinks.bigquery_tables import EMULATOR_HOST, open_client
from schemas.model import Column
from schemas.tables import DEAD_LETTERS, MESSAGES, SYSTEM_TABLES, UNMAPPED
from tests.pipeline.sinks.support import (
    GOOD,
    HASTY,
    OTHER,
    QUICK,
    live,
    numbers,
    path,
    refused,
    rows_of,
    sink_on,
    some_value,
    stored,
    unavailable,
    until,
)
from tests.servers.bigquery_write import BigQueryWriteServer


def test_nothing_to_write() -> None:
    with live(GOOD) as (server, sink):
        assert sink.append([]) == []
        assert sink.append([numbers(GOOD), numbers(OTHER)]) == [[], []]
        assert server.counters().requests == 0


@pytest.mark.parametrize("missing", [DEAD_LETTERS, MESSAGES])
def test_nothing_is_written_before_the_system_tables_are_there(missing: Any) -> None:
    with live(GOOD, system=False) as (server, sink):
        for table in SYSTEM_TABLES:
            if table is not missing:
                server.create_table(path(table), table.columns)
        text = f"table p.d.{missing.name} does not exist: run python -m schemas apply"
        for _ in range(2):
            with pytest.raises(WarehouseError) as caught:
                sink.append([numbers(GOOD, 1)])
            assert str(caught.value) == text
        with pytest.raises(WarehouseError, match=text):
            sink.missing_columns(GOOD)
        assert (server.counters().requests, stored(server, GOOD)) == (0, [])

        first, second, third, *others = missing.columns
        server.create_table(path(missing), [first, *others])
        names = ", ".join(sorted((second.name, third.name)))
        text = f"table p.d.{missing.name} lacks {names}: run python -m schemas apply"
        until(lambda: error_of(sink) == text)
        server.add_column(path(missing), second)
        server.add_column(path(missing), third)
        until(lambda: error_of(sink) is None)
        assert stored(server, GOOD) == [1]


def error_of(sink: BigQueryWarehouse) -> str | None:
    """What an append of one row raises."""
    try:
        assert sink.append([numbers(GOOD, 1)]) == [[]]
    except WarehouseError as error:
        return str(error)
    return None


def test_a_system_table_of_another_type() -> None:
    with live(GOOD, system=False) as (server, sink):
        server.create_table(path(MESSAGES), MESSAGES.columns)
        server.create_table(
            path(DEAD_LETTERS), [Column(c.name, "STRING") for c in DEAD_LETTERS.columns]
        )
        assert error_of(sink) == (
            "table p.d.iris_dead_letters: column payload is STRING and not BYTES: "
            "see python -m schemas diff"
        )


def test_the_system_tables_take_rows_like_any_other() -> None:
    with live() as (server, sink):
        writes = [
            rows_of(table, [{column.name: some_value(column) for column in table.columns}])
            for table in SYSTEM_TABLES
        ]
        assert sink.append(writes) == [[], [], []]
        assert [len(server.rows(path(table))) for table in SYSTEM_TABLES] == [1, 1, 1]


def test_a_table_of_the_pipelines_own_that_goes_missing_later() -> None:
    with live() as (server, sink):
        assert sink.append([numbers(GOOD)])[0] == []
        server.delete_table(path(UNMAPPED))
        row = rows_of(UNMAPPED, [{"dataset": "X", "record": "{}"}])
        text = "table p.d.iris_unmapped does not exist: run python -m schemas apply"
        assert sink.append([row]) == [unavailable(1, text)]


def test_one_connection_that_is_opened_when_it_is_needed() -> None:
    with live(GOOD, OTHER, require_routing=True) as (server, sink):
        assert sink.missing_columns(GOOD) == frozenset()
        assert server.counters().connections_opened == 0
        for turn in range(3):
            writes = [numbers(GOOD, turn), numbers(OTHER, turn), numbers(GOOD, 10 + turn)]
            assert sink.append(writes) == [[], [], []]
        assert server.counters().connections_opened == 1
        assert server.routing == [
            "write_stream=projects/p/datasets/d/tables/iris_messages/streams/_default"
        ]
        assert stored(server, GOOD) == [0, 10, 1, 11, 2, 12]
        assert stored(server, OTHER) == [0, 1, 2]


def test_a_project_of_a_domain_is_escaped_in_the_header() -> None:
    with live(GOOD) as (server, sink):
        tables = "projects/example.com:p/datasets/d/tables"
        for table in (GOOD, *SYSTEM_TABLES):
            server.create_table(f"{tables}/{table.name}", table.columns)
        with sink_on(server, place="example.com:p.d") as other:
            assert other.append([numbers(GOOD, 1)]) == [[]]
        assert server.rows(f"{tables}/good") == [{"n": 1, "text": "1"}]
        assert stored(server, GOOD) == []
        assert server.routing == [
            "write_stream=projects/example.com%3Ap/datasets/d/tables/iris_messages/streams/_default"
        ]
        assert sink.append([numbers(GOOD, 2)]) == [[]]


def test_closed() -> None:
    with live(GOOD) as (server, sink):
        sink.append([numbers(GOOD, 1)])
        sink.close()
        until(lambda: server.counters().connections_open == 0)
        with pytest.raises(RuntimeError, match="closed"):
            sink.append([numbers(GOOD, 2)])
        assert stored(server, GOOD) == [1]
        sink.close()


def test_a_server_that_goes_and_comes_back() -> None:
    tables = {path(table): table.columns for table in (GOOD, *SYSTEM_TABLES)}
    with (
        BigQueryWriteServer(tables=tables) as first,
        sink_on(first) as sink,
        sink_on(first, HASTY) as hasty,
        ThreadPoolExecutor(1) as pool,
    ):
        assert sink.append([numbers(GOOD, 1)]) == hasty.append([numbers(GOOD, 2)]) == [[]]
        first.close()
        waiting = pool.submit(sink.append, [numbers(GOOD, 3)])
        with pytest.raises(TransientError, match=r"^p\.d\.good: UNAVAILABLE: .*tried for 0\.2 s"):
            hasty.append([numbers(GOOD, 4)])
        assert not waiting.done()
        with BigQueryWriteServer(first.port, tables=tables) as second:
            assert waiting.result(20) == [[]]
            assert stored(second, GOOD) == [3]


def test_the_emulator_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with live(GOOD) as (server, _):
        monkeypatch.setenv(EMULATOR_HOST, server.address)
        sink = BigQueryWarehouse("p.d", QUICK)
        server.faults.refuse_rows(lambda row: row["n"] == 2)
        assert sink.append([numbers(GOOD, 1, 2)]) == [refused(1)]
        assert stored(server, GOOD) == [1]
        sink.close()


def test_the_real_service_needs_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_credentials(*_: Any, **__: Any) -> Any:
        raise DefaultCredentialsError("none were found")

    monkeypatch.delenv(EMULATOR_HOST, raising=False)
    monkeypatch.setattr(google.auth, "default", no_credentials)
    with pytest.raises(WarehouseError) as caught:
        open_client()
    assert str(caught.value) == (
        "no Google credentials for BigQuery: run gcloud auth application-default login"
        " (none were found)"
    )


def test_the_channel_to_the_real_service_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def create_channel(target: str, **options: Any) -> grpc.Channel:
        seen.update(options, target=target)
        return grpc.insecure_channel("localhost:1")

    monkeypatch.delenv(EMULATOR_HOST, raising=False)
    monkeypatch.setattr(google.auth, "default", lambda *_, **__: (AnonymousCredentials(), "p"))
    monkeypatch.setattr(grpc_helpers, "create_channel", create_channel)
    client = open_client()
    client.transport.close()
    assert seen["target"] == "bigquerystorage.googleapis.com:443"
    assert dict(seen["options"]) == {
        "grpc.max_send_message_length": -1,
        "grpc.max_receive_message_length": -1,
        "grpc.keepalive_time_ms": 60_000,
        "grpc.keepalive_timeout_ms": 60_000,
        "grpc.keepalive_permit_without_calls": 1,
    }


def test_settings_are_patient_by_default() -> None:
    assert Settings() == Settings(
        answer_timeout=60.0, retry_for=120.0, first_wait=0.1, longest_wait=10.0, probe_every=60.0
    )
