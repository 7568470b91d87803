"""Files, and parts of documents, that say what the code says, made from it: ``make docs``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

import schemas
from bridge.metrics import Metrics
from deploy.markdown import table
from deploy.monitoring.alerts import alerts
from deploy.monitoring.dashboard import dashboard
from deploy.monitoring.policy import markdown, policy
from deploy.picture import picture
from deploy.settings import HERE
from deploy.variables import table as settings_table
from deploy.variables import variables
from pipeline import metrics, reject
from pipeline.build import build
from pipeline.options import OPTIONS

ROOT: Final = HERE.parent


@dataclass(frozen=True)
class Part:
    """A part of a document, between a comment that begins with its name and the next ``end``.

    Attributes:
        file: below the project's root.
        name: in the comment.
        make: gives the text, which ends with a line break.
    """

    file: str
    name: str
    make: Callable[[], str]

    def put_into(self, text: str) -> str:
        """The document's text with this part made anew.

        Raises:
            ValueError: the document has no place for it.
        """
        place = re.compile(
            rf"(?P<begin><!-- {re.escape(self.name)}: .*? -->\n).*?(?=<!-- end -->)", re.S
        )
        made, count = place.subn(lambda match: match["begin"] + self.make(), text)
        if count != 1:
            raise ValueError(f"{self.file}: one place <!-- {self.name}: ... --> is wanted: {count}")
        return made


@dataclass(frozen=True)
class Whole:
    """A file that is made as a whole; as a ``Part``."""

    file: str
    make: Callable[[], str]
    name: str = "all of it"

    def put_into(self, text: str) -> str:
        """The text of the file, whatever it was."""
        return self.make()


def _options() -> str:
    code = re.compile(r"<\w+>/<\w+>|'[^']+'")  # what Markdown would take for its own
    rows = [
        (f"`--{option.name} {option.form}`", code.sub(lambda match: f"`{match[0]}`", option.help))
        for option in OPTIONS
    ]
    return table(("option", "meaning"), rows)


def _reasons() -> str:
    rows = [(f"`{reason}`", meaning) for reason, meaning in reject.MEANING.items()]
    return table(("reason", "meaning"), rows)


def _metrics() -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in metrics.MEANING.items()]
    return table(("metric", "meaning"), rows)


def _bridge_metrics() -> str:
    rows = [
        (f"`{one.name}{'_total' if one.type == 'counter' else ''}`", one.documentation)
        for one in Metrics(date.today()).registry.collect()
        if not one.name.startswith("iris_bridge_process_")
    ]
    return table(("metric", "meaning"), rows)


def _graph() -> str:
    registry = schemas.load()
    options = PipelineOptions(
        [
            "--runner=DataflowRunner",
            "--input_subscription=projects/p-123456/subscriptions/iris",
            "--warehouse=bigquery:p-123456.iris",
            "--dead_letter_topic=projects/p-123456/topics/dead-letters",
        ]
    )
    pipeline = beam.Pipeline(runner="FnApiRunner", options=PipelineOptions([]))
    build(pipeline, options, list(registry.values()))
    return f"```mermaid\n{picture(pipeline.to_runner_api(), registry)}```\n"


def _alerts() -> str:
    return markdown(alerts(schemas.load().values()))


def _policies() -> str:
    return _json([policy(one) for one in alerts(schemas.load().values())])


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


PARTS: Final[tuple[Part | Whole, ...]] = (
    Part("README.md", "options", _options),
    Part("docs/semantics.md", "reasons", _reasons),
    Part("docs/semantics.md", "metrics", _metrics),
    Part("docs/semantics.md", "graph", _graph),
    Part("docs/bridge.md", "bridge metrics", _bridge_metrics),
    Part("docs/deploy.md", "settings", settings_table),
    Part("docs/operations.md", "alerts", _alerts),
    Whole("deploy/terraform/variables.tf", variables),
    Whole("deploy/monitoring/alerts.json", _policies),
    Whole("deploy/monitoring/dashboard.json", lambda: _json(dashboard(schemas.load().values()))),
)


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Tells what does not say what the code says, or writes all of it; 1: something does not."""
    parser = argparse.ArgumentParser(prog="python -m deploy.documents", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="make them anew")
    write = parser.parse_args(argv).write
    stale = 0
    for part in PARTS:
        file = root / part.file
        before = file.read_text()
        after = part.put_into(before)
        if after != before:
            print(f"{part.file}: {part.name}: {'written' if write else 'is not as the code says'}")
            stale += 1
        if write:
            file.write_text(after)
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
