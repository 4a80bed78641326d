"""The reference pages that are made from the code while the site is built: command, configuration, errors, JSON, Python."""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import re
import sys
import types
import typing
from importlib.resources import files
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src" / "beatlens"
CURES = Path(__file__).parent / "cures.md"
ROOMS = {
    "records": "A file becomes a `Record`.",
    "databases": "MIT-BIH: fetched, verified, split by patient.",
    "beats": "From a `Record` to R peaks, windows, intervals and features.",
    "models": "From beats to probabilities.",
    "training": "From a configuration to a trained model.",
    "evaluation": "From predictions and a reference to figures.",
    "explain": "From a model and a beat to an explanation.",
    "analysis": "All of it for one recording.",
    "reports": "From an analysis to files.",
    "batch": "Many recordings.",
    "api": "Over HTTP.",
    "app": "In the browser. Pages hold no logic; these are the services behind them.",
}

COMMAND = """\
# The command

Results go to stdout, progress and errors to stderr. It ends with 0, with 1 after an error, with 2 if it was called wrongly,
with 130 if it was interrupted. An error is one line, `error:`, and a second, `hint:`; `beatlens --debug COMMAND` shows the
traceback. `NO_COLOR` is heeded.
"""
CONFIGURATION = """\
# Configuration

A configuration is a TOML file: one `name = value` a line. `--set name=value` on the command line goes before the file. An
unknown name is an error, with the nearest known one as a hint. A run's folder keeps what was used in `configuration.json`.
"""
PACKAGE = """\
# `beatlens`

What `import beatlens as bl` offers. Nothing heavy is imported before it is used. The rooms behind it have pages of their own,
in the order in which data travel through them.

"""
SCHEMA = """\
# `analysis.json`

`beatlens analyze` writes it beside the report: everything but the beats, which are in `beats.csv`. The schema is JSON Schema
2020-12 and comes with the package, `beatlens/reports/analysis.schema.json`. Times are in seconds, voltages in mV. What is not
known is `null`.
"""


def generated_files() -> dict[str, str]:
    """Return every file of the site that is made from the code: the reference, and the picture of the rooms."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "pictures"))
    import rooms

    return {**reference_pages(), "pictures/rooms.svg": rooms.draw()}


def reference_pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    pages = {
        "reference/cli.md": describe_command(),
        "reference/configuration.md": describe_configurations(),
        "reference/errors.md": describe_errors(),
        "reference/json.md": describe_schema(),
        "reference/api/beatlens.md": describe_package(),
    }
    for room, what in ROOMS.items():
        if (SOURCE / room).is_dir():
            pages[f"reference/api/{room}.md"] = describe_room(room, what)
    return pages


def describe_package() -> str:
    """Return the page of what `import beatlens` offers, each name linked to where it is described."""
    import beatlens

    lines = ["| name | what it is |", "| --- | --- |"]
    for name in sorted(set(beatlens.__all__) - {"__version__"}, key=str.lower):
        thing = getattr(beatlens, name)
        if inspect.ismodule(thing):  # a package that can be called
            thing = importlib.import_module("beatlens.analysis.explaining").explain
        first = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        lines.append(f"| [`bl.{name}`][{thing.__module__}.{thing.__qualname__}] | {first} |")
    return PACKAGE + "\n".join(lines) + "\n"


def describe_room(room: str, what: str) -> str:
    """Return a page with every public module of a room."""
    modules = [
        path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")
        for path in sorted((SOURCE / room).rglob("*.py"))
        if not any(part.startswith("_") for part in path.relative_to(SOURCE).parts) and has_public_names(path)
    ]
    parts = [f"# `beatlens.{room}`\n\n{what}\n"]
    parts += [
        f"## `{module}`\n\n::: beatlens.{module}\n    options:\n      show_root_heading: false\n      heading_level: 3\n"
        for module in modules
    ]
    return "\n".join(parts)


def has_public_names(path: Path) -> bool:
    """Say whether a module defines a function or class that is not private."""
    return re.search(r"^(?:def|class) [a-zA-Z]", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def describe_command() -> str:
    """Return the page of the command, from its own help."""
    import typer

    from beatlens.cli.main import app

    command = typer.main.get_command(app)
    parts = [
        COMMAND,
    ]
    parts += describe_one(command, ("beatlens",))
    return "\n".join(parts)


def describe_one(command: Any, names: tuple[str, ...]) -> list[str]:
    """Return the section of a command and of those below it."""
    level = "#" * min(1 + len(names), 4)
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    inner = getattr(command, "commands", {})
    usage = " ".join([*names, *(placeholder(each) for each in arguments), *(["COMMAND"] if inner else [])])
    parts = [f"{level} `{' '.join(names)}`\n", plain(command.help) + "\n", f"```text\n{usage} [OPTIONS]\n```\n"]
    rows = [(f"`{placeholder(each)}`", plain(each.help), default_of(each)) for each in arguments]
    rows += [(spell(each), plain(each.help), default_of(each)) for each in options if each.name != "help"]
    if rows:
        parts.append("| | meaning | if not given |\n| --- | --- | --- |")
        parts[-1] += "".join(f"\n| {name} | {told} | {default} |" for name, told, default in rows) + "\n"
    for name, each in inner.items():
        parts += describe_one(each, (*names, name))
    return parts


def placeholder(argument: Any) -> str:
    """Return an argument as it is written in a usage line; brackets around what may be left out."""
    name = (argument.metavar or argument.name or "").upper()
    name += "..." if argument.nargs == -1 and not name.endswith("...") else ""
    return name if argument.required else f"[{name}]"


def plain(text: str | None) -> str:
    """Return a help text fit for a cell or a paragraph."""
    return re.sub(r"\s+", " ", re.sub(r"\[/?\w+\]", "", text or "")).replace("|", "\\|").strip()


def spell(option: Any) -> str:
    """Return an option as it is written, with its value."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    kind = value_type(option)
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return f"{names} " + " ".join(f"`{each.value}`" for each in kind)
    words = {int: "NUMBER", float: "NUMBER", Path: "PATH", str: "TEXT"}
    return f"{names} {option.metavar or words.get(kind, 'VALUE')}"


