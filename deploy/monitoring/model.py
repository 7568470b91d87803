"""What an alarm is: data, from which come the policy for Google and the text for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How soon somebody must look, in Cloud Monitoring's words."""

    #: Nothing arrives, or data will be lost if nobody acts.
    CRITICAL = "CRITICAL"
    #: Data are late or incomplete; they are kept meanwhile.
    ERROR = "ERROR"
    #: All is well yet.
    WARNING = "WARNING"


class Part(StrEnum):
    """What an alarm watches; an installation without that part has no use for it."""

    #: The Dataflow job: there is none where the bridge's machine runs the pipeline.
    DATAFLOW = "dataflow"
    PUBSUB = "pubsub"
    BRIDGE = "bridge"
    #: The scheduled check that says how old the tables are.
    HEALTH = "health"


@dataclass(frozen=True)
class Condition:
    """When an alarm fires: a query gives a result, each series of which is an incident.

    Attributes:
        title: what holds then.
        query: PromQL.
        lasts: seconds for which it must hold.
        every: seconds from one evaluation to the next, a multiple of 30.
    """

    title: str
    query: str
    lasts: int = 0
    every: int = 60


@dataclass(frozen=True)
class Alert:
    """One alarm. In texts ``${name}`` stands for the installation's name.

    Attributes:
        key: for machines: lower-case letters and hyphens.
        severity: how soon somebody must look.
        part: what it watches.
        title: for people, and the heading of its section in the documents.
        fires: when, in words, behind "fires when".
        meaning: what that means for the data.
        do: what to do first.
        conditions: one is enough to fire.
    """

    key: str
    severity: Severity
    part: Part
    title: str
    fires: str
    meaning: str
    do: str
    conditions: tuple[Condition, ...]
