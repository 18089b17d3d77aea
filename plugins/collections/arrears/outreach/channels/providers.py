"""Providers as data: `providers/<name>.yaml` says how a message is sent over HTTP, and what the answers mean.

Placeholders are written `${name}` and stand in values: of headers, of the path (where they are quoted), of the body. A
value never becomes part of the body's form, so nothing that a customer is called can change a request.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from string import Template
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, model_validator

from arrears.outreach.channels.base import Repeats
from arrears.rules.files import RuleModel
from arrears.rules.rule_set import RuleSet

PLACEHOLDERS = frozenset({"to", "text", "language", "key", "channel", "sender", "login", "callback"})
"""What a request may name: address, text and language of the message; its key; the channel; the connection's extra
`sender` and its login; where the provider reports what becomes of it (without an extra `callback` the field that
names it is left out)."""

Status = Annotated[str, Field(pattern=r"^([1-5]\d\d|[1-5]xx)$")]
"""An HTTP status, or a hundred of them: 201, 4xx."""
JsonPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
"""Where a value stands in an answer: names of keys, joined by dots."""
Meaning = Literal["taken", "again", "never", "doubtful"]
"""taken: the provider has the message. again: it has not, and may get it later. never: it has not and never will.
doubtful: nobody can tell."""

_PATH = r"^/\S*$"


def _check(template: str, where: str) -> None:
    parsed = Template(template)
    if not parsed.is_valid():
        raise ValueError(f"placeholders written ${{name}} in {where}, and $$ for a dollar sign")
    for name in parsed.get_identifiers():
        if name not in PLACEHOLDERS:
            near = difflib.get_close_matches(name, sorted(PLACEHOLDERS), n=1)
            hint = f"; did you mean ${{{near[0]}}}?" if near else ""
            raise ValueError(
                f"one of the placeholders {', '.join(sorted(PLACEHOLDERS))} in {where}, not {name!r}{hint}"
            )


class SendRequest(RuleModel):
    """The request that sends one message."""

    method: Literal["POST", "PUT"] = "POST"
    """HTTP's method."""
    path: Annotated[str, Field(pattern=_PATH)]
    """Path on the connection's host."""
    headers: Mapping[str, str] = {}
    """Headers besides those of the body and the authorization."""
    body: Literal["json", "form"] = "json"
    """How the fields are written."""
    fields: Annotated[Mapping[str, str], Field(min_length=1)]
    """What the body says."""

    @model_validator(mode="after")
    def _placeholders_exist(self) -> SendRequest:
        _check(self.path, "path")
        for name, value in {**self.headers, **self.fields}.items():
            _check(value, name)
        return self


class BodyCodes(RuleModel):
    """What a code in the answer's body means, for providers that say everything with status 200."""

    at: JsonPath
    """Where the code stands."""
    taken: tuple[str, ...]
    """Codes of messages that were taken."""
    again: tuple[str, ...] = ()
    """Codes of messages that were not, and may be sent later."""
    never: tuple[str, ...] = ()
    """Codes of messages that never will be; every other code is doubtful."""

    def meaning(self, code: str) -> Meaning:
        """What an answer with `code` means."""
        if code in self.taken:
            return "taken"
        if code in self.again:
            return "again"
        return "never" if code in self.never else "doubtful"


class Answers(RuleModel):
    """What the provider's answers mean; a status that stands exactly goes before its hundred, the rest is doubtful."""

    id: JsonPath
    """Where the provider's id of the message stands."""
    taken: tuple[Status, ...]
    """The provider has the message."""
    again: tuple[Status, ...] = ()
    """It surely has not, and may get it later."""
    never: tuple[Status, ...] = ()
    """It surely has not and never will."""
    codes: BodyCodes | None = None
    """For an answer whose status means that the message was taken: what its body says of that."""

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Answers:
        every = [*self.taken, *self.again, *self.never]
        twice = sorted({status for status in every if every.count(status) > 1})
        if twice:
            raise ValueError(f"each status once, not {', '.join(twice)} twice")
        return self

    def meaning(self, status: int) -> Meaning:
        """What an answer with `status` means."""
        for asked in (str(status), f"{status // 100}xx"):
            if asked in self.taken:
                return "taken"
            if asked in self.again:
                return "again"
            if asked in self.never:
                return "never"
        return "doubtful"


