"""The settings as Terraform's variables (``deploy/terraform/variables.tf``), and as a table.

Made from the same values, so Terraform accepts and refuses what ``deploy.settings`` does.
"""

from __future__ import annotations

import json
from typing import Final

from deploy import markdown
from deploy.settings import SETTINGS, Setting, Value

_TYPES: Final = {str: "string", int: "number", bool: "bool", list: "list(string)"}
_HEAD: Final = """\
# Made from the table in deploy/settings.py: make docs
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
