"""A dataset of the local BigQuery, and the commands that keep it, as a user calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from schemas.cli import main
from tests.schemas.keeping import FEW
from tests.schemas.warehouses.bigquery_catalog import BigQueryCatalog

Call = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[BigQueryCatalog]:
    with BigQueryCatalog() as server:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server.url)
        monkeypatch.setattr("schemas.cli.load", lambda *folders: FEW)
        yield server


@pytest.fixture
def call(catalog: BigQueryCatalog, capsys: pytest.CaptureFixture[str]) -> Call:
    def call(command: str, *arguments: str) -> tuple[int, list[str], str]:
        code = main([command, "--warehouse", "bigquery:project-1.iris", *arguments])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return call
