"""The commands of a job's life: as they are shown, and as gcloud itself understands them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import gcloud
from deploy.names import FILES, STREAM, Names
from deploy.settings import read
from deploy.template import metadata
from tests.servers.dataflow_api import DataflowApi

ROOT = Path(__file__).parents[2]
PROJECT = "p-123456"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def names(**given: str) -> Names:
    settings = read(Path("missing.json"), {"project": PROJECT, **given})
    return Names(settings, "1.0")


def test_launch() -> None:
    assert gcloud.run(names()) == [
        *("gcloud", "dataflow", "flex-template", "run", "iris"),
        "--project=p-123456",
        "--region=us-central1",
        "--template-file-gcs-location=gs://p-123456-iris/templates/1.0/stream.json",
        "--parameters=^~^input_subscription=projects/p-123456/subscriptions/iris-messages"
        "~warehouse=bigquery:p-123456.iris"
        "~dead_letter_topic=projects/p-123456/topics/iris-dead-letters",
        "--service-account-email=iris-pipeline@p-123456.iam.gserviceaccount.com",
        "--subnetwork=regions/us-central1/subnetworks/iris",
        "--disable-public-ips",
        "--enable-streaming-engine",
        "--additional-experiments=streaming_mode_at_least_once",
        "--num-workers=1",
        "--max-workers=3",
        "--worker-machine-type=n1-standard-1",
        "--staging-location=gs://p-123456-iris/staging",
        "--temp-location=gs://p-123456-iris/temp",
        "--additional-user-labels=service=iris",
    ]


def test_a_job_over_files_has_no_streaming_mode_and_a_name_of_its_own() -> None:
    command = gcloud.run(names(), FILES, {"input_files": "gs://b/~/*"})
    assert command[4] == "iris-files"
    assert "--parameters=^~~^warehouse=bigquery:p-123456.iris~~" in " ".join(command)
    assert command[8].endswith("~~input_files=gs://b/~/*")
    assert not [word for word in command if "streaming" in word]


def test_an_update_says_so_and_maps_names() -> None:
    command = gcloud.run(names(), update=True, renamed={"A": "B", "C/D": "E"})
    assert command[:-2] == gcloud.run(names())
    assert command[-2:] == ["--update", "--transform-name-mappings=^~^A=B~C/D=E"]


def test_settings_reach_the_command() -> None:
    command = gcloud.run(
        names(
            region="europe-west2",
            name="power",
            dataset="uk",
            max_workers="7",
            worker_machine_type="n1-standard-2",
            subnetwork="projects/net-123456/regions/europe-west2/subnetworks/shared",
        )
    )
    assert command[4] == "power"
    assert {
        "--region=europe-west2",
        "--max-workers=7",
        "--worker-machine-type=n1-standard-2",
        "--service-account-email=power-pipeline@p-123456.iam.gserviceaccount.com",
        "--subnetwork=https://www.googleapis.com/compute/v1/projects/net-123456/regions/"
        "europe-west2/subnetworks/shared",
        "--template-file-gcs-location=gs://p-123456-power/templates/1.0/stream.json",
        "--additional-user-labels=service=power",
    } <= set(command)


def test_a_command_is_shown_as_a_shell_takes_it() -> None:
    shown = gcloud.text(["gcloud", "do", "it", "--format=value(id)", "--x='"])
    assert shown == "gcloud do it \\\n    '--format=value(id)' \\\n    '--x='\"'\"''"
    words = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {shown}"], capture_output=True, text=True, check=True
    )
    assert words.stdout.splitlines() == ["gcloud", "do", "it", "--format=value(id)", "--x='"]


@pytest.fixture
def api() -> Iterator[DataflowApi]:
    with DataflowApi() as api:
        yield api


@pytest.fixture
def deploy(api: DataflowApi, tmp_path: Path) -> Run:
    """Runs ``python -m deploy`` with the real gcloud, which talks to the local API."""
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")
    variables = {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": api.url,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "PROJECT": PROJECT,
    }

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deploy", *argv, "--set=release=1.0"],
            cwd=ROOT,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def test_a_life_of_a_job(api: DataflowApi, deploy: Run) -> None:
    launched = deploy("launch")
    assert launched.returncode == 0, launched.stderr
    assert launched.stdout.startswith(gcloud.text(gcloud.run(names())))
    assert launched.stdout.splitlines()[-2:] == [
        "accepted, not yet running: in some minutes it must say Running at",
        "https://console.cloud.google.com/dataflow/jobs?project=p-123456 (region us-central1)",
    ]
    stream = {
        "jobName": "iris",
        "containerSpecGcsPath": "gs://p-123456-iris/templates/1.0/stream.json",
        "parameters": {
            "input_subscription": "projects/p-123456/subscriptions/iris-messages",
            "warehouse": "bigquery:p-123456.iris",
            "dead_letter_topic": "projects/p-123456/topics/iris-dead-letters",
        },
        "environment": {
            "serviceAccountEmail": "iris-pipeline@p-123456.iam.gserviceaccount.com",
            "subnetwork": "regions/us-central1/subnetworks/iris",
            "ipConfiguration": "WORKER_IP_PRIVATE",
            "enableStreamingEngine": True,
            "additionalExperiments": ["streaming_mode_at_least_once"],
            "numWorkers": 1,
            "maxWorkers": 3,
            "machineType": "n1-standard-1",
            "stagingLocation": "gs://p-123456-iris/staging",
            "tempLocation": "gs://p-123456-iris/temp",
            "additionalUserLabels": {"service": "iris"},
        },
    }
    assert api.launched == [stream]

    again = deploy("launch")
    assert again.returncode == 1
    assert "there is already an active job iris" in again.stderr
    assert again.stderr.splitlines()[-1] == "the command above ended with 1"

    updated = deploy("update", "--renamed=A=B", "--renamed=C/D=E")
    assert updated.returncode == 0, updated.stderr
    mapped = {"update": True, "transformNameMappings": {"A": "B", "C/D": "E"}}
    assert api.launched == [stream, stream | mapped]
    assert [job["currentState"] for job in api.jobs] == ["JOB_STATE_UPDATED", "JOB_STATE_RUNNING"]

    assert deploy("launch", "--files=gs://bucket-123456/*/*").returncode == 0
    drained = deploy("drain")
    assert drained.returncode == 0, drained.stderr
    assert drained.stdout.splitlines()[-1] == (
        "job 2026-11-22_1: JOB_STATE_RUNNING JOB_STATE_DRAINED"
    )
    api.pass_time()
    assert {job["id"]: job["currentState"] for job in api.jobs} == {
        "2026-11-22_0": "JOB_STATE_UPDATED",
        "2026-11-22_1": "JOB_STATE_DRAINED",
        "2026-11-22_2": "JOB_STATE_RUNNING",  # over files: another name
    }

    gone = deploy("cancel")
    assert gone.returncode == 1
    assert gone.stderr.splitlines()[-1] == "no job iris runs in us-central1"

    assert deploy("cancel", "--files=1").returncode == 0
    api.pass_time()
    assert api.jobs[-1]["currentState"] == "JOB_STATE_CANCELLED"
    gone = deploy("cancel", "--files=1")
    assert gone.stderr.splitlines()[-1] == "no job iris-files runs in us-central1"


def test_a_refusal_that_gcloud_passes_over_is_told(api: DataflowApi, deploy: Run) -> None:
    assert deploy("launch").returncode == 0
    api.refuses = True
    said = deploy("cancel")
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1] == (
        "job 2026-11-22_0 is JOB_STATE_RUNNING: Dataflow has refused"
    )


def test_a_job_over_files(api: DataflowApi, deploy: Run) -> None:
    said = deploy("launch", "--files=gs://bucket-123456/archive/*/*")
    assert said.returncode == 0, said.stderr
    (launched,) = api.launched
    assert (launched["jobName"], launched["parameters"]) == (
        "iris-files",
        {
            "warehouse": "bigquery:p-123456.iris",
            "dead_letter_topic": "projects/p-123456/topics/iris-dead-letters",
            "input_files": "gs://bucket-123456/archive/*/*",
        },
    )
    assert launched["environment"]["enableStreamingEngine"] is False
    assert "additionalExperiments" not in launched["environment"]


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
@pytest.mark.parametrize("kind", [STREAM, FILES])
def test_gcloud_takes_the_metadata_for_a_template(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps(metadata(kind)))
    done = subprocess.run(
        [
            *("gcloud", "dataflow", "flex-template", "build", "gs://p-123456-iris/t.json"),
            f"--image={names().image}",
            "--sdk-language=PYTHON",
            f"--metadata-file={file}",
            "--print-only",
        ],
        env=os.environ
        | {"CLOUDSDK_CORE_PROJECT": PROJECT, "CLOUDSDK_CONFIG": str(tmp_path / "gcloud")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for parameter in metadata(kind)["parameters"]:
        assert f'"name": "{parameter["name"]}"' in done.stdout


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_cloud_build_gets_what_the_images_need_and_nothing_else(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    ignore = shutil.ignore_patterns(".git", ".venv*", "var", ".*_cache", "*.egg-info")
    shutil.copytree(ROOT, tree, ignore=ignore)
    for name in ("google.json", ".env", "iris_data/FREQ/a.json", "deploy/settings.json"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("secret")
    done = subprocess.run(
        ["gcloud", "meta", "list-files-for-upload", str(tree)],
        env=os.environ | {"CLOUDSDK_CONFIG": str(tmp_path / "gcloud")},
        capture_output=True,
        text=True,
        check=True,
    )
    sent = set(done.stdout.splitlines())
    single = {name for name in sent if name.split("/")[0] not in ("bridge", "pipeline", "schemas")}
    assert single == {
        ".dockerignore",
        "constraints.txt",
        "deploy/bridge/Containerfile",
        "deploy/cloudbuild.yaml",
        "deploy/pipeline/Containerfile",
        "deploy/pipeline/main.py",
        "envelope.py",
        "pyproject.toml",
        "setup.py",
    }
    assert {"bridge/relay.py", "pipeline/build.py", "schemas/datasets/FREQ.json"} <= sent