def value_type(option: Any) -> Any:
    """Return the Python type of an option's value."""
    if hasattr(option, "type_descriptor"):
        return option.type_descriptor.annotation
    return {"integer": int, "float": float, "path": Path, "file": Path, "text": str}.get(option.type.name, str)


def default_of(option: Any) -> str:
    """Return what holds if an option is not given."""
    if option.required:
        return "must be given"
    value = getattr(option.default, "value", option.default)
    return "" if value in (None, False, ()) or option.name == "help" else f"`{value}`"


def describe_configurations() -> str:
    """Return the page of what can be set, from the pydantic models and dataclasses themselves."""
    from beatlens.analysis import Settings
    from beatlens.explain import Options
    from beatlens.training.adapt import Adaptation
    from beatlens.training.config import SeedTraining
    from beatlens.training.own_data import OwnData
    from beatlens.training.rhythm import RhythmTraining

    parts = [
        CONFIGURATION,
    ]
    for command, model in (("seed-lstm", SeedTraining), ("rhythm-lstm", RhythmTraining)):
        parts.append(f"## `beatlens train {command}`\n\n{first_lines(model)}\n\n" + table_of_model(model))
    parts.append("## The table `[data]` of `beatlens train rhythm-lstm`\n\n" + table_of_model(OwnData))
    parts.append(f"## `beatlens adapt`\n\n{first_lines(Adaptation)}\n\n" + table_of_model(Adaptation))
    parts.append("## `beatlens analyze` and `bl.analyze(settings=Settings(...))`\n\n" + table_of_docstring(Settings))
    parts.append("## Methods of explanation, `Options(...)`\n\n" + table_of_docstring(Options))
    return "\n".join(parts)


def first_lines(thing: Any) -> str:
    """Return a docstring up to its first section."""
    return re.split(r"\n\w+\n-{3,}\n", inspect.getdoc(thing) or "")[0].strip()


