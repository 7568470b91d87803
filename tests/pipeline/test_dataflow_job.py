"""The complete job as Dataflow gets it from a template's launcher, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2

from schemas import Registry
from tests.pipeline.commands import ROOT
from tests.pipeline.dataflow_job import described

IMAGE = "europe-west2-docker.pkg.dev/p-123456/iris/pipeline:1"
ARGUMENTS = (
    "--project=p-123456",
    "--region=europe-west2",
    "--job_name=iris",
    "--temp_location=gs://bucket-123456/temp",
    "--staging_location=gs://bucket-123456/staging",
    "--input_subscription=projects/p-123456/subscriptions/iris",
    "--dead_letter_topic=projects/p-123456/topics/iris-dead-letters",
    "--warehouse=bigquery:p-123456.iris",
    "--num_workers=1",
    "--max_num_workers=3",
    "--machine_type=n1-standard-1",
    "--no_use_public_ips",
    "--subnetwork=regions/europe-west2/subnetworks/iris",
    "--service_account_email=iris@p-123456.iam.gserviceaccount.com",
    "--labels=service=iris",
)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the launcher would upload."""
    folder = tmp_path_factory.mktemp("staged")
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.dataflow_job", str(folder), *ARGUMENTS],
        cwd=ROOT,
        env=os.environ | {"IRIS_PIPELINE_IMAGE": IMAGE},  # as the image itself sets it
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    # A template's launcher has made no job yet, so it does not tell of one.
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def job(staged: Path) -> dict[str, Any]:
    return described(staged)


def test_the_job_streams_at_least_once_with_streaming_engine(job: dict[str, Any]) -> None:
    environment = job["environment"]
    assert (job["name"], job["type"], job["labels"]) == (
        "iris",
        "JOB_TYPE_STREAMING",
        {"service": "iris"},
    )
    assert environment["serviceOptions"] == ["streaming_mode_at_least_once"]
    assert environment["serviceAccountEmail"] == "iris@p-123456.iam.gserviceaccount.com"
    assert environment["version"] == {"job_type": "FNAPI_STREAMING", "major": "8"}
    assert {"enable_streaming_engine", "use_runner_v2"} <= set(environment["experiments"])


def test_its_workers(job: dict[str, Any]) -> None:
    (pool,) = job["environment"]["workerPools"]
    (container,) = pool.pop("sdkHarnessContainerImages")
    packages = {one["name"] for one in pool.pop("packages")}
    assert {name: pool[name] for name in pool if name not in ("taskrunnerSettings",)} == {
        "kind": "harness",
        "numWorkers": 1,
        "autoscalingSettings": {"maxNumWorkers": 3},
        "machineType": "n1-standard-1",
        "dataDisks": [{}],
        "workerHarnessContainerImage": IMAGE,
        "ipConfiguration": "WORKER_IP_PRIVATE",
        "subnetwork": "regions/europe-west2/subnetworks/iris",
    }
    assert container["containerImage"] == IMAGE
    # Nothing is installed when a worker starts: the image holds it all.
    assert packages == {"submission_environment_dependencies.txt"}


def test_its_graph_reads_and_writes_pubsub_natively(staged: Path, registry: Registry) -> None:
    proto = beam_runner_api_pb2.Pipeline.FromString((staged / "pipeline.pb").read_bytes())
    steps = [one for one in proto.components.transforms.values() if not one.subtransforms]
    urns = [one.spec.urn for one in steps]
    assert urns.count("beam:transform:pubsub_read:v1") == 1
    assert urns.count("beam:transform:pubsub_write:v1") == 1
    assert set(urns) == {
        "beam:transform:pubsub_read:v1",
        "beam:transform:pubsub_write:v1",
        "beam:transform:flatten:v1",
        "beam:transform:pardo:v1",
    }
    images = {
        beam_runner_api_pb2.DockerPayload.FromString(one.payload).container_image
        for one in proto.components.environments.values()
    }
    assert images == {IMAGE}
    branches = {
        one.unique_name.split("/")[2]
        for one in proto.components.transforms.values()
        if one.unique_name.startswith("WriteMessages/WriteDataset/")
    }
    assert set(registry) <= branches
    assert (staged / "pipeline.pb").stat().st_size < 2_000_000, "Dataflow takes 10 MB"
