"""What the bridge's machine is told to run: units that systemd takes, settings that both take."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.settings import MEANING, SecretVersion, collect, parse
from deploy import gcloud
from deploy.names import names_of
from deploy.settings import HERE, Settings, read
from pipeline.options import OPTIONS
from tests.deploy.hcl import FOLDER, load
from tests.deploy.terraform import Terraform, needs_terraform
from tests.deploy.units import read_environment, read_text, read_unit

#: By name; those that look after the bridge serve any machine.
UNITS = {
    path.name: path
    for path in [*(FOLDER / "machine").iterdir(), *(HERE / "small").glob("iris-bridge-health.*")]
}
GIVEN: dict[str, Any] = {
    "project": "p-123456",
    "region": "europe-west2",
    "name": "live",
    "dataset": "power",
    "release": "1.0",
    "iris_client_id": "00000000-0000-0000-0000-000000000000",
    "iris_queue_name": "iris.0a1b",
    "iris_secret_expires": "2027-10-01",
}
#: The same for the pipeline on Dataflow and on the machine, but for who runs it.
MACHINE = {
    **GIVEN,
    "pipeline": "vm",
    "bridge_machine_type": "e2-small",
    "schema_dir": "schemas",
    "write_method": "STREAMING_INSERTS",
}
FILES = ["variables.tf", "locals.tf", "machine.tf", "machine", "../small"]
OUTPUTS = ["user_data", "pipeline_options", "template"]
#: Flags of ``docker run``: no rights, and a log that does not fill the disk.
OF_EVERY_CONTAINER = {
    "--rm",
    "--attach=stdout",
    "--log-driver=json-file",
    "--log-opt=max-size=10m",
    "--log-opt=max-file=3",
    "--user=10001:10001",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
}
REGISTRY = "europe-west2-docker.pkg.dev"


def settings_of(given: dict[str, Any]) -> Settings:
    known = read(Path("missing.json"), {"project": str(given["project"])}).values
    return Settings({**known, **given})


def unit(name: str, **values: str) -> dict[str, list[str]]:
    """The settings of a unit, with these values in the place of its variables."""

    def filled(text: str) -> str:
        for variable, value in values.items():
            text = text.replace(f"${{{variable}}}", value)
        return text

    return {key: list(map(filled, texts)) for key, texts in read_unit(UNITS[name]).items()}


def flags(command: str) -> set[str]:
    return {word for word in shlex.split(command) if word.startswith("-")}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    folder = tmp_path_factory.mktemp("machine")
    return Terraform(folder, FILES, {name: f"local.{name}" for name in OUTPUTS})


def written(user_data: str) -> dict[str, str]:
    """The files that cloud-init writes."""
    assert user_data.startswith("#cloud-config\n"), "or cloud-init takes it for something else"
    orders = yaml.safe_load(user_data)
    assert set(orders) == {"write_files", "runcmd"}
    files = orders["write_files"]
    assert {(file["owner"], file["permissions"]) for file in files} == {("root", "0644")}
    return {file["path"]: file["content"] for file in files}


def test_the_bridge_runs_alone_and_without_rights() -> None:
    found = unit("iris-bridge.service", image="IMAGE", registry="REGISTRY")
    (start,) = found["ExecStart"]
    assert flags(start) == {
        *OF_EVERY_CONTAINER,
        "--name=bridge",
        "--read-only",
        "--tmpfs=/tmp",
        "--publish=127.0.0.1:8080:8080",
        "--env-file=/etc/iris/bridge.env",
    }
    assert shlex.split(start)[-1] == "IMAGE", "the image's own entry point"


def test_only_this_machine_sees_the_bridges_pages() -> None:
    (start,) = unit("iris-bridge.service")["ExecStart"]
    published = [flag for flag in flags(start) if re.match("--publish|--network|-p", flag)]
    assert published == ["--publish=127.0.0.1:8080:8080"]
    (looking,) = unit("iris-bridge-health.service")["ExecStart"]
    assert "http://127.0.0.1:8080/healthz" in looking
    assert "BRIDGE_HTTP=0.0.0.0:8080" in (HERE / "bridge/Containerfile").read_text()


@pytest.mark.parametrize("name", ["iris-bridge.service", "iris-pipeline.service"])
def test_it_is_started_again_and_never_given_up(name: str) -> None:
    found = unit(name, image="IMAGE", registry="REGISTRY")
    assert (found["Restart"], found["StartLimitIntervalSec"]) == (["always"], ["0"])
    (start,), (stop,) = found["ExecStart"], found["ExecStop"]
    (container,) = re.findall(r"--name=(\w+)", start)
    assert re.fullmatch(rf"-/usr/bin/docker stop -t [0-9]+ {container}", stop)
    assert found["Environment"] == ["HOME=/home/iris"]
    assert found["ExecStartPre"] == [
        "/usr/bin/docker-credential-gcr configure-docker --registries=REGISTRY",
        "-/usr/bin/docker pull --quiet IMAGE",
        f"-/usr/bin/docker rm --force {container}",
    ]
    patience = int(stop.split()[-2])
    assert int(found["TimeoutStopSec"][0]) > patience, "or systemd ends what Docker waits for"


def test_a_stuck_bridge_is_restarted_unless_it_is_stopped_or_starting() -> None:
    found = unit("iris-bridge-health.service")
    assert found["ExecCondition"] == ["/usr/bin/systemctl is-active --quiet iris-bridge.service"]
    (looking,) = found["ExecStart"]
    assert looking.endswith("|| systemctl --no-block restart iris-bridge.service'")
    assert {"--fail", "--max-time", "--retry"} <= flags(looking.split("'")[1])
    assert unit("iris-bridge-health.timer")["OnCalendar"] == ["minutely"]


def test_the_pipeline_is_told_what_dataflow_is_told() -> None:
    configuration, known = load(), settings_of(MACHINE)
    options = {
        name: configuration.text(text, known.values)
        for name, text in configuration.declared["local.pipeline_places"].items()
    }
    names = names_of(known)
    assert options == {
        "input_subscription": names.subscription,
        "warehouse": names.warehouse,
        "dead_letter_topic": names.dead_letter_topic,
    }
    assert set(options) <= {option.name for option in OPTIONS}
    (start,) = unit("iris-pipeline.service", image="IMAGE", arguments="ALL")["ExecStart"]
    words = shlex.split(start)
    container, command = words[: words.index("IMAGE")], words[words.index("IMAGE") + 1 :]
    assert command == ["-m", "pipeline", "ALL"]
    assert {word for word in container if word.startswith("-")} == {
        *OF_EVERY_CONTAINER,
        "--name=pipeline",
        "--entrypoint=python",
        "--env=HOME=/tmp",
        "--env=USER=iris",
        "--oom-score-adj=500",  # the bridge outlives it
    }


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True)
    programs = set()
    for path in UNITS.values():
        text = re.sub(r"\$\{\w+\}", "value", path.read_text())
        (folder / path.name).write_text(text)
        programs |= set(re.findall(r"^Exec\w+=-?(/\S+)", text, re.M))
    assert {"/usr/bin/docker", "/bin/sh", "/usr/bin/systemctl"} <= programs
    for program in programs:
        stub = tmp_path / program.lstrip("/")
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.touch(mode=0o755)
    for target in ("sysinit", "basic", "network-online", "shutdown", "timers"):
        (folder / f"{target}.target").write_text("[Unit]\nDescription=stands for the system's\n")
    (folder / "docker.service").write_text("[Service]\nExecStart=/usr/bin/docker\n")
    done = subprocess.run(
        ["systemd-analyze", f"--root={tmp_path}", "--man=no", "verify", *map(str, UNITS.values())],
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
    )
    assert (done.stdout, done.returncode) == ("", 0)


@needs_terraform
def test_what_cloud_init_writes_and_starts(terraform: Terraform) -> None:
    user_data = terraform.outputs(GIVEN)["user_data"]
    image = f"{REGISTRY}/p-123456/live/bridge:1.0"
    values = {"${registry}": REGISTRY, "${image}": image}
    units = {name: path.read_text() for name, path in UNITS.items()}
    for variable, value in values.items():
        units = {name: text.replace(variable, value) for name, text in units.items()}
    files = written(user_data)
    files.pop("/etc/iris/bridge.env")
    units.pop("iris-pipeline.service")
    assert files == {f"/etc/systemd/system/{name}": text for name, text in units.items()}
    assert yaml.safe_load(user_data)["runcmd"] == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "start", "--no-block", "iris-bridge.service", "iris-bridge-health.timer"],
    ]


@needs_terraform
def test_a_second_unit_runs_the_pipeline(terraform: Terraform) -> None:
    alone, both = (terraform.outputs(given)["user_data"] for given in (GIVEN, MACHINE))
    path = "/etc/systemd/system/iris-pipeline.service"
    text = written(both).pop(path)
    assert {name: text for name, text in written(both).items() if name != path} == written(alone)
    assert f"{REGISTRY}/p-123456/live/pipeline:1.0" in text
    assert "${" not in text
    (start,) = read_text(text)["ExecStart"]
    told = start.split(" -m pipeline ")[1].split()
    names = names_of(settings_of(MACHINE))
    wanted = {"input_subscription": names.subscription, **names.options}
    assert sorted(told) == sorted(f"--{name}={value}" for name, value in wanted.items())
    assert yaml.safe_load(both)["runcmd"][1][-1] == "iris-pipeline.service"


@needs_terraform
def test_the_bridge_understands_its_settings(terraform: Terraform, tmp_path: Path) -> None:
    file = tmp_path / "bridge.env"
    file.write_text(written(terraform.outputs(GIVEN)["user_data"])["/etc/iris/bridge.env"])
    environment = read_environment(file)
    assert environment == {
        "IRIS_CLIENT_ID": "00000000-0000-0000-0000-000000000000",
        "IRIS_CLIENT_SECRET_EXPIRES": "2027-10-01",
        "IRIS_CLIENT_SECRET_NAME": "projects/p-123456/secrets/live-client-secret",
        "IRIS_QUEUE_NAME": "iris.0a1b",
        "PUBSUB_TOPIC": "projects/p-123456/topics/live-messages",
        "BRIDGE_MONITORING_NAME": "live",
        "BRIDGE_MONITORING_PROJECT": "p-123456",
    }
    assert set(environment) <= set(MEANING)
    settings = parse(collect(environment, tmp_path / ".env", tmp_path / "settings.json"))
    assert settings.topic == "projects/p-123456/topics/live-messages"
    assert isinstance(settings.access.client_secret, SecretVersion)


@needs_terraform
def test_what_is_not_set_is_not_written(terraform: Terraform) -> None:
    given = {**GIVEN, "iris_secret_expires": ""}
    assert "EXPIRES" not in written(terraform.outputs(given)["user_data"])["/etc/iris/bridge.env"]


@needs_terraform
@pytest.mark.parametrize(
    "changed", [{}, {"schema_dir": "a/b", "write_method": "STREAMING_INSERTS"}]
)
def test_terraform_launches_what_gcloud_would(
    terraform: Terraform, changed: dict[str, str]
) -> None:
    given = {**GIVEN, **changed}
    found = terraform.outputs(given)
    words = [word for word in gcloud.run(names_of(settings_of(given))) if "=" in word]
    flags_of_gcloud = dict(word.removeprefix("--").split("=", 1) for word in words)
    parameters = flags_of_gcloud["parameters"].removeprefix("^~^").split("~")
    assert dict(word.split("=") for word in parameters) == found["pipeline_options"]
    assert flags_of_gcloud["template-file-gcs-location"] == found["template"]
