"""What things are called in the project: the same names as in ``deploy/terraform``."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Final

from deploy.settings import HERE, Settings
from pipeline.options import STORAGE_WRITE
from pipeline.version import VERSION

#: The two templates, by the kind of job that they launch.
STREAM: Final = "stream"
FILES: Final = "files"


@dataclass(frozen=True)
class Names:
    """Full names of one installation's parts."""

    settings: Settings
    release: str

    @property
    def labels(self) -> dict[str, str]:
        """What bills and lists tell them by."""
        return {"service": self.settings["name"]}

    @property
    def subscription(self) -> str:
        """What the pipeline reads."""
        return self._of("subscriptions", "messages")

    @property
    def dead_letter_topic(self) -> str:
        return self._of("topics", "dead-letters")

    @property
    def warehouse(self) -> str:
        return f"bigquery:{self.settings['project']}.{self.settings['dataset']}"

    @property
    def options(self) -> dict[str, str]:
        """The pipeline's options, but for the door: each that is not as it is by default."""
        folder, method = self.settings["schema_dir"], self.settings["write_method"]
        return {
            "warehouse": self.warehouse,
            "dead_letter_topic": self.dead_letter_topic,
            **({"schema_dir": f"{self.bucket}/{folder}"} if folder else {}),
            **({"write_method": method} if method != STORAGE_WRITE else {}),
        }

    @property
    def bucket(self) -> str:
        """Templates, and what Dataflow puts aside: a bucket's name is unique in the world."""
        return f"gs://{self.settings['project']}-{self.settings['name']}"

    @property
    def repository(self) -> str:
        """Of the container images."""
        project, region, name = (self.settings[one] for one in ("project", "region", "name"))
        return f"{region}-docker.pkg.dev/{project}/{name}"

    @property
    def image(self) -> str:
        """Of the pipeline: launcher, workers, and the machine of a small installation."""
        return f"{self.repository}/pipeline:{self.release}"

    @property
    def worker_account(self) -> str:
        project, name = self.settings["project"], self.settings["name"]
        return f"{name}-pipeline@{project}.iam.gserviceaccount.com"

    @property
    def build_account(self) -> str:
        project, name = self.settings["project"], self.settings["name"]
        return f"{name}-build@{project}.iam.gserviceaccount.com"

    @property
    def subnetwork(self) -> str:
        """In the short form that Dataflow takes, or as the address of one that is there."""
        region, name = self.settings["region"], self.settings["name"]
        if given := self.settings["subnetwork"]:
            return f"https://www.googleapis.com/compute/v1/{given}"
        return f"regions/{region}/subnetworks/{name}"

    def job(self, kind: str = STREAM) -> str:
        """What the job of a template is called."""
        return self.settings["name"] if kind == STREAM else f"{self.settings['name']}-{kind}"

    def template(self, kind: str) -> str:
        """Where the spec file of a template is."""
        return f"{self.bucket}/templates/{self.release}/{kind}.json"

    def _of(self, kind: str, part: str) -> str:
        project, name = self.settings["project"], self.settings["name"]
        return f"projects/{project}/{kind}/{name}-{part}"


def names_of(settings: Settings) -> Names:
    """The names of what ``settings`` describe; without a release, those of this very tree."""
    return Names(settings, settings["release"] or this_release())


#: Ends the release of a tree that is not what was committed.
DIRTY: Final = "-dirty"


def this_release() -> str:
    """The tag for this tree: the version, and the commit where git knows it."""
    describe = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=8"]
    try:
        found = subprocess.run(describe, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):  # not a clone
        return VERSION
    return f"{VERSION}-{found.strip()}"
