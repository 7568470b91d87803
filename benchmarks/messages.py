"""Messages of real shape: the fields of the bundled samples, sizes and value ranges as seen."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from local.sample_messages import samples
from pipeline.message import Message

#: Records in one message of each dataset.
RECORDS: Final = {
    "MELS": 300,
    "BOD": 200,
    "FREQ": 8,
    "FUELINST": 20,
    "INDGEN": 900,
    "REMIT": 1,
}
_SEGMENTS: Final = 40
_START: Final = datetime(2026, 11, 1)
_UNITS: Final = [f"UNIT{number:03}-1" for number in range(300)]
_FUELS: Final = ["BIOMASS", "CCGT", "COAL", "INTELEC", "INTEW", "INTFR", "INTGRNL", "INTIFA2"]


@dataclass(frozen=True)
class Sized:
    """A message and what it holds: ``inner`` is the JSON array without its framing."""

    message: Message
    inner: bytes
    records: int


def messages(dataset: str, count: int, seed: int = 1) -> list[Sized]:
    """``count`` messages of ``dataset``, the same for the same seed."""
    rng = random.Random(f"{dataset}{seed}")
    return [_message(dataset, number, RECORDS[dataset], rng) for number in range(count)]


def sized_message(dataset: str, number: int, records: int, rng: random.Random) -> Sized:
    """One message with as many records as asked for."""
    return _message(dataset, number, records, rng)


def _message(dataset: str, number: int, records: int, rng: random.Random) -> Sized:
    sample = _SAMPLES[dataset]
    change = _CHANGES[dataset]
    array = [{**sample, **change(number, at, rng)} for at in range(records)]
    inner = json.dumps(array, separators=(",", ":")).encode()
    body = json.dumps(inner.decode()).encode()
    minute = _START + timedelta(minutes=number % 40_000)
    name = f"{dataset}_{minute:%Y%m%d%H%M}_{number:05}.json"
    return Sized(Message(body, dataset, name, source="IRIS"), inner, records)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _period(number: int) -> tuple[datetime, dict[str, Any]]:
    start = _START + timedelta(minutes=30 * (number % 1_000))
    return start, {
        "settlementDate": f"{start:%Y-%m-%d}",
        "settlementPeriod": start.hour * 2 + start.minute // 30 + 1,
    }


def _mels(number: int, at: int, rng: random.Random) -> dict[str, Any]:
    start, fields = _period(number)
    unit = _UNITS[at % len(_UNITS)]
    return fields | {
        "timeFrom": _time(start),
        "timeTo": _time(start + timedelta(minutes=30)),
        "levelFrom": rng.randint(0, 500),
        "levelTo": rng.randint(0, 500),
        "notificationTime": _time(start - timedelta(seconds=rng.randint(3_600, 90_000))),
        "notificationSequence": rng.randint(1, 200_000),
        "nationalGridBmUnit": unit,
        "bmUnit": f"T_{unit}",
    }


def _bod(number: int, at: int, rng: random.Random) -> dict[str, Any]:
    start, fields = _period(number)
    unit = _UNITS[at // 10 % len(_UNITS)]
    return fields | {
        "timeFrom": _time(start),
        "timeTo": _time(start + timedelta(minutes=30)),
        "levelFrom": rng.randint(-500, 500),
        "levelTo": rng.randint(-500, 500),
        "pairId": at % 10 - 5,
        "offer": round(rng.uniform(20, 400), 2),
        "bid": round(rng.uniform(-100, 90), 2),
        "nationalGridBmUnit": unit,
        "bmUnit": f"T_{unit}",
    }


def _freq(number: int, at: int, rng: random.Random) -> dict[str, Any]:
    moment = _START + timedelta(seconds=120 * number + 15 * at)
    return {"measurementTime": _time(moment), "frequency": round(rng.gauss(50, 0.06), 3)}


def _fuelinst(number: int, at: int, rng: random.Random) -> dict[str, Any]:
    start = _START + timedelta(minutes=5 * number)
    return {
        "publishTime": _time(start + timedelta(minutes=5)),
        "startTime": _time(start),
        "settlementDate": f"{start:%Y-%m-%d}",
        "settlementPeriod": start.hour * 2 + start.minute // 30 + 1,
        "fuelType": _FUELS[at % len(_FUELS)],
        "generation": rng.randint(-1_000, 20_000),
    }


def _indgen(number: int, at: int, rng: random.Random) -> dict[str, Any]:
    start = _START + timedelta(minutes=30 * (at % 96))
    return {
        "publishTime": _time(_START + timedelta(minutes=30 * number)),
        "startTime": _time(start),
        "settlementDate": f"{start:%Y-%m-%d}",
        "settlementPeriod": start.hour * 2 + start.minute // 30 + 1,
        "boundary": f"B{at // 96 + 1}",
        "generation": rng.randint(0, 30_000),
    }


def _remit(number: int, at: int, rng: random.Random) -> dict[str, Any]:
    start = _START + timedelta(hours=number % 5_000)
    profile = [
        {
            "startTime": _time(start + timedelta(hours=hour)).replace("Z", ".000Z"),
            "endTime": _time(start + timedelta(hours=hour + 1)).replace("Z", ".000Z"),
            "capacity": float(rng.randint(0, 450)),
        }
        for hour in range(_SEGMENTS)
    ]
    return {
        "mrid": f"11XINNOGY------2-NGET-RMT-{number:08}",
        "createdTime": _time(start),
        "publishTime": _time(start + timedelta(seconds=70)),
        "outageProfile": profile,
    }


def _boalf(number: int, at: int, rng: random.Random) -> dict[str, Any]:
    start = _START + timedelta(minutes=number % 40_000)
    unit = rng.choice(_UNITS)
    return {
        "settlementDate": f"{start:%Y-%m-%d}",
        "timeFrom": _time(start + timedelta(minutes=at)),
        "timeTo": _time(start + timedelta(minutes=at + 1)),
        "acceptanceTime": _time(start),
        "acceptanceNumber": number,
        "levelFrom": rng.randint(0, 500),
        "levelTo": rng.randint(0, 500),
        "nationalGridBmUnit": unit,
        "bmUnit": f"T_{unit}",
    }


_CHANGES: Final[dict[str, Callable[[int, int, random.Random], dict[str, Any]]]] = {
    "MELS": _mels,
    "MILS": _mels,
    "BOALF": _boalf,
    "BOD": _bod,
    "FREQ": _freq,
    "FUELINST": _fuelinst,
    "INDGEN": _indgen,
    "REMIT": _remit,
}


def _load() -> Iterator[tuple[str, dict[str, Any]]]:
    for dataset, array in samples():
        yield dataset, json.loads(array)[0]


_SAMPLES: Final = dict(_load())
