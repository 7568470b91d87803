"""The bundled samples as messages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from local import sample_messages
from local.sample_messages import frame, main, message_id, samples, write
from pipeline.decode import unframe
from pipeline.message import file_minute, from_file
from schemas import Registry
from tests.pipeline.made import micros

FOLDER = Path(sample_messages.__file__).parent / "samples"


def test_each_sample_is_an_array_of_records_of_a_known_dataset(registry: Registry) -> None:
    found = dict(samples())
    assert list(found) == sorted(path.stem for path in FOLDER.glob("*.json"))
    assert len(found) > 80
    assert found.keys() <= registry.keys()
    for dataset, array in found.items():
        records = json.loads(array)
        assert records, dataset
        assert {type(record) for record in records} == {dict}, dataset


def test_each_sample_has_a_source() -> None:
    text = (FOLDER / "SOURCES.md").read_text()
    named = set(re.findall(r"\w+", text))
    assert [dataset for dataset, _ in samples() if dataset not in named] == []


def test_messages_have_the_framing_of_iris() -> None:
    for dataset, array in samples():
        framed = frame(array)
        assert json.loads(json.loads(framed)) == json.loads(array), dataset
        assert unframe(framed) == array.decode(), dataset


def test_message_ids_are_file_names_of_iris() -> None:
    assert message_id("SYS_WARN") == "SYS_WARN_202611010000_00001.json"
    assert file_minute(message_id("SYS_WARN")) == micros("2026-11-01T00:00:00+00:00")


def test_they_are_written_in_the_layout_of_the_archive(tmp_path: Path) -> None:
    assert write(tmp_path) == len(dict(samples()))
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    messages = [from_file(str(path), data) for path, data in sorted(files.items())]
    assert [(one.dataset, one.message_id, one.data) for one in messages] == [
        (dataset, message_id(dataset), frame(array)) for dataset, array in samples()
    ]
    # Again: the same files, the same bytes.
    assert write(tmp_path) == len(files)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "samples"
    assert main([str(folder)]) == 0
    count = len(dict(samples()))
    assert capsys.readouterr() == (
        f"{count} sample messages in {folder}/<DATASET>/<message_id>\n",
        "",
    )
    assert len(list(folder.glob("*/*.json"))) == count


@pytest.mark.parametrize("argv", [[], ["a", "b"]])
def test_usage(
    argv: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    assert capsys.readouterr() == ("", "usage: python -m local.sample_messages FOLDER\n")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert main([str(file)]) == 2
    assert capsys.readouterr() == ("", f"cannot write samples to {file}: Not a directory\n")
