"""The settings: what is right, what is said of what is wrong, and where a value comes from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.settings import SETTINGS, Setting, SettingError, read

TEXT = Setting("a", "meaning", "", "|[a-z]+", "a word, or empty")
NUMBER = Setting("a", "meaning", 3, least=1, most=5)
LIST = Setting("a", "meaning", [], "[a-z]+", "words")


@pytest.mark.parametrize(
    ("setting", "value", "fault"),
    [
        (TEXT, "", None),
        (TEXT, "abc", None),
        (TEXT, "abc\n", "must be a word, or empty"),
        (TEXT, "1abc", "must be a word, or empty"),
        (TEXT, 1, "must be a text"),
        (NUMBER, 1, None),
        (NUMBER, 5, None),
        (NUMBER, 0, "must be from 1 to 5"),
        (NUMBER, 6, "must be from 1 to 5"),
        (NUMBER, True, "must be a whole number"),
        (NUMBER, 1.5, "must be a whole number"),
        (NUMBER, "1", "must be a whole number"),
        (LIST, [], None),
        (LIST, ["a", "b"], None),
        (LIST, ["a", "1"], "must be words"),
        (LIST, ["a", 1], "must be words"),
        (LIST, "a", "must be a list of texts"),
        (Setting("a", "meaning", True), False, None),
        (Setting("a", "meaning", True), "false", "must be true or false"),
    ],
)
def test_what_is_wrong_with_a_value(setting: Setting, value: Any, fault: str | None) -> None:
    assert setting.fault(value) == fault


def test_every_default_is_right() -> None:
    faults = {one.name: one.fault(one.default) for one in SETTINGS if one.default is not None}
    assert {name: fault for name, fault in faults.items() if fault} == {}
    assert [one.name for one in SETTINGS if one.default is None] == ["project"]


def test_every_setting_is_told_of_in_one_line() -> None:
    assert len({one.name for one in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert re.fullmatch(r"[a-z][^\n|`]*[^.\s]", setting.meaning), setting.name
        # Go's regular expressions, which are Terraform's, repeat nothing more often.
        assert all(int(n) <= 1000 for n in re.findall(r"[{,]([0-9]+)", setting.pattern))
        assert bool(setting.pattern) == bool(setting.form)
        assert bool(setting.pattern) == (setting.type in (str, list))
        assert (setting.least < setting.most) == (setting.type is int)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("name", ["iris", "a-1", "a" * 19], ["ab", "a" * 20, "iris-", "-iris", "Iris", "1ris"]),
        ("dataset", ["iris", "Iris_2"], ["iris-2", ""]),
        ("release", ["", "0.3.0-1b0fc98-dirty"], ["-1", "a/b"]),
        ("iris_secret_expires", ["", "2027-12-31"], ["2027-13-01", "2027-12-32", "2027-1-1"]),
        ("location", ["US", "EU", "europe-west2"], ["us", ""]),
    ],
)
def test_forms(name: str, right: list[str], wrong: list[str]) -> None:
    (setting,) = (one for one in SETTINGS if one.name == name)
    assert [value for value in right if setting.fault(value)] == []
    assert [value for value in wrong if not setting.fault(value)] == []


def test_names_of_resources_stay_within_google_clouds_limits() -> None:
    longest, project = "a" * 19, "p" * 30
    assert not any(one.fault(longest) for one in SETTINGS if one.name == "name")
    assert not any(one.fault(project) for one in SETTINGS if one.name == "project")
    assert len(f"{longest}-pipeline") <= 30, "a service account's id"
    assert len(f"{project}-{longest}") <= 63, "a bucket's name"


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    settings = read(tmp_path / "settings.json", {"project": "p-123456"})
    assert settings["region"] == "us-central1"
    assert settings.values["max_workers"] == 3
    assert settings.values["max_workers"] == 3


def test_what_is_given_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    # As Windows' editors write it, with a byte order mark.
    file.write_text(json.dumps({"project": "p-123456", "zone": "c", "name": "file"}), "utf-8-sig")
    given = {"name": "live", "max_workers": "5", "create_dataset": "False", "alert_emails": "a@b.c"}
    values = read(file, given).values
    told = {name: values[name] for name in ("project", "zone", *given)}
    assert told == {
        "project": "p-123456",
        "zone": "c",
        "name": "live",
        "max_workers": 5,
        "create_dataset": False,
        "alert_emails": ["a@b.c"],
    }


def test_several_addresses_stand_between_commas(tmp_path: Path) -> None:
    given = {"project": "p-123456", "alert_emails": "a@b.c, d@e.f,"}
    assert read(tmp_path / "no.json", given).values["alert_emails"] == ["a@b.c", "d@e.f"]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"projct": "p-123456", "zone": "z"}))
    with pytest.raises(SettingError) as raised:
        read(file, {"max_workers": "many", "colour": "red"})
    assert str(raised.value).splitlines() == [
        "settings.json: projct is not known",
        "SET: colour is not known",
        f"project is not set: write it into {file}, or say make ... PROJECT=",
        'settings.json: zone "z": must be a letter, such as b',
        'max_workers "many": must be a whole number',
    ]


def test_commands_that_are_only_shown_need_no_project(tmp_path: Path) -> None:
    assert read(tmp_path / "no.json", {}, placeholder=True)["project"] == "PROJECT"


@pytest.mark.parametrize("text", ["{", "[]", '"a"', "\xff"])
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingError, match=re.escape(str(file))):
        read(file, {})