def table_of_model(model: Any) -> str:
    """Return the fields of a pydantic model as a table."""
    lines = ["| name | meaning | value | range | default |", "| --- | --- | --- | --- | --- |"]
    for name, info in model.model_fields.items():
        limits = ", ".join(
            f"{sign} {getattr(each, key)}"
            for each in info.metadata
            for key, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
            if getattr(each, key, None) is not None
        )
        default = info.get_default(call_default_factory=True)
        shown = "none" if default is None else json.dumps(default, default=str)
        shown = shown if len(shown) < 60 else "see the code"
        lines.append(f"| `{name}` | {info.description or ''} | {name_of_type(info.annotation)} | {limits} | `{shown}` |")
    return "\n".join(lines) + "\n"


def name_of_type(kind: Any) -> str:
    """Return a type in words."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return name_of_type(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if each is type(None) else name_of_type(each) for each in arguments)
    if origin in (tuple, list):
        return f"list of {name_of_type(arguments[0])}"
    words = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    return words.get(kind, getattr(kind, "__name__", str(kind)))


def table_of_docstring(kind: Any) -> str:
    """Return the parameters of a dataclass with their defaults, from its numpydoc docstring."""
    from numpydoc.docscrape import NumpyDocString

    lines = ["| name | meaning | default |", "| --- | --- | --- |"]
    for entry in NumpyDocString(inspect.getdoc(kind) or "")["Parameters"]:
        for name in entry.name.split(", "):
            default = getattr(kind, name, "")
            lines.append(f"| `{name}` | {' '.join(entry.desc).replace('|', chr(92) + '|')} | `{default}` |")
    return "\n".join(lines) + "\n"


def describe_errors() -> str:
    """Return the page of errors: what each class means from its docstring, examples and cures from `cures.md`."""
    from beatlens import errors

    intro, *sections = re.split(r"^## ", CURES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    cures = {part.partition("\n")[0].strip(): part.partition("\n")[2].strip() for part in sections}
    kinds = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, errors.BeatlensError)]
    missing = {each.__name__ for each in kinds} - set(cures) - {"BeatlensError"}
    if missing or set(cures) - {each.__name__ for each in kinds}:
        raise ValueError(f"cures.md and errors.py differ: {missing or set(cures)}")
    parts = [intro.strip() + "\n"]
    for kind in kinds:
        if kind is errors.BeatlensError:
            continue
        builtin = next(base.__name__ for base in kind.__bases__ if base is not errors.BeatlensError)
        parts.append(f"## {kind.__name__}\n\n{inspect.getdoc(kind)} Also a `{builtin}`.\n\n{cures[kind.__name__]}\n")
    return "\n".join(parts)


def describe_schema() -> str:
    """Return the page of `analysis.json`, from its JSON schema."""
    text = (files("beatlens.reports") / "analysis.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    parts = [
        SCHEMA,
        table_of_schema(schema),
    ]
    for name, inner in schema.get("$defs", {}).items():
        parts.append(f"## `{name}`\n\n{inner.get('description', '')}\n")
        if inner.get("properties"):
            parts.append(table_of_schema(inner))
    return "\n".join(parts)


def table_of_schema(schema: dict[str, Any]) -> str:
    """Return the properties of one object as a table."""
    lines = ["| name | type | meaning |", "| --- | --- | --- |"]
    for name, inner in schema.get("properties", {}).items():
        told = inner.get("description", "").replace("|", "\\|")
        lines.append(f"| `{name}` | {type_of(inner)} | {told} |")
    return "\n".join(lines) + "\n"


def type_of(inner: dict[str, Any]) -> str:
    """Return the type of a property, with a link where it is an object described below."""
    name = inner.get("$ref", "").rpartition("/")[2]
    options = inner.get("anyOf") or inner.get("oneOf")
    kind = inner.get("type", "")
    if name:
        told = f"[`{name}`](#{name.lower()})"
    elif options:
        told = " or ".join(type_of(each) for each in options)
    elif "const" in inner or "enum" in inner:
        told = " or ".join(f"`{each}`" for each in inner.get("enum", [inner.get("const")]))
    elif kind == "array" and "items" in inner:
        told = f"list of {type_of(inner['items'])}"
    elif kind == "object" and isinstance(inner.get("additionalProperties"), dict):
        told = f"map to {type_of(inner['additionalProperties'])}"
    else:
        told = " or ".join(kind) if isinstance(kind, list) else kind
    return told
