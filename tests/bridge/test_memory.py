"""The bridge stays below 150 MB with whatever a backlog holds."""

from __future__ import annotations

import json
import random
from pathlib import Path

from local.servicebus import Certificates, Data, QueueMessage
from tests.bridge.namespace import namespace
from tests.bridge.process import Process
from tests.bridge.stack import eventually, ids, numbered

MOST = 150_000_000


def test_a_backlog_of_mixed_sizes(certificates: Certificates, tmp_path: Path) -> None:
    draw = random.Random(1)
    records = json.dumps([{"a": at, "b": "x" * 20} for at in range(300_000)]).encode()
    # The large ones follow on small ones, when the bridge asks for many at once.
    backlog = [
        *numbered(5_000, 2_000),
        *numbered(400, 50_000),
        *(
            QueueMessage(Data(records[: draw.randint(1_000_000, 11_000_000)]), message_id=f"l{at}")
            for at in range(14)
        ),
        *numbered(400, 50_000),
    ]
    with (
        namespace(certificates, lock_seconds=60.0) as space,
        Process(space.settings(), tmp_path) as bridge,
    ):
        bridge.await_message("queue receiving")
        space.stack.queue.send(backlog)
        eventually(lambda: space.stack.queue.counts() == (0, 0, 0, 0), space.stack.queue.counts)
        assert bridge.pages.metric("process_resident_memory_bytes") < MOST
        assert bridge.memory("VmHWM") < MOST
        space.stack.topic.await_ids(ids(backlog))
        assert not [one for one in bridge.messages if "unavailable" in one]
