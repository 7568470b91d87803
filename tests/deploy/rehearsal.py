"""Both systems of docs/migrate.md on one machine, and what each command of it does there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.pubsub import PubSubServer
from local.servicebus import QueueMessage, ServiceBusServer
from tests.deploy import old_system
from tests.deploy.old_system import Service
from tests.deploy.units import ROOT, Unit

GUIDE = ROOT / "docs/migrate.md"
SMALL = ROOT / "deploy/small"
QUEUE = "iris"
TOPIC = "projects/p-123456/topics/iris-messages"
SUBSCRIPTION = "projects/p-123456/subscriptions/iris-messages"
DEAD_LETTERS = "projects/p-123456/topics/iris-dead-letters"
FUELS = ("CCGT", "WIND", "INTFR")
#: Readings of FUELINST are five minutes apart; the last one is just over.
LATEST = datetime.now(UTC).replace(second=0, microsecond=0)
COUNT = 60

#: The record's key and its value, of what is written and of what is asked.
Facts = dict[tuple[str, str], float]


def commands() -> tuple[list[str], list[str]]:
    """The guide's commands in their order: there, and on the way back."""
    there, back = (
        [
            line
            for block in re.findall(r"```sh\n(.*?)```", text, re.S)
            for line in block.strip().splitlines()
        ]
        for text in GUIDE.read_text().split("\n## The way back\n")
    )
    return there, back


def moment(number: int) -> str:
    return (LATEST - timedelta(minutes=5 * (COUNT - number))).strftime("%Y-%m-%dT%H:%M:%SZ")


def fuelinst(number: int) -> list[dict[str, Any]]:
    """A message's records, like no other's."""
    return [
        {
            "dataset": "FUELINST",
            "publishTime": moment(number),
            "startTime": moment(number - 1),
            "settlementDate": moment(number)[:10],
            "settlementPeriod": 1,
            "fuelType": fuel,
            "generation": 1_000 * number + at,
        }
        for at, fuel in enumerate(FUELS)
    ]


def freq(number: int) -> list[dict[str, Any]]:
    return [{"dataset": "FREQ", "measurementTime": moment(number), "frequency": 50 + number / 1e3}]


def file_name(dataset: str, number: int) -> str:
    return (
        f"{dataset}_{moment(number)[:16].translate({58: None, 45: None, 84: None})}_{number}.json"
    )


def expected(numbers: range) -> tuple[Facts, Facts]:
    return (
        {
            (record["publishTime"], record["fuelType"]): record["generation"]
            for number in numbers
            for record in fuelinst(number)
        },
        {(moment(number), ""): freq(number)[0]["frequency"] for number in numbers},
    )


