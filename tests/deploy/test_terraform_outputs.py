"""The commands and places that Terraform prints, as they are for one installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.settings import read
from tests.deploy.hcl import Configuration, addresses, load

GIVEN = {
    "project": "p-123456",
    "name": "live",
    "region": "europe-west2",
    "zone": "c",
    "location": "EU",
    "dataset": "power",
    "release": "1.0",
}
IMAGES = "europe-west2-docker.pkg.dev/p-123456/live"
BUILDERS = "https://console.cloud.google.com/monitoring/dashboards/builder"
BOARD = '${reverse(split("/", google_monitoring_dashboard.overview.id))[0]}'


@pytest.fixture(scope="module")
def ours() -> Configuration:
    return load()


def printed(ours: Configuration, value: Any) -> Any:
    """An output's value, or one of its parts."""
    if isinstance(value, dict):
        return {name: printed(ours, text) for name, text in value.items()}
    return ours.text(value, read(Path("missing.json"), GIVEN).values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (
            "tables",
            ".venv/bin/python -m schemas apply --warehouse bigquery:p-123456.power --location EU",
        ),
        (
            "restart",
            "gcloud compute instances reset live-bridge --project=p-123456 --zone=europe-west2-c",
        ),
        (
            "shell",
            "gcloud compute ssh live-bridge --project=p-123456 --zone=europe-west2-c "
            "--tunnel-through-iap",
        ),
        (
            "images",
            {
                "repository": IMAGES,
                "bridge": f"{IMAGES}/bridge:1.0",
                "pipeline": f"{IMAGES}/pipeline:1.0",
            },
        ),
        ("dashboard", f"{BUILDERS}/{BOARD}?project=p-123456"),
    ],
)
def test_what_is_printed(ours: Configuration, name: str, value: Any) -> None:
    assert printed(ours, ours.outputs[name]["value"]) == value


def test_no_output_is_without_a_test(ours: Configuration) -> None:
    here = {"tables", "restart", "shell", "images", "dashboard"}
    assert set(ours.outputs) == here | {"secret", "give_up"}


def test_the_way_to_give_data_up_names_all_that_is_kept(ours: Configuration) -> None:
    kept = {
        address
        for address, body in ours.resources().items()
        if body.get("lifecycle", [{}])[0].get("prevent_destroy")
    }
    assert addresses(ours.outputs["give_up"]) - {"var.create_dataset"} == kept
