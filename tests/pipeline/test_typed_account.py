"""Every record is accounted for, whatever a message holds, and on both paths alike."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import schemas
from pipeline.decode import DecodeError, unframe
from pipeline.reject import Reason, Stage
from pipeline.typed import Plan, Typed
from pipeline.unmapped import UnmappedPlan
from tests.pipeline.made import (
    NOW,
    SAMPLES,
    SUBJECTS,
    dataset,
    message,
    outcome,
    strict_json,
    told,
    type_text,
)
from tests.pipeline.texts import array_of, messy_records, mutated, right_records, values

TIDE = Plan(dataset())
UNMAPPED = UnmappedPlan()
PLANS = pytest.mark.parametrize("plan", [TIDE, UNMAPPED], ids=["mapped", "unmapped"])
AnyPlan = Plan | UnmappedPlan


class _Never:
    """A fast path that always leaves it to the exact one."""

    def decode(self, text: str) -> None:
        return None


def slow(of: schemas.Dataset) -> Plan:
    plan = Plan(of)
    plan._fast = _Never()  # type: ignore[assignment]
    return plan


def elements_of(text: str) -> list[Any] | None:
    """The elements of a message by Python's own parser, None where it is no JSON."""
    try:
        value = json.loads(text, strict=False, parse_int=str, parse_float=str, parse_constant=str)
    except ValueError:
        return None
    return value if isinstance(value, list) else [value]


def check_account(typed: Typed, elements: list[Any] | None, first: int = 0) -> None:
    """Rows and rejects make up the message, each at its place and with its own text."""
    if elements is None:
        (reject,) = typed.rejects
        assert (reject.stage, reject.reason) == (Stage.DECODE, Reason.NOT_JSON)
        assert (typed.records, len(typed.batch)) == (0, 0)
        return
    rejected = [reject.record_index for reject in typed.rejects]
    assert typed.records == len(elements)
    assert sorted([*typed.batch.index, *rejected]) == list(range(first, first + len(elements)))
    assert {len(column) for column in typed.batch.columns} == {len(typed.batch)}
    for reject in typed.rejects:
        reject.detail.encode()
        text = reject.payload.decode("utf-8", "surrogatepass")
        assert elements_of(f"[{text}]") == [elements[reject.record_index - first]]
    for extra in typed.batch.extra or []:
        assert extra is None or strict_json(extra)


@PLANS
@settings(max_examples=60)
@given(st.lists(values() | messy_records(dataset().columns), max_size=4), st.integers(0, 9))
@example(['{"day":"2026-05-06"}', "null", "[[]]", '"\ud800"', "NaN", "{}"], 5)
def test_any_elements(plan: AnyPlan, elements: list[str], first: int) -> None:
    text = f"[ {' ,'.join(elements)} ]"
    typed = plan.type_message(message(record_index=first), text, NOW)
    check_account(typed, elements_of(text), first)
    payloads = {reject.record_index: reject.payload for reject in typed.rejects}
    verbatim = [each.encode("utf-8", "surrogatepass") for each in elements]
    assert payloads == {at: verbatim[at - first] for at in payloads}
    objects = {at for at, each in enumerate(elements, first) if each.startswith("{")}
    assert set(typed.batch.index) <= objects
    if plan is UNMAPPED:
        assert set(typed.batch.index) == objects


@PLANS
@settings(max_examples=60)
@given(
    st.binary()
    | st.text().map(str.encode)
    | mutated(values()).map(lambda t: t.encode("utf-8", "surrogatepass"))
)
def test_any_bytes(plan: AnyPlan, data: bytes) -> None:
    for body in (data, gzip.compress(data, 1)):
        try:
            text = unframe(body)
        except DecodeError:
            continue
        check_account(plan.type_message(message(body), text, NOW), elements_of(text))


