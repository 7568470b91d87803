"""Rules that no bundled file can break, tried on a dataset that is changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline import transforms
from schemas import Registry
from schemas.rules import RESERVED_SUBJECTS, check


@pytest.mark.parametrize("subject", sorted(RESERVED_SUBJECTS))
def test_a_subject_that_is_a_name_of_the_pipeline(subject: str, registry: Registry) -> None:
    dataset = replace(registry["FREQ"], subject=subject)

    [problem] = check(f"{subject}.json", dataset)

    assert (problem.file, problem.where, problem.reason) == (
        f"{subject}.json",
        "subject",
        f"{subject!r} is a name of the pipeline's own; choose another one",
    )


def test_the_pipelines_names_are_reserved() -> None:
    tags = {transforms.UNMAPPED_TAG, transforms.DEAD_LETTER_TAG, transforms.LEDGER_TAG}

    assert tags <= RESERVED_SUBJECTS
