"""What a warehouse lacks, and what of it cannot be reconciled."""

from __future__ import annotations

from dataclasses import replace

from schemas.changes import (
    ADOPT,
    FREE_THE_NAME,
    RELAX,
    AddColumns,
    Change,
    Conflict,
    CreateTable,
    Describe,
    Rename,
    changes,
    foreseen,
    merged,
)
from schemas.live import Live, LiveTable, as_declared
from schemas.model import Column, Partition, Table

AT = Column("at", "DATETIME", description="Time, UTC.")
OPEN = Column("open", "BOOL", description="Whether open.")
WIDTH = Column("width", "FLOAT64", description="Width, m.")
GATES = Column("gates", "STRUCT", True, "Gates.", (OPEN, WIDTH))
TABLE = Table("bmrs_tide_iris", (AT, GATES), Partition("at"), ("at",), "Tides.")
LIVE = replace(as_declared(TABLE), description="Tides.", laid_out=True)


def found(live: LiveTable | None, *, described: bool = True) -> list[Change | Conflict]:
    tables = [] if live is None else [live]
    return list(changes([TABLE], Live.of(tables), described=described))


def test_what_is_as_declared_needs_nothing() -> None:
    assert found(LIVE) == []


def test_a_table_that_is_missing() -> None:
    assert found(None) == [CreateTable(TABLE)]
    assert str(CreateTable(TABLE)) == "create table bmrs_tide_iris (2 columns)"


def test_names_are_compared_whatever_their_case() -> None:
    other = replace(LIVE, name="BMRS_tide_IRIS", columns=(replace(AT, name="AT"), GATES))
    assert found(other) == []


def test_columns_that_are_missing_also_in_structs() -> None:
    live = replace(LIVE, columns=(replace(GATES, columns=(OPEN,)),))
    missing = AddColumns(TABLE, (((), AT), (("gates",), WIDTH)))
    assert found(live) == [missing]
    assert str(missing) == "add to bmrs_tide_iris: at DATETIME, gates.width FLOAT64"


def test_columns_of_others_are_left_alone() -> None:
    assert found(replace(LIVE, columns=(*LIVE.columns, Column("theirs", "STRING")))) == []


def test_what_is_of_another_type_stays_so() -> None:
    live = replace(
        LIVE,
        columns=(
            replace(AT, type="TIMESTAMP"),
            replace(GATES, columns=(replace(OPEN, repeated=True), replace(WIDTH, type="INT64"))),
        ),
        partition=None,
    )
    assert found(live) == [
        Conflict("bmrs_tide_iris", "at", "TIMESTAMP", "DATETIME"),
        Conflict("bmrs_tide_iris", "gates.open", "ARRAY<BOOL>", "BOOL"),
        Conflict("bmrs_tide_iris", "gates.width", "INT64", "FLOAT64"),
        Conflict("bmrs_tide_iris", "partition", "none", "day of at"),
    ]
    assert found(replace(LIVE, columns=(AT, replace(GATES, repeated=False)))) == [
        Conflict(
            "bmrs_tide_iris",
            "gates",
            "STRUCT<`open` BOOL, `width` FLOAT64>",
            "ARRAY<STRUCT<`open` BOOL, `width` FLOAT64>>",
        )
    ]


def test_where_there_are_no_partitions_none_is_missed() -> None:
    assert found(replace(LIVE, partition=None, laid_out=False)) == []


def test_descriptions() -> None:
    for other in (
        replace(LIVE, description="Else."),
        replace(LIVE, columns=(replace(AT, description=""), GATES)),
        replace(LIVE, columns=(AT, replace(GATES, columns=(OPEN, replace(WIDTH, description=""))))),
    ):
        assert found(other) == [Describe(TABLE)]
        assert found(other, described=False) == []
    missing = replace(LIVE, columns=(AT, replace(GATES, columns=(OPEN,))))
    assert found(missing) == [AddColumns(TABLE, ((("gates",), WIDTH),))], "described when added"


def test_partitions_expire_on_request() -> None:
    whole = replace(TABLE, name="whole", partition=None)
    made = list(changes([TABLE, whole], Live(), described=True, expire_days=60))
    assert made == [CreateTable(TABLE, 60), CreateTable(whole)]
    assert [str(one) for one in made] == [
        "create table bmrs_tide_iris (2 columns; a day's rows are deleted after 60 days)",
        "create table whole (2 columns)",
    ]


def test_what_is_no_table_is_a_conflict() -> None:
    assert found(replace(LIVE, kind="view")) == [
        Conflict("bmrs_tide_iris", "kind", "view", "table", FREE_THE_NAME)
    ]


def test_what_refuses_null_is_a_conflict() -> None:
    theirs = replace(LIVE, columns=(*LIVE.columns, Column("theirs", "STRING")))
    declared = Conflict("bmrs_tide_iris", "at", "NOT NULL", "may be NULL", RELAX)
    nested = replace(declared, what="gates.open")
    other = replace(declared, what="theirs", declared="no such column, or may be NULL")
    required = frozenset({"at", "gates.open", "theirs"})
    assert found(replace(theirs, required=required)) == [declared, nested, other]
    defaults = replace(theirs, required=required, defaulted=required)
    assert found(defaults) == [declared, nested], "a default does not help where NULL is written"


def test_other_partitions_are_said_in_words() -> None:
    month = replace(LIVE, partition=None, layout="month of at")
    assert found(month) == [
        Conflict("bmrs_tide_iris", "partition", "month of at", "day of at", ADOPT)
    ]


def test_a_dataset_that_tells_cases_apart_has_other_tables() -> None:
    other = replace(LIVE, name="BMRS_TIDE_IRIS")
    assert list(changes([TABLE], Live.of([other], folds=False), described=True)) == [
        CreateTable(TABLE)
    ]


def test_a_renamed_table_is_foreseen_under_its_name() -> None:
    live = foreseen(Live.of([LIVE]), [Rename("BMRS_tide_iris", "Other"), CreateTable(TABLE)])
    assert live.tables == {
        "other": replace(LIVE, name="Other"),
        "bmrs_tide_iris": as_declared(TABLE),
    }


def test_what_is_foreseen_is_what_is_there_afterwards() -> None:
    theirs = Column("theirs", "NUMERIC", description="Mine.")
    old = replace(
        LIVE, columns=(theirs, replace(AT, type="STRING"), replace(GATES, columns=(OPEN,)))
    )
    made: list[Change] = [
        AddColumns(TABLE, ((("gates",), WIDTH),)),
        CreateTable(replace(TABLE, name="new")),
    ]
    live = foreseen(Live.of([old]), made)
    assert live.tables == {
        "bmrs_tide_iris": replace(old, columns=(theirs, replace(AT, type="STRING"), GATES)),
        "new": as_declared(replace(TABLE, name="new")),
    }


def test_merging_keeps_types_and_takes_descriptions() -> None:
    live = (replace(AT, type="STRING", description="old"), Column("theirs", "NUMERIC"))
    assert merged(live, (AT, GATES)) == (
        replace(AT, type="STRING"),
        Column("theirs", "NUMERIC"),
        GATES,
    )
