"""``make template`` and its siblings where nothing is run: what is shown, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import deploy.__main__ as command
from deploy.settings import SettingError, read

SHOWN = ("template", "launch", "update", "drain", "cancel")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings but those of the test, and nothing is run."""
    for name in ("PROJECT", "REGION", "RELEASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DRY_RUN", "1")
    monkeypatch.setattr(command, "FILE", tmp_path / "settings.json")
    monkeypatch.setattr(command, "TEMPLATES", command.HERE.parent / "var" / "templates")
    return monkeypatch


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
        "    --region=us-central1 \\\n"
        "    --service-account=projects/p-123456/serviceAccounts/"
        "iris-build@p-123456.iam.gserviceaccount.com \\\n"
        "    --gcs-source-staging-dir=gs://p-123456-iris/source \\\n"
        "    --config=deploy/cloudbuild.yaml \\\n"
        "    --substitutions=_REPOSITORY=us-central1-docker.pkg.dev/p-123456/iris,_RELEASE=1.0\n"
        "gcloud storage cp var/templates/stream.json "
        "gs://p-123456-iris/templates/1.0/stream.json\n"
        "gcloud storage cp var/templates/files.json "
        "gs://p-123456-iris/templates/1.0/files.json\n"
        'release: 1.0 (settings.json: "release": "1.0")\n'
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


def test_a_job_of_terraform_is_left_to_it(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command.FILE.write_text('{"project": "p-123456", "pipeline": "terraform"}')
    for name in ("launch", "update", "drain", "cancel"):
        assert command.main([name]) == 1
        assert capsys.readouterr() == (
            "",
            'the job is Terraform\'s (settings.json: "pipeline": "terraform"): '
            "change release or pipeline there, then terraform apply\n",
        )
    assert command.main(["launch", "--files=gs://bucket-123456/*/*"]) == 0


def test_the_environment_gives_what_people_set_there(
    said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command.FILE.write_text('{"project": "of-the-file", "region": "europe-west1", "name": "abc"}')
    said.setenv("PROJECT", "of-the-environment")
    said.setenv("NAME", "a-variable-that-some-systems-set")
    assert command.main(["drain", "--set=region=europe-west2"]) == 0
    assert capsys.readouterr().out.splitlines()[:5] == [
        "gcloud dataflow jobs list \\",
        "    --status=active \\",
        "    --project=of-the-environment \\",
        "    --region=europe-west2 \\",
        "    '--filter=name~^abc$' \\",
    ]


def test_what_cannot_be_given(said: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["launch", "--set=max_workers"]) == 2
    assert capsys.readouterr().err == "SET max_workers: write NAME=VALUE\n"
    assert command.main(["launch", "--set=max_wokers=1"]) == 2
    assert capsys.readouterr().err == "SET: max_wokers is not known\n"
    assert command.main(["update", "--renamed=A"]) == 1
    assert capsys.readouterr().err == "--renamed A: write OLD=NEW, names of transforms\n"


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
    program = tmp_path / "bin" / "gcloud"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    program.chmod(0o755)
    said.setenv("DRY_RUN", "")
    said.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    assert command.main(["template", "--set=project=p-123456", "--set=release=1.0"]) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[:2] for call in calls] == [["builds", "submit"], *[["storage", "cp"]] * 2]
    for kind in ("stream", "files"):
        spec = json.loads((command.TEMPLATES / f"{kind}.json").read_text())
        assert spec["image"] == "us-central1-docker.pkg.dev/p-123456/iris/pipeline:1.0"
