"""Decision tables, scores and profile: what a strategy manager may write, and what he is told about the rest."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from sqlglot import exp
from tests.support.rule_folders import SHIPPED, copy_rules, edit_rule_file

from arrears.errors import RulesError
from arrears.rules.decision_table import DecisionTable, compile_table
from arrears.rules.files import Document, parse_document
from arrears.rules.registry import FILES, json_schemas, model_of, pattern_of, schema_name
from arrears.rules.rule_set import latest_rule_set, rule_files
from arrears.rules.vocabulary import Vocabulary, Word
from arrears.strategy.compile import load_strategy

WORDS = Vocabulary(words={"points": Word(type="number", meaning="points")})

TABLE = """
name: weight
hit: collect
outputs: {weight: {type: number, meaning: Weight., decimals: 2}}
floor: 0
cap: 2
rules:
  - {id: W1, when: points >= 1, then: {weight: 0.25}}
  - {id: W2, when: points >= 2, then: {weight: 1.5}}
  - {id: W3, when: points >= 3, then: {weight: 9}}
  - {id: W4, when: points < 0, then: {weight: -3}}
default: {weight: 0.1}
"""


def table(text: str = TABLE, old: str = "", new: str = "") -> DecisionTable:
    assert old in text
    return parse_document(Document(Path("weights.yaml"), text.replace(old, new, 1)), DecisionTable)


def decided(compiled: DecisionTable, points: int | None) -> dict[str, Any]:
    made, _ = compile_table(compiled, WORDS)
    source = exp.select(exp.alias_(exp.cast(exp.convert(points), "INTEGER"), "points"))
    relation = duckdb.sql(exp.select(*made.names).from_(made.over(source).subquery("it")).sql(dialect="duckdb"))
    (row,) = relation.to_arrow_table().to_pylist()
    return dict(row)


@pytest.mark.parametrize(
    ("points", "weight", "rules"),
    [
        (None, "0.10", ""),
        (0, "0.10", ""),
        (1, "0.35", "W1"),
        (2, "1.85", "W1,W2"),
        (3, "2.00", "W1,W2,W3"),
        (-1, "0.00", "W4"),
    ],
)
def test_what_matches_adds_up_exactly_between_floor_and_cap(points: int | None, weight: str, rules: str) -> None:
    assert decided(table(), points) == {"weight": Decimal(weight), "weight_rule": rules}


@pytest.mark.parametrize(
    ("points", "weight", "rule"), [(None, "0.10", "default"), (0, "0.10", "default"), (3, "0.25", "W1")]
)
def test_the_first_match_decides(points: int | None, weight: str, rule: str) -> None:
    first = TABLE.replace("hit: collect\n", "").replace("floor: 0\ncap: 2\n", "")
    assert decided(table(first), points) == {"weight": Decimal(weight), "weight_rule": rule}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("weight: 0.25}", "weight: 0.255}", "at most 2 decimals for weight; rule W1 of table weight gives"),
        (", decimals: 2", "", "a whole number for weight; rule W1 of table weight gives"),
        ("weight: 0.25}", "weight: 1000000}", "a number between -1000000 and 1000000 for weight"),
        ("weight: 0.25}", "weight: -.inf}", "valid"),
        ("weight: 0.25}", "weight: true}", "a number for weight"),
        ("weight: 0.25}", "wight: 0.25}", "rule W1 of table weight to give weight, not wight"),
        ("decimals: 2", "decimals: 7", "less than or equal to 6"),
        ("type: number", "type: text", "decimals for a number only, not for a text"),
        ("decimals: 2", "values: [a]", "values for a text only, not for a number"),
        ("cap: 2", "cap: 0", "a cap above the floor 0 in table weight, not 0"),
        ("hit: collect", "hit: sum", "'first' or 'collect'"),
        ("hit: collect", "hit: first", "floor and cap only where rules add up"),
        ("default: {weight: 0.1}", "", "a default in table weight"),
    ],
)
def test_a_wrong_table_is_refused(old: str, new: str, expected: str) -> None:
    with pytest.raises(RulesError) as error:
        table(TABLE, old, new)
    assert expected in error.value.expected
    assert error.value.where.startswith("weights.yaml:")


@pytest.mark.parametrize(
    "when",
    [
        "days * 2000000000 > 5",
        "2000000000 + days > 5 and days + 2000000000 + 2000000000 > 5",
        "amount * amount > 5",
        "amount * amount * amount > 5",
        "days * amount * 99 > amount - days",
    ],
)
def test_arithmetic_does_not_overflow_in_the_types_that_cases_have(when: str) -> None:
    words = {
        "days": Word(type="number", decimals=0, meaning="days"),
        "amount": Word(type="number", decimals=2, meaning="an amount"),
    }
    rule = {"id": "R1", "when": when, "then": {"hit": True}}
    outputs = {"hit": {"type": "boolean", "meaning": "x"}}
    one = DecisionTable.model_validate({"name": "one", "outputs": outputs, "rules": [rule], "default": {"hit": False}})
    made, _ = compile_table(one, Vocabulary(words=words))
    source = exp.select(
        exp.alias_(exp.cast(exp.convert(9_999), "INTEGER"), "days"),
        exp.alias_(exp.cast(exp.convert("99999999.99"), "DECIMAL(18, 2)"), "amount"),
    )
    select = exp.select("hit").from_(made.over(source).subquery("it"))
    assert duckdb.sql(select.sql(dialect="duckdb")).fetchall() == [(True,)]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return copy_rules(tmp_path / "rules")


BANDS = "collection: [{band: low, from_score: 0}, {band: medium, from_score: 500}, {band: high, from_score: 650}]"
OLDER = (
    "{role: collection, stage: M1M4, model: collection, max_age_days: 45, "
    "instead: [{model: collection, max_age_days: 75}]}"
)
LATE = "{role: roll_rate, stage: M4+, model: roll_rate, max_age_days: 90}"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        # stages and bands
        ("scores.yaml", "from_bucket: 2", "from_bucket: 3", "no gap between stages: M1M4 should begin with bucket 2"),
        ("scores.yaml", "from_bucket: 2", "from_bucket: 1", "no overlap between stages"),
        ("scores.yaml", "stage: M1M4, from_bucket", "stage: M0M1, from_bucket", "stages once each; M0M1 comes again"),
        ("scores.yaml", "from_bucket: 5}", "from_bucket: 5, to_bucket: 7}", "to_bucket in every stage but the last"),
        ("scores.yaml", "to_bucket: 4", "to_bucket: 1", "M1M4 to end with bucket 2 or later"),
        ("scores.yaml", BANDS, BANDS.replace("500", "700"), "bands in ascending order; collection high begins at 650"),
        ("scores.yaml", BANDS, BANDS.replace("medium", "low"), "bands once each, in the order low, medium, high"),
        ("scores.yaml", BANDS, BANDS.replace("low", "high"), "bands once each, in the order low, medium, high"),
        ("scores.yaml", BANDS, "collection: []", "at least 1 item"),
        ("scores.yaml", BANDS, BANDS.replace("from_score: 0}", "from: 0}"), "one of the keys band, from_score"),
        ("scores.yaml", BANDS, BANDS.replace("650", ".nan"), "finite number"),
        ("scores.yaml", BANDS, "", "bands for every role; collection has none"),
        # models
        ("scores.yaml", LATE, LATE.replace("M4+", "M4"), "'M0M1', 'M1M4' or 'M4+'"),
        ("scores.yaml", f"- {LATE}", "", "a model in every stage for roll_rate; M4+ has none"),
        ("scores.yaml", LATE, LATE.replace("M4+", "M1M4"), "one model for a role and stage; roll_rate in M1M4 has two"),
        (
            "scores.yaml",
            OLDER,
            OLDER.replace("75", "45"),
            "a stand-in that can be reached: collection of M1M4 up to 45",
        ),
        ("scores.yaml", OLDER, OLDER.replace("75}", "75, of_stage: M9}"), "'M0M1', 'M1M4' or 'M4+'"),
        ("scores.yaml", OLDER, OLDER.replace("45", "-1"), "greater than or equal to 0"),
        ("scores.yaml", LATE, LATE.replace("90}", "90, otherwise: none}"), "'low', 'medium', 'high' or 'unknown'"),
        ("scores.yaml", "from_score: 580", "from_score: 300", "bands in ascending order; collection by bureau medium"),
        # names that other tables and the published rows read
        ("balance.yaml", "name: balance", "name: tier", "the name balance of table tiers, not tier"),
        ("scores.yaml", "name: score", "name: view", "the name score of table view, not view"),
        # the weight of a profile
        ("profile.yaml", "  hit: collect\n", "", "floor and cap only where rules add up"),
        ("profile.yaml", "  cap: 3\n", "", "a floor and a cap on the weight of a profile"),
        ("profile.yaml", "  floor: 0\n", "", "a floor and a cap on the weight of a profile"),
        ("profile.yaml", "cap: 3", "cap: 5", "a cap that can be reached; all points together are 4"),
    ],
)
def test_a_wrong_file_is_named_with_file_and_line(rules: Path, file: str, old: str, new: str, expected: str) -> None:
    line = edit_rule_file(rules / file, old, new)
    with pytest.raises(RulesError) as error:
        load_strategy(latest_rule_set(rules))
    assert expected in error.value.expected
    path, _, found = error.value.where.rpartition(":")
    assert path == str(rules / file)
    # what is missing has the line of what should hold it
    assert int(found) == line or new == "" or int(found) < line


@pytest.mark.parametrize(
    ("file", "section", "column"),
    [
        # a word that cases come with, one that the scores make, and one of an earlier table
        ("profile.yaml", "band", "region"),
        ("scores.yaml", "view", "collection_band"),
        ("treatments.yaml", "segment", "score_view"),
    ],
)
def test_a_column_is_made_once(rules: Path, file: str, section: str, column: str) -> None:
    text = (rules / file).read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    made = content[section]
    made["outputs"][column] = {"type": "text", "meaning": "x"}
    for result in (*(rule["then"] for rule in made["rules"]), made["default"]):
        result[column] = "x"
    (rules / file).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    with pytest.raises(RulesError, match=f"a column that nothing before it makes; found {column}") as error:
        load_strategy(latest_rule_set(rules))
    assert f"{rules / file}:" in error.value.where


def test_a_table_may_make_further_columns_that_later_ones_read(rules: Path) -> None:
    edit_rule_file(
        rules / "profile.yaml", "    profile_band:\n", "    young: {type: boolean, meaning: x}\n    profile_band:\n"
    )
    text = (rules / "profile.yaml").read_text(encoding="utf-8")
    text = text.replace("{profile_band: ", "{young: false, profile_band: ")
    (rules / "profile.yaml").write_text(text, encoding="utf-8")
    edit_rule_file(rules / "treatments.yaml", "when: class = 'low', then", "when: class = 'low' and not young, then")
    load_strategy(latest_rule_set(rules))


# --- JSON Schemas ---

VALIDATORS = {name: json.loads(text) for name, text in json_schemas()}


@pytest.mark.parametrize("name", [name for name in rule_files(SHIPPED) if pattern_of(name) in FILES])
def test_a_shipped_file_fits_its_schema(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = VALIDATORS[schema_name(pattern_of(name) or "")]
    content = json.loads(json.dumps(yaml.safe_load((SHIPPED / name).read_text(encoding="utf-8")), default=str))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(content)] == []


@pytest.mark.parametrize(
    "name",
    [
        "rule_set.yaml",
        "vocabulary.yaml",
        "balance.yaml",
        "scores.yaml",
        "profile.yaml",
        "treatments.yaml",
        "policies/*.yaml",
        "providers/*.yaml",
    ],
)
def test_an_editor_can_say_what_each_key_is_for(name: str) -> None:
    schema = VALIDATORS[schema_name(name)]
    for definition in (schema, *schema.get("$defs", {}).values()):
        assert definition.get("description"), definition.get("title")
    silent = [
        f"{definition['title']}.{key}"
        for definition in (schema, *schema.get("$defs", {}).values())
        for key, each in definition.get("properties", {}).items()
        if not (each.get("description") or "$ref" in each)
    ]
    assert silent == []


def test_a_schema_refuses_what_the_model_refuses() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for name, pattern in {"balance.yaml": "balance.yaml", "scores.yaml": "scores.yaml"}.items():
        content = yaml.safe_load((SHIPPED / name).read_text(encoding="utf-8")) | {"unknown": 1}
        schema = VALIDATORS[schema_name(pattern)]
        assert model_of(pattern).__name__ == schema["title"]
        assert list(jsonschema.Draft202012Validator(schema).iter_errors(content))
