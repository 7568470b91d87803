"""The rules of the house: who knows what, who imports whom, how long a file may be."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import metrics, reject
from schemas import Registry

ROOT = Path(__file__).parents[1]
MOST_LINES = 350


def sources(*packages: str) -> list[Path]:
    """The Python files of these packages; a package that is not there yet has none."""
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string literal, parts of f-strings included, docstrings not."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str):
                yield node.lineno, node.value
            elif isinstance(node.value, bytes):
                yield node.lineno, node.value.decode("latin-1")


def names_datasets(text: str, subjects: frozenset[str]) -> set[str]:
    """The datasets that ``text`` names as words of their own, or as their tables."""
    words = set(re.findall(r"\w+", text))
    tables = {subject for subject in subjects if f"bmrs_{subject.lower()}_iris" in words}
    return tables | (words & subjects)


def imports(path: Path) -> set[str]:
    """The packages that a file imports from, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} line {node.lineno}: write the whole name"
            found.add(str(node.module).partition(".")[0])
    return found


def test_no_dataset_is_named_outside_of_its_schema_file(registry: Registry) -> None:
    subjects = frozenset(registry)
    named = [
        f"{name(path)} line {line}: {', '.join(sorted(found))}"
        for path in sources("bridge", "pipeline")
        for line, text in literals(ast.parse(path.read_text()))
        if (found := names_datasets(text, subjects))
    ]
    assert named == [], "everything about a dataset stands in schemas/datasets/<SUBJECT>.json"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('x = "FREQ"', ["FREQ"]),
        ('x = f"{y}.MID.{z}"', ["MID"]),
        ('x = b"mibm_mid"', ["mibm_mid"]),
        ('x = {"bmrs_freq_iris": 1}', ["FREQ"]),
        ('def f(x: str = "PN"): ...', ["PN"]),
        ('"""The docstring of FREQ."""\nx = "a"', []),
        ('x = "freq, MIDDLE, SYS_WARNING"', []),
    ],
)
def test_a_dataset_that_is_named_is_found(code: str, found: list[str], registry: Registry) -> None:
    subjects = frozenset(registry)
    named = {one for _, text in literals(ast.parse(code)) for one in names_datasets(text, subjects)}
    assert sorted(named) == found


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("schemas", {"bridge", "pipeline", "local", "ops", "deploy", "tests"}),
        ("bridge", {"pipeline", "local", "ops", "deploy", "tests", "apache_beam"}),
        ("pipeline", {"bridge", "local", "ops", "deploy", "tests"}),
        ("local", {"deploy", "tests"}),
        ("deploy", {"local", "tests"}),
    ],
)
def test_who_does_not_import_whom(package: str, others: set[str]) -> None:
    wrong = {name(path): imports(path) & others for path in sources(package)}
    assert {path: found for path, found in wrong.items() if found} == {}


def test_the_envelope_needs_nothing_but_python() -> None:
    assert imports(ROOT / "envelope.py") <= sys.stdlib_module_names


def test_files_are_short() -> None:
    lengths = {
        name(path): len(path.read_text().splitlines())
        for path in [
            *sources("bridge", "pipeline", "schemas", "local", "ops", "deploy"),
            ROOT / "envelope.py",
        ]
    }
    assert len(lengths) > 50
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_module_says_what_it_is() -> None:
    paths = sources("bridge", "pipeline", "schemas", "local", "ops", "deploy", "tests")
    bare = [name(path) for path in paths if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert bare == []


def test_every_reason_and_every_metric_has_a_meaning() -> None:
    assert list(reject.MEANING) == list(reject.Reason)
    named = {
        value
        for constant, value in vars(metrics).items()
        if constant.isupper() and isinstance(value, str) and constant != "NAMESPACE"
    }
    assert named == set(metrics.MEANING)
    for meaning in (*reject.MEANING.values(), *metrics.MEANING.values()):
        assert re.fullmatch(r"[a-z].*[^.\s]", meaning), meaning


def test_codes_are_fit_for_counting_and_selecting() -> None:
    for reason in reject.Reason:
        assert re.fullmatch(r"([A-Z][a-z]+)+", reason), reason
    for metric in metrics.MEANING:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", metric), metric
