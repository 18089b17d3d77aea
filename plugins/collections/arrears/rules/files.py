"""Rule files: YAML parsed into frozen, typed models; every error names file, line and the nearest right name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
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
    """What a model's check finds wrong, with the place of the item inside what it checked, and what to do about it."""

    def __init__(self, message: str, *at: str | int, action: str = "Correct the value.") -> None:
        self.at = at
        self.action = action
        super().__init__(message)


class CollectedError(ValueError):
    """All that a model's check finds wrong, where it goes on after the first."""

    def __init__(self, found: Sequence[PlacedError]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(str(each) for each in found))


Model = TypeVar("Model", bound=RuleModel)
Location = tuple[str | int, ...]
_NOTHING = object()
"""No value, where None is one."""


class Document:
    """A parsed YAML file that remembers the line of every key and item; `text`: its content, if it was read already."""

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self._lines: dict[Location, int] = {}
        self._open: set[yaml.Node] = set()
        if text is None:
            text = _read(path)
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            self.content: Any = {} if node is None else self._build(node, ())
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self._unreadable(error.problem or "something else", line) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self._unreadable(f"the character {error.character:#04x}", line) from None
        except RecursionError:
            raise self._unreadable("lists or mappings nested hundreds deep", 1) from None

    def _unreadable(self, found: str, line: int) -> RulesError:
        told = re.fullmatch(r"expected (.*?),? but (?:got|found) (.*)", found)
        return RulesError(
            expected="YAML",
            found=f"{told[2]} where {told[1]} should be" if told else re.sub("^(but )?found ", "", found),
            where=f"{self.path}:{line}",
            action="Correct the file's form; an editor with the JSON Schema shows the place.",
        )

    def line(self, location: Location) -> int:
        """The line (from 1) of a key or item, or of the nearest one around it."""
        for length in range(len(location), -1, -1):
            if location[:length] in self._lines:
                return self._lines[location[:length]]
        return 1

    def place(self, location: Location) -> str:
        """`file:line` of a key or item."""
        return f"{self.path}:{self.line(location)}"

    def value(self, location: Location, otherwise: Any) -> Any:
        """What stands at a key or item; `otherwise` if there is none."""
        content = self.content
        for part in location:
            if isinstance(content, dict):
                content = next((value for key, value in content.items() if str(key) == str(part)), _NOTHING)
            else:
                known = isinstance(content, list) and isinstance(part, int) and part < len(content)
                content = content[part] if known else _NOTHING
            if content is _NOTHING:
                return otherwise
        return content

    def _build(self, node: yaml.Node, location: Location) -> Any:
        if node in self._open:
            raise self._unreadable("an anchor that holds itself", node.start_mark.line + 1)
        self._open.add(node)
        self._lines.setdefault(location, node.start_mark.line + 1)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            if isinstance(node, yaml.SequenceNode):
                return [self._build(item, (*location, index)) for index, item in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self._open.remove(node)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[Hashable, Any]:
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

    def _scalar(self, node: yaml.Node) -> Any:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode):
            raise self._unreadable("a list or a mapping as a key", line)
        loader: Any = yaml.SafeLoader("")
        try:
            if node.tag not in (loader.DEFAULT_SCALAR_TAG, loader.resolve(yaml.ScalarNode, node.value, (True, False))):
                raise self._unreadable(f"the tag {node.tag}", line)
            return loader.construct_object(node, deep=True)
        except yaml.constructor.ConstructorError:
            # what YAML has of its own besides values: keys to merge (<<), and =
            raise self._unreadable(f"{node.value!r}, which is not in quotes", line) from None
        except ValueError:
            raise RulesError(
                expected="a day of the calendar, YYYY-MM-DD",
                found=node.value,
                where=f"{self.path}:{line}",
                action="Correct the day, or put the text in quotes if it is none.",
            ) from None
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


def _placed(problem: ErrorDetails) -> Iterator[tuple[ErrorDetails, Location, PlacedError]]:
    """Each thing that a problem of pydantic's says, with its place in the file and what was expected there."""
    location = _location(problem["loc"])
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, CollectedError):
        for each in cause.found:
            yield problem, (*location, *each.at), each
        return
    if not isinstance(cause, PlacedError):
        cause = PlacedError(str(problem["msg"]).removeprefix("Value error, "))
    yield problem, (*location, *cause.at), cause


def _problem(
    document: Document, model: type[RuleModel], problem: ErrorDetails, location: Location, cause: PlacedError
) -> RulesError:
    name = ".".join(str(part) for part in location) or "the file"
    expected, action = str(cause), cause.action
    found = f"{_shown(document.value(location, problem['input']))} at {name}"
    if problem["type"] == "extra_forbidden":
        known = sorted(_known_keys(model, location[:-1]))
        expected = f"one of the keys {', '.join(known)}" if known else "no such key"
        found = f"the key {name!r}"
        action = did_you_mean(location[-1], known) or "Remove the key."
    elif problem["type"] == "missing":
        expected, found = f"the key {name!r}", "none"
        action = "Add the key."
    elif problem["type"] == "literal_error":
        action = did_you_mean(problem["input"], re.findall(r"'([^']*)'", expected)) or action
    return RulesError(expected=expected, found=found, where=document.place(location), action=action)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """What to do about a name that is not known: the nearest right one as a question; empty when none is near."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


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
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else f"a {type(value).__name__}"
