"""The graph: its names, its shape, and messages that arrive over time."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.testing.test_stream import TestStream as Stream

from pipeline.append import Sink
from pipeline.build import WriteMessages, build
from pipeline.sinks import use_warehouse
from pipeline.transforms import DEAD_LETTER_TAG, UNMAPPED_TAG
from schemas import Dataset, Registry
from tests.pipeline.graph_runs import URL, demand, local_pipeline, message, reading
from tests.pipeline.memory import MemoryWarehouse

GOLDEN = Path(__file__).parent / "golden" / "transforms.txt"
RENEW = "RENEW_GOLDEN=1 make test ARGS=tests/pipeline/test_build.py"
OPTIONS = (
    "--runner=DataflowRunner",
    "--input_subscription=projects/p-123456/subscriptions/s",
    "--warehouse=bigquery:p-123456.iris",
    "--dead_letter_topic=projects/p-123456/topics/t",
)
PARDO = "beam:transform:pardo:v1"


def graph(datasets: Sequence[Dataset], *options: str) -> Any:
    """The graph's protocol buffer; it is built for Dataflow, and by no runner."""
    pipeline = beam.Pipeline(runner="FnApiRunner", options=PipelineOptions([]))
    build(pipeline, PipelineOptions(list(options or OPTIONS)), datasets)
    return pipeline.to_runner_api()


@pytest.fixture(scope="module")
def proto(registry: Registry) -> Any:
    """The graph of all datasets as Dataflow gets it."""
    return graph(list(registry.values()))


@pytest.fixture(scope="module")
def few(registry: Registry) -> list[Dataset]:
    return [registry[subject] for subject in ("FREQ", "INDOD", "mibm_mid")]


def transforms(proto: Any) -> dict[str, Any]:
    """Transforms by label, without the root, which has none."""
    return {one.unique_name: one for one in proto.components.transforms.values() if one.spec.urn}


def leaves(proto: Any) -> dict[str, Any]:
    """The transforms that do something; a group of others does nothing itself."""
    return {name: one for name, one in transforms(proto).items() if not one.subtransforms}


def test_labels_are_stable(proto: Any) -> None:
    """Dataflow's --update matches the steps of a running job by these names.

    A new dataset's names may be missing from the list: it takes nothing from a running job.
    """
    now = sorted(transforms(proto))
    if os.environ.get("RENEW_GOLDEN"):
        GOLDEN.write_text("".join(f"{name}\n" for name in now))
    before = GOLDEN.read_text().splitlines()
    known = {branch_of(name) for name in before}
    gone = [name for name in before if name not in now]
    new = [name for name in now if name not in before and branch_of(name) in known]
    assert (gone, new) == ([], []), (
        f"names of transforms have changed; gone: {gone[:3]}, new: {new[:3]}. "
        "A running job can be updated over this only with --transform_name_mapping. "
        f"If that is meant: {RENEW}"
    )


def branch_of(name: str) -> str | None:
    """The dataset in whose branch the transform of this name stands."""
    parts = name.split("/")
    return parts[2] if parts[:2] == ["WriteMessages", "WriteDataset"] and parts[2:] else None


def test_labels_are_unique(proto: Any) -> None:
    names = [one.unique_name for one in proto.components.transforms.values()]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_labels_are_pascal_case(proto: Any, registry: Registry) -> None:
    branches = {*registry, UNMAPPED_TAG}
    by_beam = re.compile(r"(ParDo|Map)\(\w+\)")
    odd = {
        part
        for name in transforms(proto)
        for part in name.split("/")
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", part)
        and not by_beam.fullmatch(part)
        and part not in branches
    }
    assert odd == set()


def test_each_dataset_has_a_branch_that_bears_its_name(proto: Any, registry: Registry) -> None:
    steps = {
        f"WriteMessages/WriteDataset/{branch}/{step}"
        for branch in (*registry, UNMAPPED_TAG)
        for step in ("TypeRecords", "AppendRows/ParDo(AppendRows)")
    }
    found = {name for name in leaves(proto) if name.startswith("WriteMessages/WriteDataset/")}
    assert found == steps | {
        f"WriteMessages/WriteDataset/{name}" for name in ("DeadLetters", "LedgerEntries")
    }


def test_one_output_per_dataset(proto: Any, registry: Registry) -> None:
    outputs = leaves(proto)["WriteMessages/RouteByDataset/ParDo(RouteByDataset)"].outputs
    assert set(outputs) - {"None"} == {*registry, UNMAPPED_TAG, DEAD_LETTER_TAG}
    steps = leaves(proto)
    for branch in (*registry, UNMAPPED_TAG):
        (source,) = steps[f"WriteMessages/WriteDataset/{branch}/TypeRecords"].inputs.values()
        assert source == outputs[branch]


