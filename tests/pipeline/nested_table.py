"""Nested columns and JSON: what they take, and what they leave over for ``_extra``."""

from __future__ import annotations

from typing import Any

from schemas.model import Column
from tests.pipeline.made import micros

_SECOND = micros("2026-05-06T12:30:15+00:00")

GATE = Column("v", "STRUCT", columns=(Column("width", "FLOAT64"), Column("start", "DATETIME")))
GATES = Column("v", "STRUCT", repeated=True, columns=GATE.columns)
NAMES = Column("v", "STRING", repeated=True)
TIMES = Column("v", "DATETIME", repeated=True)
_AT = '"2026-05-06T12:30:15Z"'

#: Whole columns beyond the scalars: the column, the JSON, its value.
TAKES_NESTED: list[tuple[Column, str, Any]] = [
    (GATE, "{}", {"width": None, "start": None}),
    (GATE, f'{{"start":{_AT},"width":2}}', {"width": 2.0, "start": _SECOND}),
    (GATE, '{"width":null,"start":null}', {"width": None, "start": None}),
    (GATE, "null", None),
    (GATES, "[]", []),
    (GATES, "null", None),
    (
        GATES,
        f'[{{"width":1}},{{}},{{"start":{_AT}}}]',
        [
            {"width": 1.0, "start": None},
            {"width": None, "start": None},
            {"width": None, "start": _SECOND},
        ],
    ),
    (NAMES, '["a","","a"]', ["a", "", "a"]),
    (NAMES, "[]", []),
    (TIMES, f"[{_AT},{_AT}]", [_SECOND, _SECOND]),
    (Column("v", "BOOL", repeated=True), "[true,false]", [True, False]),
    (Column("v", "FLOAT64", repeated=True), "[1,-0.0]", [1.0, -0.0]),
]

#: The column, the JSON, what stays of it, and the counts of misfits and unknown fields.
LEAVES_OVER: list[tuple[Column, str, Any, int, int]] = [
    (GATE, "[]", None, 1, 0),
    (GATE, "[{}]", None, 1, 0),
    (GATE, '"{}"', None, 1, 0),
    (GATE, "5", None, 1, 0),
    (GATE, "true", None, 1, 0),
    (GATE, '{"width":"2"}', {"width": None, "start": None}, 1, 0),
    (GATE, '{"width":2,"start":"soon"}', {"width": 2.0, "start": None}, 1, 0),
    (GATE, '{"width":[],"start":0}', {"width": None, "start": None}, 2, 0),
    (GATE, '{"width":2,"depth":3}', {"width": 2.0, "start": None}, 0, 1),
    (GATE, '{"Width":2,"":null}', {"width": None, "start": None}, 0, 2),
    (GATES, "{}", None, 1, 0),
    (GATES, '"[]"', None, 1, 0),
    (GATES, "[null]", None, 1, 0),
    (GATES, '[{"width":1},null]', None, 1, 0),
    (GATES, '[{"width":1},[]]', None, 1, 0),
    (
        GATES,
        '[{"width":"x"},{"width":1,"more":0}]',
        [{"width": None, "start": None}, {"width": 1.0, "start": None}],
        1,
        1,
    ),
    (NAMES, '"a"', None, 1, 0),
    (NAMES, '["a",null]', None, 1, 0),
    (NAMES, '["a",1,2]', None, 1, 0),
    (NAMES, '[["a"]]', None, 1, 0),
    (TIMES, f'[{_AT},"soon"]', None, 1, 0),
    (Column("v", "INT64", repeated=True), "[1,2.5]", None, 1, 0),
]
