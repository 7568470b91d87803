"""All datasets that are known, by subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from schemas.model import Dataset


class Registry(Mapping[str, Dataset]):
    """An immutable mapping of subjects to datasets, sorted by subject.

    Subjects keep their case, as those of the Service Bus messages do (``mibm_mid``). It pickles,
    because Beam sends it to its workers.
    """

    __slots__ = ("_datasets",)
    _datasets: dict[str, Dataset]

    def __init__(self, datasets: Iterable[Dataset] = ()) -> None:
        by_subject = {dataset.subject: dataset for dataset in datasets}
        object.__setattr__(self, "_datasets", dict(sorted(by_subject.items())))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Registry cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Registry cannot be changed")

    def __getitem__(self, subject: str) -> Dataset:
        return self._datasets[subject]

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)

    def __hash__(self) -> int:
        return hash(tuple(self._datasets.values()))

    def __reduce__(self) -> tuple[type[Registry], tuple[tuple[Dataset, ...]]]:
        return Registry, (tuple(self._datasets.values()),)

    def __repr__(self) -> str:
        return f"<Registry of {len(self)} datasets>"