class AskRequest(RuleModel):
    """The request that asks whether the provider has the message of a key."""

    path: Annotated[str, Field(pattern=_PATH)]
    """Path on the connection's host; a GET."""
    found: tuple[Status, ...] = ("200",)
    """It has."""
    missing: tuple[Status, ...] = ("404",)
    """It has not; every other status is no answer."""
    id: JsonPath
    """Where the provider's id of the message stands."""

    @model_validator(mode="after")
    def _names_the_key(self) -> AskRequest:
        _check(self.path, "path")
        if "key" not in Template(self.path).get_identifiers():
            raise ValueError("a path that names ${key}")
        return self


class ReceiptsRequest(RuleModel):
    """The request that asks for receipts: a page after a cursor, as the sandbox gateway gives them."""

    path: Annotated[str, Field(pattern=_PATH)]
    """Path on the connection's host; a GET with `after` and `limit`."""


class Callbacks(RuleModel):
    """How the provider reports by itself what becomes of a message: a form that it posts to the message's address."""

    signature: Literal["url_and_fields_sha1"]
    """How it signs: base64 of the HMAC-SHA1 over the address and all fields, under the connection's password."""
    header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
    """Header that carries the signature."""
    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Parameter of the address's query that names the message."""
    id: Annotated[str, Field(min_length=1)]
    """Field with the provider's id of the message."""
    status: Annotated[str, Field(min_length=1)]
    """Field that says where the message is."""
    delivered: Annotated[tuple[str, ...], Field(min_length=1)]
    """Statuses of a message that arrived."""
    undelivered: Annotated[tuple[str, ...], Field(min_length=1)]
    """Statuses of one that never will; every other status settles nothing."""

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Callbacks:
        twice = sorted({*self.delivered} & {*self.undelivered})
        if twice:
            raise ValueError(f"each status once, not {', '.join(twice)} twice")
        return self


class Provider(RuleModel):
    """How one provider is used over HTTP."""

    title: Annotated[str, Field(min_length=1)]
    """What it is called."""
    source: Annotated[str, Field(min_length=1)]
    """Where what stands here comes from."""
    repeats: Repeats
    """Whether it drops repeats by key, can be asked, or neither."""
    authorization: Literal["bearer", "basic", "none"]
    """How the connection's password is shown: as a token, with its login, or not at all."""
    send: SendRequest
    """How a message is sent."""
    answers: Answers
    """What the answers mean."""
    ask: AskRequest | None = None
    """How it is asked; for providers that can be."""
    receipts: ReceiptsRequest | None = None
    """How it is asked for receipts; without it they come by webhook or not at all."""
    callbacks: Callbacks | None = None
    """How it reports by itself, where it signs in a way of its own."""

    @model_validator(mode="after")
    def _keeps_its_word(self) -> Provider:
        if (self.repeats == "can_be_asked") != (self.ask is not None):
            raise ValueError("ask where the provider can be asked, and only there")
        names = {
            name
            for value in (self.send.path, *self.send.headers.values(), *self.send.fields.values())
            for name in Template(value).get_identifiers()
        }
        if self.repeats == "dropped_by_key" and "key" not in names:
            raise ValueError("a request that names ${key}, by which repeats are dropped")
        if "to" not in names:
            raise ValueError("a request that names ${to}")
        if ("callback" in names) != (self.callbacks is not None):
            raise ValueError("callbacks, and a field of the request that names ${callback}; or neither")
        if any(_names_callback(value) for value in (self.send.path, *self.send.headers.values())):
            raise ValueError("${callback} in a field of the body")
        return self


def _names_callback(template: str) -> bool:
    return "callback" in Template(template).get_identifiers()


def without_callback(fields: Mapping[str, str]) -> Mapping[str, str]:
    """The fields of a request that do not say where the provider reports."""
    return {name: value for name, value in fields.items() if not _names_callback(value)}


def load_provider(rules: RuleSet, name: str) -> Provider:
    """The provider `name` of a rule set; RulesError with file and line."""
    return rules.load(f"providers/{name}.yaml", Provider)


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its values."""
    return Template(template).substitute(values)


def filled_path(template: str, values: Mapping[str, str]) -> str:
    """A path with its values, quoted."""
    return Template(template).substitute({name: quote(value, safe="") for name, value in values.items()})


def found_at(content: Any, path: str) -> Any:
    """What stands at `path` of an answer; KeyError or TypeError when nothing does."""
    for name in path.split("."):
        content = content[name]
    return content


CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
"""What a provider's code or outcome may look like; anything else is not kept."""