class Rehearsal:
    """Both systems on one machine, and what each command of the guide does there.

    Attributes:
        told: what each command has printed.
    """

    def __init__(self, folder: Path, bus: ServiceBusServer, pubsub: PubSubServer) -> None:
        self.folder = folder
        self.files = folder / "iris_data"
        self.warehouse = folder / "old.duckdb"
        self.told: dict[str, str] = {}
        self.sent = 0
        self.applied = 0
        self._pubsub = pubsub
        self._queue = bus.queue(QUEUE)
        self.client = Service(old_system.client(bus.connection_string, QUEUE, self.files))
        self.uploader = Service(old_system.uploader(self.files, self.warehouse))
        emulator = {"PUBSUB_EMULATOR_HOST": pubsub.address}
        queue = {"IRIS_CONNECTION_STRING": bus.connection_string, "IRIS_QUEUE_NAME": QUEUE}
        bridge = {**queue, **emulator, "PUBSUB_TOPIC": TOPIC, "BRIDGE_HTTP": "none"}
        pipeline = {
            "INPUT_SUBSCRIPTION": SUBSCRIPTION,
            "WAREHOUSE": f"duckdb:{self.warehouse}",
            "DEAD_LETTER_TOPIC": DEAD_LETTERS,
        }
        self.bridge = Unit(SMALL / "iris-bridge.service", bridge, folder)
        self.pipeline = Unit(SMALL / "iris-pipeline.service", pipeline | emulator, folder)

    def send(self, count: int) -> None:
        """IRIS sends some more of each dataset."""
        for number in range(self.sent, self.sent + count):
            for dataset, records in (("FUELINST", fuelinst(number)), ("FREQ", freq(number))):
                body = json.dumps(json.dumps(records)).encode()
                name = file_name(dataset, number)
                self._queue.send([QueueMessage(body, subject=dataset, message_id=name)])
        self.sent += count

    def is_taken(self) -> bool:
        return not any(self._queue.counts())

    def run(self, command: str) -> None:
        """Does what the command does, by hand where it is for another place than this one."""
        for pattern, hand in self.hands.items():
            if match := re.fullmatch(pattern, command):
                self.told[command] = hand(self, *match.groups())
                return
        raise AssertionError(f"nobody knows how to rehearse: {command}")

    def infrastructure(self) -> str:
        """Terraform: first the topics; then, with a client id, the bridge; at last none again."""
        self.applied += 1
        if self.applied == 1:
            for topic in (TOPIC, DEAD_LETTERS):
                self._pubsub.ensure_topic(topic)
            self._pubsub.ensure_subscription(SUBSCRIPTION, TOPIC)
        elif self.applied == 2:
            self.bridge.start()
        else:
            assert self.bridge.stop() == 0
        return ""

    def make(self, target: str) -> str:
        """The command as it is shown; beside it this machine's service does the work."""
        shown = subprocess.run(
            [
                "make",
                target,
                "PROJECT=p-123456",
                "SET=dataset=uk_energy_prod",
                f"PYTHON={sys.executable}",
            ],
            cwd=ROOT,
            env=os.environ | {"DRY_RUN": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        if target == "launch":
            assert "warehouse=bigquery:p-123456.uk_energy_prod" in shown.stdout
            self.pipeline.start()
        elif target == "drain":
            assert self.pipeline.stop() == 0
        return shown.stdout

    def module(self, module: str, arguments: str) -> str:
        """A command of this project, for a file in BigQuery's place."""
        line = arguments.replace("bigquery:PROJECT.uk_energy_prod", f"duckdb:{self.warehouse}")
        done = self.shell(f"{sys.executable} -m {module} {line}")
        wanted = 1 if module == "schemas" and arguments.startswith("diff") else 0
        assert done.returncode == wanted, done.stderr
        return done.stdout

    def keep_view(self, view: str, file: str) -> str:
        (text,) = self.ask(f"SELECT sql FROM duckdb_views() WHERE view_name = '{view}'")[0]
        (self.folder / file).write_text(text)
        return ""

    def drop_view(self, view: str) -> str:
        self.ask(f"DROP VIEW {view}")
        return ""

    def question(self, sql: str) -> str:
        rows = self.ask(sql.replace("uk_energy_prod.", ""))
        return "\n".join(" ".join(map(str, row)) for row in rows)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with old_system.connect(self.warehouse) as connection:
            return connection.execute(sql).fetchall()

    def plain(self, *words: str) -> str:
        """A command of any shell."""
        done = self.shell(" ".join(words))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    def service(self, what: str, which: str) -> str:
        service = {"client": self.client, "uploader": self.uploader}[which]
        service.stop() if what == "stop" else service.start()
        return ""

    hands: dict[str, Callable[..., str]] = {  # noqa: RUF012
        r"terraform -chdir=deploy/terraform init": lambda self: "",
        r"terraform -chdir=deploy/terraform apply -var-file=../settings.json": infrastructure,
        r"make (template|launch|drain)": make,
        r"\.venv/bin/python -m (schemas|pipeline) (.*)": module,
        r"sudo systemctl (start|stop) iris-(client|uploader)": service,
        r"bq show --format=prettyjson uk_energy_prod\.(\w+) > (\S+)": keep_view,
        r"bq rm --force --table uk_energy_prod\.(\w+)": drop_view,
        r"bq query --nouse_legacy_sql '(.*)'": question,
        r'eval "\$\(terraform -chdir=deploy/terraform output -raw secret\)"': lambda self: "",
        r"((?:find|mkdir|tar) .*)": plain,
    }
