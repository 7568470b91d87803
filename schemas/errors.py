"""What is wrong with a schema file, in one line that says what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One fault of one schema file.

    Attributes:
        file: the file's path, or the directory's when it cannot be read.
        where: the place inside the file, such as ``columns[3].type`` or ``line 7``; empty for
            the whole file.
        reason: what is wrong and what to do about it.
    """

    file: str
    where: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.where, self.reason) if part)


class SchemaError(ValueError):
    """Schema files that cannot be used; ``problems`` lists every fault that was found.

    Its text is one line: the first problem, and how many more there are.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        if not self.problems:
            return "schema error"
        more = len(self.problems) - 1
        return f"{self.problems[0]} (and {more} more)" if more else str(self.problems[0])