@settings(max_examples=200)
@given(st.data())
def test_mutated_samples(registry: schemas.Registry, data: st.DataObject) -> None:
    subject = data.draw(st.sampled_from(SUBJECTS))
    body = (SAMPLES / f"{subject}.json").read_bytes()
    if data.draw(st.booleans()):
        body = json.dumps(body.decode()).encode()
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = start + data.draw(st.integers(0, 8))
        middle = st.binary(max_size=4) | st.sampled_from([b"", b'"', b"\\", b"]", b"null", b"1e9"])
        body = body[:start] + data.draw(middle) + body[end:]
    try:
        text = unframe(body)
    except DecodeError:
        return
    plan = Plan(registry[subject])
    typed = plan.type_message(message(body), text, NOW)
    check_account(typed, elements_of(text))
    exact = slow(registry[subject]).type_message(message(body), text, NOW)
    assert repr(outcome(typed)) == repr(outcome(exact))


@given(st.lists(messy_records(dataset().columns) | right_records(dataset().columns), max_size=3))
def test_both_paths_say_the_same(records: list[str]) -> None:
    text = array_of(records)
    typed = [plan.type_message(message(), text, NOW) for plan in (TIDE, slow(dataset()))]
    assert repr(outcome(typed[0])) == repr(outcome(typed[1]))


@PLANS
def test_an_element_that_is_no_object(plan: AnyPlan) -> None:
    right = '{"day":"2026-05-06"}'
    others = [
        "null",
        "5",
        "NaN",
        '"text"',
        r'"\ud800"',
        "[]",
        f"[ {right} ]",
        "true",
        '"' + "x" * 90 + '"',
    ]
    said = [
        "null",
        "5",
        "NaN",
        '"text"',
        r'"\"\\ud800\""',
        "[]",
        f"[{right}]",
        "true",
        '"' + "x" * 76 + "...",
    ]
    typed = plan.type_message(message(), f"[{right},{','.join(others)},{right}]", NOW)
    assert list(typed.batch.index) == [0, len(others) + 1]
    assert [told(reject) for reject in typed.rejects] == [
        (at, Reason.NOT_OBJECT, None, f"expected an object, got {shown}", text.encode())
        for at, (text, shown) in enumerate(zip(others, said, strict=True), 1)
    ]
    assert {(reject.stage, reject.failed) for reject in typed.rejects} == {(Stage.TYPE, NOW)}
    assert typed.records == len(others) + 2


@PLANS
@pytest.mark.parametrize("levels", [100, 101, 5_000, 100_000])
def test_an_element_that_is_too_deep(plan: AnyPlan, levels: int) -> None:
    right = '{"day":"2026-05-06"}'
    deep = f'{{"day":"2026-05-06","unit":{"[" * (levels - 1)}"]"{"]" * (levels - 1)}}}'
    typed = plan.type_message(message(), f"[{right}, {deep} ,{right}]", NOW)
    if levels <= 100:
        assert (list(typed.batch.index), typed.rejects) == ([0, 1, 2], [])
        return
    assert list(typed.batch.index) == [0, 2]
    detail = "the record is nested more than 100 levels deep"
    assert [told(reject) for reject in typed.rejects] == [
        (1, Reason.TOO_DEEP, None, detail, deep.encode())
    ]


@pytest.mark.parametrize(
    "member",
    ['"unit":NaN', r'"unit":"\ud800"', '"unit":"\ud800"', '"level":1e400', '"unit":1,"unit":{}'],
)
def test_what_strict_parsers_refuse_costs_one_field(member: str) -> None:
    right = '{"day":"2026-05-06","unit":"a"}'
    typed = type_text(f'[{right},{{"day":"2026-05-06",{member}}},{right}]')
    assert list(typed.batch.index) == [0, 1, 2]
    assert list(typed.batch.columns[2]) == ["a", None, "a"]
    assert (typed.misfits, typed.unknown_fields, typed.rejects) == (1, 0, [])


def test_a_dead_letter_can_be_sent_again() -> None:
    """Its payload alone gives the same record at the same place."""
    text = r'[{"day":"2026-05-06"},{"day":"2028-05-06","unit":"\ud800","level":1.10,"a":1,"a":2}]'
    (reject,) = type_text(text.replace(r"\ud800", "\ud800")).rejects
    assert reject.record_index == 1
    later = NOW + 366 * 86_400_000_000 * 2
    again = message(reject.payload, record_index=reject.record_index)
    typed = TIDE.type_message(again, unframe(again.data), later)
    assert (list(typed.batch.index), typed.rejects) == ([1], [])
    assert outcome(typed)["extra"] == [r'{"a":2,"unit":"\"\\ud800\""}']
