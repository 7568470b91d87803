"""``iris_key_conflicts``: where a natural key does not tell records apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schemas.ddl import bigquery_identifier, bigquery_string
from schemas.model import Dataset
from schemas.views.days import DAYS, within_days
from schemas.views.model import HOME, View

_DESCRIPTIONS = {
    "dataset": "Subject of the dataset.",
    "natural_key": "The key as JSON: column names and values.",
    "contents": "Number of different contents under this key.",
    "row_count": "Number of rows under this key, repeated deliveries included.",
    "differing": "The columns in which the contents differ, separated by commas.",
    "within_one_message": "True where one message holds different contents under this key: then "
    "the key lacks a column. False: a later message corrected an earlier one.",
    "first_enqueued_utc": "Earliest enqueued time of these rows, UTC.",
    "last_enqueued_utc": "Latest enqueued time of these rows, UTC.",
}


_MEANING = (
    "Natural keys under which rows differ in other columns. The keys are inferred: a conflict "
    "within one message shows a key that lacks a column, and then the unified view hides rows."
)


def key_conflicts(datasets: Iterable[Dataset]) -> View:
    """One row for each natural key that has rows of different content, of all datasets."""
    return View(
        "iris_key_conflicts",
        "\nUNION ALL\n".join(_conflicts(one, "TRUE") for one in datasets),
        f"{_MEANING} Reads all live tables whole; see iris_key_conflicts_between.",
        _DESCRIPTIONS,
    )


def key_conflicts_between(datasets: Iterable[Dataset]) -> View:
    """The same of some days' partitions: a natural key decides its partition."""
    return View(
        "iris_key_conflicts_between",
        "\nUNION ALL\n".join(_conflicts(one, within_days(one)) for one in datasets),
        f"{_MEANING} Reads the partitions from first_day to last_day alone.",
        _DESCRIPTIONS,
        DAYS,
    )


def _conflicts(dataset: Dataset, where: str) -> str:
    key = [bigquery_identifier(name) for name in dataset.natural_key]
    others = [one.name for one in dataset.columns if one.name not in dataset.natural_key]
    others.append("_extra")  # a field that nobody has described may be what the key lacks
    texts = {name: f"IFNULL(TO_JSON_STRING({bigquery_identifier(name)}), '')" for name in others}
    # Not COUNT(DISTINCT ...): in a thousand columns of one view it is too much for a query.
    differing = ",\n    ".join(
        f"IF(MIN({text}) != MAX({text}), {bigquery_string(name)}, NULL)"
        for name, text in texts.items()
    )
    return f"""SELECT
  {bigquery_string(dataset.subject)} AS dataset,
  TO_JSON_STRING(STRUCT({", ".join(_shown(dataset))})) AS natural_key,
  COUNT(DISTINCT _content) AS contents,
  COUNT(*) AS row_count,
  ARRAY_TO_STRING([
    {differing}
  ], ', ') AS differing,
  COUNT(DISTINCT CONCAT(_message_id, _content)) > COUNT(DISTINCT _message_id)
    AS within_one_message,
  MIN(_enqueued_utc) AS first_enqueued_utc,
  MAX(_enqueued_utc) AS last_enqueued_utc
FROM (
  SELECT
    {", ".join([*key, *map(bigquery_identifier, others), "_message_id", "_enqueued_utc"])},
    TO_JSON_STRING(STRUCT({", ".join(map(bigquery_identifier, others))})) AS _content
  FROM {HOME}.{dataset.table_name}
  WHERE {where}
)
GROUP BY {", ".join(key)}
HAVING COUNT(DISTINCT _content) > 1"""


def _shown(dataset: Dataset) -> Iterator[str]:
    """The columns of the key; BigQuery and DuckDB have different JSON for a DATETIME."""
    types = {one.name: one.type for one in dataset.columns}
    for name in dataset.natural_key:
        column = bigquery_identifier(name)
        yield f"CAST({column} AS STRING) AS {column}" if types[name] == "DATETIME" else column
