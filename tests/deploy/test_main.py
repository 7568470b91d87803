"""``make template`` and its siblings where nothing is run: what is shown, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import deploy.__main__ as command
from deploy.names import this_release
from deploy.settings import SettingError, read
from pipeline.version import VERSION

ROOT = Path(__file__).parents[2]
SHOWN = ("template", "launch", "update", "drain", "cancel")
TERRAFORMS = (
    'the job is Terraform\'s (settings.json: "pipeline": "terraform"): '
    "change release there, then terraform apply\n"
)
NOWHERE = (
    'there is no job on Dataflow (settings.json: "pipeline": "{}"), nor rights for one: '
    'see docs/operations.md, "Another way to run the pipeline"\n'
)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings but those of the test, and nothing is run."""
    for name in ("PROJECT", "REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DRY_RUN", "1")
    monkeypatch.setattr(command, "FILE", tmp_path / "settings.json")
    monkeypatch.setattr(command, "TEMPLATES", tmp_path / "templates")
    monkeypatch.setattr(command, "this_release", lambda: "0.1.0-tree")
    return monkeypatch


def with_gcloud(said: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """A gcloud that is this script of a shell."""
    program = folder / "bin" / "gcloud"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    said.setenv("DRY_RUN", "")
    said.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


@pytest.mark.parametrize("name", SHOWN)
def test_commands_can_be_read_before_anything_is_decided(
    name: str, said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([name]) == 0
    shown, errors = capsys.readouterr()
    assert errors == ""
    assert shown.startswith("gcloud ")
    assert "PROJECT" in shown


def test_a_template_is_built_and_uploaded(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["template", "--set=project=p-123456", "--set=release=1.0"]) == 0
    assert capsys.readouterr().out == (
        "gcloud builds submit . \\\n"
        "    --project=p-123456 \\\n"
        "    --service-account=projects/p-123456/serviceAccounts/"
        "iris-build@p-123456.iam.gserviceaccount.com \\\n"
        "    --gcs-source-staging-dir=gs://p-123456-iris/source \\\n"
        "    --config=deploy/cloudbuild.yaml \\\n"
        "    --substitutions=_REPOSITORY=us-central1-docker.pkg.dev/p-123456/iris,_RELEASE=1.0\n"
        f"gcloud storage cp {command.TEMPLATES}/stream.json "
        "gs://p-123456-iris/templates/1.0/stream.json\n"
        f"gcloud storage cp {command.TEMPLATES}/files.json "
        "gs://p-123456-iris/templates/1.0/files.json\n"
        "release: 1.0\n"
        f'now write "release": "1.0" into {command.FILE}; it says ""\n'
    )
    assert not command.TEMPLATES.exists()


def test_a_template_is_a_release_of_its_own_whatever_runs(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a new tree would be built under the old name, which then stands for another thing."""
    command.FILE.write_text('{"project": "p-123456", "release": "0.1.0-runs"}')
    assert command.main(["template"]) == 0
    out = capsys.readouterr().out
    assert "templates/0.1.0-tree/stream.json" in out
    assert out.splitlines()[-1] == (
        f'now write "release": "0.1.0-tree" into {command.FILE}; it says "0.1.0-runs"'
    )
    assert command.main(["template", "--set=release=0.1.0-new"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f'now write "release": "0.1.0-new" into {command.FILE}; it says "0.1.0-runs"'
    )
    assert command.main(["template", "--set=release=0.1.0-runs"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "release: 0.1.0-runs"
    for name in ("launch", "update"):
        assert command.main([name]) == 0
        assert "templates/0.1.0-runs/stream.json" in capsys.readouterr().out


def test_a_tree_that_is_not_committed_is_no_release(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said.setattr(command, "this_release", lambda: "0.1.0-tree-dirty")
    assert command.main(["template", "--set=project=p-123456"]) == 0
    said.delenv("DRY_RUN")
    capsys.readouterr()
    assert command.main(["template", "--set=project=p-123456"]) == 1
    assert capsys.readouterr() == (
        "",
        "this tree is not what was committed, so its release would stand for something else "
        "tomorrow: commit, or name the release: make template RELEASE=...\n",
    )


def test_without_settings_nothing_is_run(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said.delenv("DRY_RUN")
    assert command.main(["launch"]) == 2
    file = command.FILE
    assert capsys.readouterr() == (
        "",
        f"project is not set: write it into {file}, or say make ... PROJECT=\n",
    )


def test_without_gcloud_the_command_is_there_to_copy(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said.setenv("DRY_RUN", "0")
    said.setenv("PATH", "")
    assert command.main(["launch", "--set=project=p-123456"]) == 1
    shown, errors = capsys.readouterr()
    assert shown.startswith("gcloud dataflow flex-template run iris \\\n    --project=p-123456")
    assert errors == (
        "gcloud is not installed: see https://cloud.google.com/sdk/docs/install, "
        "or print the commands with DRY_RUN=1\n"
    )


@pytest.mark.parametrize(
    ("pipeline", "command_line", "refusal"),
    [
        ("terraform", ["launch"], TERRAFORMS),
        ("terraform", ["update"], TERRAFORMS),
        ("terraform", ["launch", "--files=gs://bucket-123456/*/*"], ""),
        ("terraform", ["drain"], ""),  # on the way from one to the other
        ("vm", ["launch"], NOWHERE.format("vm")),
        ("vm", ["update"], NOWHERE.format("vm")),
        ("vm", ["launch", "--files=gs://bucket-123456/*/*"], NOWHERE.format("vm")),
        ("vm", ["cancel"], ""),
        ("elsewhere", ["launch"], NOWHERE.format("elsewhere")),
    ],
)
def test_who_runs_the_pipeline(
    pipeline: str,
    command_line: list[str],
    refusal: str,
    said: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command.FILE.write_text(json.dumps({"project": "p-123456", "pipeline": pipeline}))
    assert command.main(command_line) == bool(refusal)
    out, err = capsys.readouterr()
    assert err == refusal
    assert bool(out) is not bool(refusal)


def test_the_environment_fills_in_what_the_file_leaves_out(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said.setenv("PROJECT", "of-the-environment")
    said.setenv("REGION", "europe-west3")
    said.setenv("NAME", "a-variable-that-some-systems-set")
    command.FILE.write_text('{"region": "europe-west1", "name": "abc"}')
    assert command.main(["drain"]) == 0
    assert capsys.readouterr().out.splitlines()[:5] == [
        "gcloud dataflow jobs list \\",
        "    --status=active \\",
        "    --project=of-the-environment \\",
        "    --region=europe-west1 \\",
        "    '--filter=name~^abc$' \\",
    ]
    assert command.main(["drain", "--set=region=europe-west2"]) == 0
    assert "    --region=europe-west2 \\" in capsys.readouterr().out.splitlines()


def test_what_make_is_given_wins(tmp_path: Path) -> None:
    """A shell's own variables do not; make passes both on as the environment."""
    shown = subprocess.run(
        ["make", "drain", "REGION=europe-west2", "SET=name=abc dataset=b"],
        cwd=ROOT,
        env=os.environ | {"DRY_RUN": "1", "PROJECT": "p-123456", "REGION": "europe-west9"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert "--region=europe-west2 \\" in lines
    assert "'--filter=name~^abc$' \\" in lines


def test_what_cannot_be_given(said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["launch", "--set=max_workers"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("--set: max_workers: write NAME=VALUE\n")
    assert command.main(["launch", "--set=max_wokers=1"]) == 2
    assert capsys.readouterr().err == "SET: max_wokers is not known\n"
    assert command.main(["update", "--renamed=A"]) == 1
    assert capsys.readouterr().err == "--renamed A: write OLD=NEW, names of transforms\n"
    assert command.main(["launch", "--files=archive/*/*"]) == 1
    assert capsys.readouterr().err == "--files archive/*/*: write gs://BUCKET/GLOB\n"


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(
        json.dumps({"project": 1, "zone": "z", "max_workers": True, "alert_emails": ["x"], "a": 1})
    )
    with pytest.raises(SettingError) as caught:
        read(file, {"region": "London"})
    assert str(caught.value).splitlines() == [
        "settings.json: a is not known",
        "settings.json: project 1: must be a text",
        'region "London": must be a region, such as us-central1 or europe-west2',
        'settings.json: zone "z": must be a letter, such as b',
        "settings.json: max_workers true: must be a whole number",
        'settings.json: alert_emails ["x"]: must be mail addresses',
    ]
    file.write_text("[1")
    with pytest.raises(SettingError, match=r"settings.json: cannot be read as JSON: "):
        read(file, {})
    file.write_text("[1]")
    with pytest.raises(SettingError, match="must hold an object"):
        read(file, {})


def test_the_spec_files_are_written_and_uploaded(
    said: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a gcloud that notes what it is called with."""
    with_gcloud(said, tmp_path, f'echo "$@" >> {tmp_path}/calls')
    assert command.main(["template", "--set=project=p-123456", "--set=release=1.0"]) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[:2] for call in calls] == [["builds", "submit"], *[["storage", "cp"]] * 2]
    for kind in ("stream", "files"):
        spec = json.loads((command.TEMPLATES / f"{kind}.json").read_text())
        assert spec["image"] == "us-central1-docker.pkg.dev/p-123456/iris/pipeline:1.0"


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    line = f"{sys.executable} -m deploy launch | head -1"
    shown = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=ROOT,
        env=os.environ | {"DRY_RUN": "1", "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == "gcloud dataflow flex-template run iris \\\n"


def test_a_tree_without_git_is_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert this_release().startswith(f"{VERSION}-")
    monkeypatch.setenv("PATH", "")
    assert this_release() == VERSION


def test_a_list_that_is_refused_is_not_an_empty_one(
    said: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_gcloud(said, tmp_path, "exit 3")
    assert command.main(["drain", "--set=project=p-123456"]) == 1
    assert capsys.readouterr().err == "the command above ended with 3\n"


def test_terraform_starts_again_what_is_its_own(
    said: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands run where the project is, wherever the user is."""
    answers = f'pwd > {tmp_path}/where\ncase "$3" in list) echo a;; describe) echo'
    with_gcloud(said, tmp_path, f"{answers} JOB_STATE_CANCELLED;; esac")
    said.chdir(tmp_path)
    given = ["--set=project=p-123456", "--set=pipeline=terraform"]
    assert command.main(["cancel", *given]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "job a: JOB_STATE_CANCELLED",
        'Terraform starts it again at the next apply, unless "pipeline" says otherwise',
    ]
    assert (tmp_path / "where").read_text() == f"{ROOT}\n"
    assert command.main(["cancel", "--files=1", *given]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "job a: JOB_STATE_CANCELLED"
