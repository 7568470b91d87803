"""The file door: which files, in what groups, as which messages."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipeline import files
from pipeline.append import Sink
from pipeline.build import WriteMessages
from pipeline.files import ReadFromFiles, any_match, list_groups, read_schema_dir
from pipeline.message import Message
from pipeline.sinks import close_warehouses, use_warehouse
from schemas import Registry, SchemaError
from tests.pipeline.graph_runs import URL, ask, demand, local_pipeline, metrics_of, reading
from tests.pipeline.made import micros
from tests.pipeline.memory import MemoryWarehouse

Put = Callable[[str, bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def put(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return put


def messages_of(pattern: str, expected: list[Message]) -> None:
    """Asserts that the files of ``pattern`` are the messages ``expected``."""
    with local_pipeline() as pipeline:
        assert_that(pipeline | ReadFromFiles(pattern), equal_to(expected))


def test_a_file_is_a_message(put: Put, tmp_path: Path) -> None:
    named = put("FREQ/FREQ_202610251159_abc123.json", b"[1]")
    other = put("mibm_mid/by hand", b"")
    wrong = put("MID/MID_202613011200_x.json", b"\xff")
    messages_of(
        f"{tmp_path}/*/*",
        [
            Message(
                data=b"[1]",
                dataset="FREQ",
                message_id="FREQ_202610251159_abc123.json",
                enqueued=micros("2026-10-25T11:59:00+00:00"),
                source="FILE",
                uri=str(named),
            ),
            Message(b"", "mibm_mid", "by hand", None, "FILE", uri=str(other)),
            Message(b"\xff", "MID", "MID_202613011200_x.json", None, "FILE", uri=str(wrong)),
        ],
    )


def test_compressed_files_come_as_they_are(put: Put, tmp_path: Path) -> None:
    data = gzip.compress(b"[]")
    for name in ("a.json.gz", "b.gz", "c.json", "d.bz2"):
        put(f"FREQ/{name}", data)
    messages_of(
        f"{tmp_path}/FREQ/*",
        [
            Message(data, "FREQ", name, None, "FILE", uri=f"{tmp_path}/FREQ/{name}")
            for name in ("a.json.gz", "b.gz", "c.json", "d.bz2")
        ],
    )


@pytest.mark.skipif(sys.platform != "linux", reason="names there are text")
def test_names_of_any_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "FREQ"
    folder.mkdir()
    Path(os.fsdecode(bytes(folder) + b"/\xff [1]*.json")).write_bytes(b"[]")
    name = "\\xff [1]*.json"
    messages_of(
        f"{tmp_path}/*/*", [Message(b"[]", "FREQ", name, None, "FILE", uri=f"{folder}/{name}")]
    )


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*/*/*", ["2026-10/FREQ/a", "2026-10/MID/b", "2026-11/FREQ/a"]),
        ("2026-1?/FREQ/*", ["2026-10/FREQ/a", "2026-11/FREQ/a"]),
        ("**", ["2026-10/FREQ/a", "2026-10/MID/b", "2026-11/FREQ/a", "2026-11/FREQ/deep/er/c"]),
        ("2026-10/MID/b", ["2026-10/MID/b"]),
        ("2026-1[01]/MID/*", ["2026-10/MID/b"]),
        ("*/FREQ", []),
        ("nowhere/*", []),
    ],
)
def test_patterns(pattern: str, found: list[str], put: Put, tmp_path: Path) -> None:
    for name in ("2026-10/FREQ/a", "2026-10/MID/b", "2026-11/FREQ/a", "2026-11/FREQ/deep/er/c"):
        put(name, b"[]")
    groups = list(list_groups(f"{tmp_path}/{pattern}"))
    assert sorted(path for group in groups for path in group) == [
        f"{tmp_path}/{name}" for name in found
    ]
    assert any_match(f"{tmp_path}/{pattern}") == bool(found)


def group_sizes(pattern: str) -> list[int]:
    return [len(group) for group in list_groups(pattern)]


def test_groups_are_bounded_by_count(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "GROUP_FILES", 3)
    for at in range(7):
        put(f"FREQ/{at}", b"[]")
    assert group_sizes(f"{tmp_path}/*/*") == [3, 3, 1]


def test_groups_are_bounded_by_bytes(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "GROUP_BYTES", 100)
    for at, size in enumerate((60, 40, 1, 250, 99, 1, 0)):
        put(f"FREQ/{at}", b"x" * size)
    groups = list(list_groups(f"{tmp_path}/FREQ/*"))
    sizes = [[Path(path).stat().st_size for path in group] for group in groups]
    # In whatever order the files are listed: above the bound only for one file.
    assert sorted(size for group in sizes for size in group) == [0, 1, 1, 40, 60, 99, 250]
    assert all(sum(group) <= 100 or [size for size in group if size] == [250] for group in sizes)
    assert len(sizes) <= 5


def test_the_bounds_themselves() -> None:
    assert (files.GROUP_FILES, files.GROUP_BYTES) == (500, 32_000_000)


def test_the_files_of_a_group_become_one_element(put: Put, tmp_path: Path) -> None:
    for at in range(4):
        put(f"FREQ/{at}", b"[]")
    with local_pipeline() as pipeline:
        groups = pipeline | beam.Create([f"{tmp_path}/*/*"]) | beam.ParDo(files.ListFiles())
        assert_that(groups | beam.Map(len), equal_to([4]))


def test_empty_packed_and_large_files(put: Put, tmp_path: Path, registry: Registry) -> None:
    count = 70_000
    large = "[" + ",".join(json.dumps(reading(at % 60)) for at in range(count)) + "]"
    assert len(large) > 5_000_000
    put("FREQ/large", large.encode())
    put("FREQ/empty", b"")
    put("FREQ/no records", b"[]")
    packed = put("FREQ/packed.json.gz", gzip.compress(json.dumps([reading(7)]).encode()))
    warehouse = MemoryWarehouse()
    use_warehouse(URL, warehouse)
    with local_pipeline() as pipeline:
        read = pipeline | ReadFromFiles(f"{tmp_path}/*/*")
        read | WriteMessages([registry["FREQ"]], Sink(URL))
    assert len(warehouse.tables["bmrs_freq_iris"]) == count + 1
    assert {
        row["message_id"]: (row["bytes"], row["records"], row["rows"], row["dead_letters"])
        for row in warehouse.tables["iris_messages"]
    } == {
        "large": (len(large), count, count, 0),
        "empty": (0, 0, 0, 1),
        "no records": (2, 0, 0, 0),
        "packed.json.gz": (packed.stat().st_size, 1, 1, 0),
    }
    (dead,) = warehouse.tables["iris_dead_letters"]
    assert (dead["_message_id"], dead["reason"], dead["payload"]) == ("empty", "NotJson", b"")


def test_a_payload_too_large_for_a_row_is_named_by_its_file(
    put: Put, tmp_path: Path, registry: Registry
) -> None:
    path = put("FREQ/huge", b"x" * 8_000_001)
    warehouse = MemoryWarehouse()
    use_warehouse(URL, warehouse)
    with local_pipeline() as pipeline:
        read = pipeline | ReadFromFiles(f"{tmp_path}/*/*")
        read | WriteMessages([registry["FREQ"]], Sink(URL))
    (dead,) = warehouse.tables["iris_dead_letters"]
    assert (dead["payload"], dead["content_encoding"]) == (str(path).encode(), None)


def test_two_thousand_small_files(put: Put, tmp_path: Path, registry: Registry) -> None:
    for at in range(1_000):
        put(f"in/FREQ/FREQ_202611011159_{at:05}.json", json.dumps([reading(at % 60)]).encode())
        put(f"in/INDOD/{at}", json.dumps([demand(value=at), at]).encode())
    place = tmp_path / "iris.duckdb"
    pipeline = local_pipeline()
    (
        pipeline
        | ReadFromFiles(f"{tmp_path}/in/*/*")
        | WriteMessages([registry["FREQ"], registry["INDOD"]], Sink(f"duckdb:{place}"))
    )
    result = pipeline.run()
    close_warehouses()
    assert ask(
        place,
        "SELECT (SELECT count(DISTINCT (_message_id, _record_index)) FROM bmrs_freq_iris), "
        "(SELECT count(*) FROM bmrs_freq_iris), (SELECT sum(demand) FROM bmrs_indod_iris), "
        "(SELECT count(*) FROM iris_dead_letters), (SELECT count(*) FROM iris_messages)",
    ) == [(1_000, 1_000, sum(range(1_000)), 1_000, 2_000)]
    counters = metrics_of(result).counters
    assert (counters["FREQ.rows"], counters["INDOD.rows"], counters["INDOD.messages"]) == (
        1_000,
        1_000,
        1_000,
    )


def test_schema_files_of_a_directory(put: Put, tmp_path: Path) -> None:
    for name in ("B.json", "A.json", "notes.txt", "deep/C.json"):
        put(name, f'"{name} ü"'.encode())
    assert list(read_schema_dir(str(tmp_path))) == [
        (f"{tmp_path}/A.json", '"A.json ü"'),
        (f"{tmp_path}/B.json", '"B.json ü"'),
    ]
    assert list(read_schema_dir(f"{tmp_path}/nowhere")) == []


def test_a_schema_file_in_another_encoding(put: Put, tmp_path: Path) -> None:
    path = put("A.json", b'{"subject": "\xfc"}')
    with pytest.raises(SchemaError) as caught:
        list(read_schema_dir(str(tmp_path)))
    assert str(caught.value) == f"{path}: not UTF-8 at byte 13; save it as UTF-8"


def test_a_schema_directory_of_an_unknown_kind() -> None:
    with pytest.raises(SchemaError, match=r"^nfs9://server/x: cannot be read: "):
        list(read_schema_dir("nfs9://server/x"))