def test_no_shuffle_and_no_state(proto: Any) -> None:
    steps = leaves(proto)
    assert {one.spec.urn for one in steps.values()} == {
        "beam:transform:pubsub_read:v1",
        "beam:transform:flatten:v1",
        PARDO,
    }
    for name, one in steps.items():
        if one.spec.urn != PARDO:
            continue
        do = beam_runner_api_pb2.ParDoPayload.FromString(one.spec.payload)
        assert (
            *do.side_inputs,
            *do.state_specs,
            *do.timer_family_specs,
            do.restriction_coder_id,
            do.requires_stable_input,
            do.requires_time_sorted_input,
        ) == ("", False, False), name


def test_everything_from_the_message_to_the_warehouse_is_one_stage(few: list[Dataset]) -> None:
    pipeline = local_pipeline()
    messages = pipeline | "Messages" >> beam.Create([message([])])
    messages | "WriteMessages" >> WriteMessages(few, Sink(URL))
    _, stages = FnApiRunner().create_stages(pipeline.to_runner_api())
    work = {
        frozenset(
            one.unique_name.removeprefix("WriteMessages/")
            for one in stage.transforms
            if one.spec.urn == PARDO and one.unique_name.startswith("WriteMessages/")
        )
        for stage in stages
    }
    branches = [f"WriteDataset/{one}" for one in ("FREQ", "INDOD", "mibm_mid", UNMAPPED_TAG)]
    assert work - {frozenset()} == {
        frozenset(
            {
                "RouteByDataset/ParDo(RouteByDataset)",
                "SettleUndecoded/ParDo(SettleUndecoded)",
                *(f"{branch}/TypeRecords" for branch in branches),
                *(f"{branch}/AppendRows/ParDo(AppendRows)" for branch in branches),
            }
        ),
        # FnApiRunner cuts at a Flatten.
        frozenset({"WriteDeadLetters"}),
        frozenset({"WriteLedger"}),
    }


def test_the_graph_is_small(proto: Any) -> None:
    """Dataflow takes 10 MB."""
    assert len(proto.SerializeToString()) < 2_000_000


def test_dead_letters_go_to_a_topic_only_when_asked(few: list[Dataset]) -> None:
    assert any("PublishDeadLetters" in name for name in transforms(graph(few)))
    without = graph(few, *OPTIONS[:3])
    assert not any("PublishDeadLetters" in name for name in transforms(without))


def test_the_file_door_spreads_its_work(few: list[Dataset]) -> None:
    found = graph(few, "--input_files=gs://bucket/*/*", OPTIONS[2])
    names = {name.split("/")[1] for name in transforms(found) if name.startswith("ReadFiles/")}
    assert names == {"Pattern", "ListFiles", "Spread", "ReadFiles"}
    behind = {name: one for name, one in leaves(found).items() if name.startswith("WriteM")}
    assert {one.spec.urn for one in behind.values()} == {PARDO, "beam:transform:flatten:v1"}


def test_datasets_are_an_argument(few: list[Dataset]) -> None:
    branches = {
        name.split("/")[2]
        for name in transforms(graph(few[:2]))
        if re.fullmatch(r"WriteMessages/WriteDataset/\w+/TypeRecords", name)
    }
    assert branches == {"FREQ", "INDOD", UNMAPPED_TAG}


def test_messages_that_arrive_over_time_are_written_once(few: list[Dataset]) -> None:
    warehouse = MemoryWarehouse()
    use_warehouse(URL, warehouse)
    first = [message([reading(1), reading(2)], message_id="a")]
    second = [
        message([demand()], "INDOD", "b"),
        message(b"broken", message_id="c"),
        message([1, reading(3)], message_id="d"),
        message([{}], "NEWS", "e"),
    ]
    third = [message([], message_id="f"), message([reading(4)], message_id="g")]
    stream = (
        Stream()
        .advance_watermark_to(0)
        .add_elements(first)
        .advance_watermark_to(10)
        .add_elements(second)
        .advance_processing_time(60)
        .advance_watermark_to(300)
        .add_elements(third)
        .advance_watermark_to_infinity()
    )
    pipeline = beam.Pipeline(
        runner="BundleBasedDirectRunner", options=PipelineOptions(["--streaming"])
    )
    pipeline | stream | "WriteMessages" >> WriteMessages(few, Sink(URL))
    pipeline.run().wait_until_finish()

    places = {
        name: [(row["_message_id"], row["_record_index"]) for row in warehouse.rows(name)]
        for name in list(warehouse.tables)
        if name != "iris_messages"
    }
    assert places == {
        "bmrs_freq_iris": [("a", 0), ("a", 1), ("d", 1), ("g", 0)],
        "bmrs_indod_iris": [("b", 0)],
        "iris_unmapped": [("e", 0)],
        "iris_dead_letters": [("c", None), ("d", 0)],
    }
    ledger = warehouse.rows("iris_messages")
    assert [
        (row["message_id"], row["records"], row["rows"], row["dead_letters"]) for row in ledger
    ] == [
        ("a", 2, 2, 0),
        ("b", 1, 1, 0),
        ("c", 0, 0, 1),
        ("d", 2, 1, 1),
        ("e", 1, 1, 0),
        ("f", 0, 0, 0),
        ("g", 1, 1, 0),
    ]
