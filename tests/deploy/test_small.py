"""The small installation: two services of one machine, killed and started again, lose nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bridge.settings import MEANING
from local.pubsub import PubSubServer
from local.servicebus import QueueMessage, ServiceBusServer
from pipeline.options import OPTIONS
from schemas import Registry
from schemas.tables import MESSAGES, all_tables
from tests.deploy.units import PYTHON, ROOT, Unit, read_environment, read_unit
from tests.servers.bigquery_write import BigQueryWriteServer

SMALL = ROOT / "deploy/small"
QUEUE = "iris"
MESSAGES_IN_ALL = 240
KILLS = 4
TABLES = "projects/p-123456/datasets/iris/tables"


def environment(name: str) -> dict[str, str]:
    """The example's settings for a project."""
    found = read_environment(SMALL / f"{name}.env.example")
    return {key: value.replace("PROJECT", "p-123456") for key, value in found.items()}


def eventually(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    give_up = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < give_up, what()
        time.sleep(0.1)


def message(number: int) -> QueueMessage:
    """Two readings that no other message has, framed as IRIS frames them."""
    day, minute = divmod(number, 1_440)
    time_of_day = f"2026-11-{day + 1:02}T{minute // 60:02}:{minute % 60:02}"
    records = [
        {"dataset": "FREQ", "measurementTime": f"{time_of_day}:{second}Z", "frequency": value}
        for second, value in (("00", number), ("15", number + 0.5))
    ]
    body = json.dumps(json.dumps(records)).encode()
    return QueueMessage(body, subject="FREQ", message_id=f"FREQ_{number}.json")


@pytest.mark.timeout(240)
def test_both_services_are_killed_and_every_record_is_there(
    tmp_path: Path, registry: Registry
) -> None:
    bridge, pipeline = environment("bridge"), environment("pipeline")
    tables = {f"{TABLES}/{table.name}": table.columns for table in all_tables(registry)}
    freq = f"{TABLES}/{registry['FREQ'].table_name}"
    with (
        ServiceBusServer([QUEUE], lock_seconds=3.0) as servicebus,
        PubSubServer() as pubsub,
        BigQueryWriteServer(tables=tables) as bigquery,
    ):
        topic, subscription = bridge["PUBSUB_TOPIC"], pipeline["INPUT_SUBSCRIPTION"]
        pubsub.ensure_topic(topic)
        pubsub.ensure_subscription(subscription, topic)
        pubsub.ensure_topic(pipeline["DEAD_LETTER_TOPIC"])
        for name in ("IRIS_CLIENT_ID", "IRIS_CLIENT_SECRET", "BRIDGE_MONITORING_PROJECT"):
            del bridge[name]
        bridge |= {
            "IRIS_CONNECTION_STRING": servicebus.connection_string,
            "IRIS_QUEUE_NAME": QUEUE,
            "PUBSUB_EMULATOR_HOST": pubsub.address,
            "BRIDGE_HTTP": "none",
        }
        pipeline |= {
            "PUBSUB_EMULATOR_HOST": pubsub.address,
            "BIGQUERY_STORAGE_EMULATOR_HOST": bigquery.address,
        }
        queue = servicebus.queue(QUEUE)

        def written() -> set[str]:
            return {str(row["message_id"]) for row in bigquery.rows(f"{TABLES}/{MESSAGES.name}")}

        with (
            Unit(SMALL / "iris-bridge.service", bridge, tmp_path) as first,
            Unit(SMALL / "iris-pipeline.service", pipeline, tmp_path) as second,
        ):
            share = MESSAGES_IN_ALL // KILLS
            for kill in range(KILLS):
                more_than = partial(lambda before: len(written()) > before, len(written()))
                queue.send([message(kill * share + at) for at in range(share)])
                # In the middle of it, whichever part has got so far.
                eventually(more_than, first.log.read_text)
                (first, second)[kill % 2].kill()

            def is_over() -> bool:
                return (
                    len(written()) == MESSAGES_IN_ALL
                    and not any(queue.counts())
                    and not pubsub.unacknowledged(subscription)
                )

            eventually(is_over, lambda: (len(written()), first.log.read_text()[-2_000:],
                                         second.log.read_text()[-2_000:]))  # fmt: skip
            assert (first.stop(), second.stop()) == (0, 0)
        found = {
            (row["_message_id"], row["_record_index"]): row["frequency"]
            for row in bigquery.rows(freq)
        }
    assert found == {
        (f"FREQ_{number}.json", at): number + at / 2
        for number in range(MESSAGES_IN_ALL)
        for at in (0, 1)
    }


@pytest.mark.parametrize("name", ["bridge", "pipeline"])
def test_systemd_takes_the_unit(name: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / f"iris-{name}.service"
    unit.write_text((SMALL / unit.name).read_text().replace(PYTHON, sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_timer_is_one_that_can_be_enabled() -> None:
    """On the machine of Terraform it is started, at each start of the machine."""
    assert read_unit(SMALL / "iris-bridge-health.timer")["WantedBy"] == ["timers.target"]


@pytest.mark.parametrize("name", ["bridge", "pipeline"])
def test_a_unit_goes_on_for_ever_and_without_rights(name: str) -> None:
    settings = read_unit(SMALL / f"iris-{name}.service")
    assert settings["EnvironmentFile"] == [f"/etc/iris/{name}.env"]
    assert settings["StartLimitIntervalSec"] == ["0"]
    assert settings["DynamicUser"] == settings["NoNewPrivileges"] == ["yes"]


def test_the_examples_name_settings_that_there_are() -> None:
    assert set(read_environment(SMALL / "bridge.env.example")) <= set(MEANING)
    names = {name.lower() for name in read_environment(SMALL / "pipeline.env.example")}
    assert names < {option.name for option in OPTIONS}


def test_no_secret_is_in_an_example() -> None:
    assert environment("bridge")["IRIS_CLIENT_SECRET"] == ""
