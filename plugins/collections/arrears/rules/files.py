"""Rule files: YAML parsed into frozen, typed models; every error names file, line and the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from arrears.errors import RulesError


class RuleModel(BaseModel):
    """Base of all rule models: frozen, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True)


class PlacedError(ValueError):
    """What a model's check finds wrong, with the place of the item inside what it checked."""

    def __init__(self, message: str, *at: str | int) -> None:
        self.at = at
        super().__init__(message)


class CollectedError(ValueError):
    """All that a model's check finds wrong, where it goes on after the first."""

    def __init__(self, found: Sequence[PlacedError]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(str(each) for each in found))


Model = TypeVar("Model", bound=RuleModel)
Location = tuple[str | int, ...]


class Document:
    """A parsed YAML file that remembers the line of every key and item; `text`: its content, if it was read already."""

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self._lines: dict[Location, int] = {}
        if text is None:
            text = _read(path)
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise RulesError(
                expected="YAML",
                found=(error.problem or "something else").removeprefix("found "),
                where=f"{path}:{line}",
                action="Correct the file's form; an editor with the JSON Schema shows the place.",
            ) from None
        self.content: Any = {} if node is None else self._build(node, ())

    def line(self, location: Location) -> int:
        """The line (from 1) of a key or item, or of the nearest one around it."""
        for length in range(len(location), -1, -1):
            if location[:length] in self._lines:
                return self._lines[location[:length]]
        return 1

    def place(self, location: Location) -> str:
        """`file:line` of a key or item."""
        return f"{self.path}:{self.line(location)}"

    def _build(self, node: yaml.Node, location: Location) -> Any:
        self._lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            result: dict[Hashable, Any] = {}
            for key_node, value_node in node.value:
                key = self._scalar(key_node)
                # pydantic names fields by text, also where YAML reads a key as a number
                inner = (*location, str(key))
                if key in result:
                    raise RulesError(
                        expected="each key once",
                        found=f"{key!r} again (first on line {self._lines[inner]})",
                        where=f"{self.path}:{key_node.start_mark.line + 1}",
                        action="Remove one of the two.",
                    )
                self._lines[inner] = key_node.start_mark.line + 1
                result[key] = self._build(value_node, inner)
            return result
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*location, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(node, deep=True)
        finally:
            loader.dispose()


def parse_rules(path: Path, model: type[Model]) -> Model:
    """Parses one rule file into `model`.

    Raises RulesError with file and line for the first key that is unknown (with the nearest right one), missing, of
    the wrong type, or refused by a check of the model.
    """
    return parse_document(Document(path), model)


def parse_document(document: Document, model: type[Model]) -> Model:
    """Parses a rule file that was read already; see `parse_rules`."""
    try:
        return model.model_validate(document.content)
    except ValidationError as invalid:
        raise _first_problem(document, model, invalid) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RulesError(
            expected="a rule file",
            found="no such file",
            where=str(path),
            action="Restore the file; every shipped rule file is needed.",
        ) from None


def all_problems(document: Document, model: type[RuleModel]) -> list[RulesError]:
    """Everything that keeps a rule file from being `model`, first what `parse_document` would raise."""
    try:
        model.model_validate(document.content)
    except ValidationError as invalid:
        return _problems(document, model, invalid)
    return []


def _first_problem(document: Document, model: type[RuleModel], invalid: ValidationError) -> RulesError:
    return _problems(document, model, invalid)[0]


def _problems(document: Document, model: type[RuleModel], invalid: ValidationError) -> list[RulesError]:
    # a key that is missing is most often one that is misspelt: the wrong name says more
    ordered = sorted(
        (each for problem in invalid.errors() for each in _placed(problem)),
        key=lambda each: (each[0]["type"] == "missing", document.line(each[1])),
    )
    return [_problem(document, model, *each) for each in ordered]


def _placed(problem: ErrorDetails) -> Iterator[tuple[ErrorDetails, Location, str]]:
    """Each thing that a problem of pydantic's says, with its place in the file and what was expected there."""
    location = _location(problem["loc"])
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, CollectedError):
        for each in cause.found:
            yield problem, (*location, *each.at), str(each)
        return
    at = cause.at if isinstance(cause, PlacedError) else ()
    yield problem, (*location, *at), str(problem["msg"]).removeprefix("Value error, ")


def _problem(
    document: Document, model: type[RuleModel], problem: ErrorDetails, location: Location, expected: str
) -> RulesError:
    name = ".".join(str(part) for part in location) or "the file"
    action = "Correct the value."
    found = f"{_shown(problem['input'])} at {name}"
    if problem["type"] == "extra_forbidden":
        known = sorted(_known_keys(model, location[:-1]))
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        expected = f"one of the keys {', '.join(known)}" if known else "no such key"
        found = f"the key {name!r}"
        action = f"Did you mean {near[0]!r}?" if near else "Remove the key."
    elif problem["type"] == "missing":
        expected, found = f"the key {name!r}", "none"
        action = "Add the key."
    return RulesError(expected=expected, found=found, where=document.place(location), action=action)


def _location(loc: tuple[int | str, ...]) -> Location:
    # pydantic adds the names of union members and of validated functions; they are not keys of the file
    return tuple(part for part in loc if isinstance(part, int) or not part.startswith(("function-", "tagged-union")))


def _known_keys(model: type[RuleModel], location: Location) -> set[str]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    found = [schema]
    for part in location:
        step: list[dict[str, Any]] = []
        for node in _resolved(found, definitions):
            if isinstance(part, int):
                step += [node["items"]] if isinstance(node.get("items"), dict) else []
            elif part in node.get("properties", {}):
                step.append(node["properties"][part])
            elif isinstance(node.get("additionalProperties"), dict):
                step.append(node["additionalProperties"])
        found = step or found
    return {key for node in _resolved(found, definitions) for key in node.get("properties", {})}


def _resolved(nodes: list[dict[str, Any]], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for node in nodes:
        if "$ref" in node:
            result += _resolved([definitions[node["$ref"].rsplit("/", 1)[-1]]], definitions)
        elif "anyOf" in node or "oneOf" in node:
            result += _resolved(node.get("anyOf", []) + node.get("oneOf", []), definitions)
        else:
            result.append(node)
    return result


def _shown(value: Any) -> str:
    if isinstance(value, str | int | float | bool | date | datetime) or value is None:
        return repr(value)
    return f"a {type(value).__name__}"
