"""``python -m deploy.variables``: the settings as Terraform's variables, and as a table for people.

``deploy/terraform/variables.tf`` is made here (``--write``), so that Terraform accepts and refuses
what ``deploy.settings`` does; a test compares the two.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Final

from deploy import markdown
from deploy.settings import HERE, SETTINGS, Setting, Value

FILE: Final = HERE / "terraform" / "variables.tf"
_TYPES: Final = {str: "string", int: "number", bool: "bool", list: "list(string)"}
_HEAD: Final = """\
# Made from the table in deploy/settings.py: python -m deploy.variables --write
"""


def variables() -> str:
    """The text of ``variables.tf``."""
    return "\n".join([_HEAD, *map(_variable, SETTINGS)])


def table() -> str:
    """The settings as a Markdown table: name, default, meaning."""
    rows = [(f"`{one.name}`", _shown(one.default), one.meaning) for one in SETTINGS]
    return markdown.table(("setting", "default", "meaning"), rows)


def _shown(default: Value | None) -> str:
    if default is None:
        return "must be given"
    if default in ("", []):
        return "none"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _variable(setting: Setting) -> str:
    arguments = {
        "type": _TYPES[setting.type],
        "description": _quoted(setting.meaning),
        "nullable": "false",
    }
    if setting.default is not None:
        default = setting.default
        arguments["default"] = _quoted(default) if isinstance(default, str) else json.dumps(default)
    lines = [f'variable "{setting.name}" {{', *_arguments(arguments, "  ")]
    if setting.type is not bool:
        validation = {"condition": _condition(setting), "error_message": _quoted(_message(setting))}
        lines += ["", "  validation {", *_arguments(validation, "    "), "  }"]
    return "\n".join([*lines, "}", ""])


def _condition(setting: Setting) -> str:
    """Terraform's twin of ``Setting.fault``."""
    variable = f"var.{setting.name}"
    if setting.type is int:
        bounds = f"{variable} >= {setting.least} && {variable} <= {setting.most}"
        return f"{bounds} && floor({variable}) == {variable}"
    pattern = _quoted(f"^(?:{setting.pattern})$")
    if setting.type is list:
        return f"alltrue([for text in {variable} : can(regex({pattern}, text))])"
    return f"can(regex({pattern}, {variable}))"


def _message(setting: Setting) -> str:
    if setting.type is int:
        return f"{setting.name} must be a whole number from {setting.least} to {setting.most}."
    return f"{setting.name} must be {setting.form}."


def _arguments(arguments: dict[str, str], indent: str) -> list[str]:
    """``name = value`` lines, aligned as ``terraform fmt`` does."""
    width = max(map(len, arguments))
    return [f"{indent}{name:<{width}} = {value}" for name, value in arguments.items()]


def _quoted(text: str) -> str:
    """``text`` as a string of Terraform's language that holds no template."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def main(argv: Sequence[str] | None = None) -> int:
    """Prints ``variables.tf``, or writes it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.variables", description=main.__doc__)
    parser.add_argument(
        "--write", action="store_true", help=f"into {FILE.relative_to(HERE.parent)}"
    )
    if parser.parse_args(argv).write:
        FILE.write_text(variables())
    else:
        print(variables(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
