"""Puts an explanation into words, in Chinese and English: sentences for page and command line, and the plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from arrears.errors import SettingsError
from arrears.strategy.explain_words import LANGUAGES, SAID, Language
from arrears.strategy.explanation import (
    ArmView,
    Bucket,
    CaseView,
    Explanation,
    Item,
    LedgerFigures,
    Need,
    PolicyView,
    Reason,
    RuleView,
    Seen,
    TableView,
)

_PAID_SHOWN = 3
"""Items that were met, before the first unpaid one, that are shown; what is due later: one."""


@dataclass(frozen=True)
class Teller:
    """Says the parts of an explanation in one language."""

    language: Language

    def say(self, code: str, **values: Any) -> str:
        """The sentence of `code` with its values."""
        return SAID[code][LANGUAGES.index(self.language)].format(**values)

    def money(self, amount: Decimal | None, currency: str | None = None) -> str:
        """An amount with its separators, and its currency where given."""
        text = self.value(None) if amount is None else f"{amount:,.2f}"
        return f"{text} {currency}" if currency else text

    def value(self, value: Any) -> str:
        """A value as a rule saw it."""
        if value is None:
            return self.say("no_value")
        if isinstance(value, bool):
            return self.say("true" if value else "false")
        if isinstance(value, Decimal):
            return f"{value:f}"
        return "''" if value == "" else str(value)

    def reason(self, reason: Reason) -> str:
        """Why there is no decision, or a warning."""
        return self.say(reason.code, **reason.values)

    def table(self, table: TableView) -> str:
        """What a table is for; its name where it is not one of the shipped ones."""
        code = f"table_{table.name}"
        return self.say(code) if code in SAID else table.name

    def item(self, item: Item) -> str:
        """An instalment or charge by its number."""
        if item.kind == "installment":
            return self.say("installment", number=item.number)
        return self.say("charge", kind=item.kind, number=item.number)

    def item_state(self, item: Item) -> str:
        """Whether an item is met."""
        if not item.due:
            return self.say("later")
        if item.met:
            return self.say("met" if item.amount_unpaid == 0 else "met_with_rest")
        return self.say("oldest_mark" if item.oldest else "unmet")

    def own_age(self, item: Item) -> str:
        """Days and bucket of an item alone; empty for one that is met."""
        if item.met or item.days_past_due is None:
            return ""
        return self.say("own_days", days=item.days_past_due, bucket=item.bucket)

    def payment_state(self, counts: bool, reversed_on: date | None) -> str:
        """Whether a payment counts on the day."""
        if reversed_on is None:
            return self.say("counts")
        return self.say("returns_later" if counts else "returned", day=reversed_on)

    def hold_effect(self, kind: str, stops: bool) -> str:
        """What a hold does."""
        return self.say("pauses_count" if kind == "pause" else "stops_all" if stops else "no_effect")

    def ageing(self, explanation: Explanation) -> Iterator[str]:
        """The arithmetic from the ledger to bucket and spell, a sentence a step."""
        ageing, ledger = explanation.ageing, explanation.ledger
        if ageing is None or ledger is None:
            return
        money = ledger.currency
        yield self.say(
            "due_and_paid",
            due=self.money(ageing.due_total, money),
            paid=self.money(ageing.paid_total),
            overdue=self.money(ageing.overdue_amount),
            outstanding=self.money(ageing.outstanding_amount),
        )
        if ageing.materiality_share or ageing.materiality_amount:
            share = f"{(ageing.materiality_share * 100).normalize():f} %"
            yield self.say("materiality", share=share, amount=self.money(ageing.materiality_amount))
        oldest = next((item for item in ledger.items if item.oldest), None)
        if oldest is None or not ageing.days_past_due:
            yield (
                self.say("no_days")
                if not ageing.days_past_due
                else self.say("days_otherwise", days=ageing.days_past_due)
            )
        else:
            yield self.say(
                "oldest", item=self.item(oldest), due=oldest.due_date, unpaid=self.money(oldest.amount_unpaid)
            )
            counted = (explanation.as_of - oldest.due_date).days == ageing.days_past_due
            yield self.say(
                "days_past_due" if counted else "days_otherwise",
                day=explanation.as_of,
                due=oldest.due_date,
                days=ageing.days_past_due,
            )
        if ageing.days_past_due:
            below = ageing.days_past_due - ageing.grace_days - ageing.paused_days < 0
            yield self.say(
                "delinquent_days",
                days=ageing.days_past_due,
                grace=ageing.grace_days,
                paused=ageing.paused_days,
                result=ageing.delinquent_days,
                floor=self.say("not_below") if below else "",
            )
        yield self._bucket(explanation)
        if ageing.days_past_due and ageing.spell_entered_on:
            yield f"{self.say('spell', day=ageing.spell_entered_on)} {self._repeated(explanation)}"

    def _bucket(self, explanation: Explanation) -> str:
        ageing = explanation.ageing
        assert ageing is not None  # noqa: S101 - asked for by `ageing` alone
        bucket, days = ageing.bucket, ageing.delinquent_days
        named = {"bucket": bucket.bucket, "class_": bucket.class_}
        if not bucket.fits:
            return self.say("bucket_otherwise", **named)
        if bucket.counting == "installments" and ageing.delinquent_days:
            return self.say("bucket_unmet", **named, range=self._range(bucket), count=ageing.unmet_items)
        if bucket.to_day is None:
            told = self.say("bucket_open", **named, from_day=bucket.from_day)
        elif bucket.from_day == bucket.to_day:
            return self.say("bucket_one", **named, from_day=bucket.from_day)
        else:
            told = self.say("bucket", **named, from_day=bucket.from_day, to_day=bucket.to_day)
        if days == bucket.from_day and bucket.lower:
            told += " " + self.say("first_day", days=days, other=bucket.lower)
        elif days == bucket.to_day and bucket.upper:
            told += " " + self.say("last_day", days=days, other=bucket.upper)
        if bucket.counting != "days":
            told += " " + self.say(f"counts_{bucket.counting}")
        return told

    def _range(self, bucket: Bucket) -> str:
        """How many items are unmet in a bucket."""
        low, high = bucket.from_unmet, bucket.to_unmet
        if low == high:
            return str(low)
        return self.say("and_more", low=low) if high is None else self.say("up_to", low=low, high=high)

    def _repeated(self, explanation: Explanation) -> str:
        ageing = explanation.ageing
        if ageing is None or not ageing.repeated:
            return self.say("first_time")
        earlier = ageing.earlier_spell
        if earlier is None:
            return self.say("repeated_unknown")
        return self.say("repeated", entered=earlier.entered_on, exited=earlier.exited_on)

    def shown_items(self, ledger: LedgerFigures) -> tuple[int, Sequence[Item], int]:
        """Items worth showing (the unpaid, the last that were met, the next one), and how many before and after."""
        unpaid = [n for n, item in enumerate(ledger.items) if item.due and item.amount_unpaid > 0]
        coming = next((n for n, item in enumerate(ledger.items) if not item.due), len(ledger.items))
        first = max(0, (unpaid[0] if unpaid else coming) - _PAID_SHOWN)
        return first, ledger.items[first : coming + 1], max(0, len(ledger.items) - coming - 1)

    def seen(self, seen: Seen) -> str:
        """A word and its value."""
        return f"{seen.word} = {self.value(seen.value)}"

    def result(self, values: Mapping[str, Any]) -> str:
        """What a table gives."""
        return ", ".join(f"{name} = {self.value(value)}" for name, value in values.items())

    def need(self, need: Need) -> str:
        """What would have been needed."""
        if need.relation == "any":
            return self.say("or").join(self.need(each) for each in need.either)
        wanted = self.say(need.wanted) if need.wanted in ("true", "false") else need.wanted
        told = self.say(need.relation, word=need.word, wanted=wanted)
        return told + (self.say("missing", missing=need.missing) if need.missing else "")

    def near(self, rule: RuleView) -> str:
        """The part of a rule that does not hold, and what it would have needed."""
        failing = next(each for each in rule.conjuncts if not each.holds)
        told = self.say("unknown" if failing.holds is None else "fails", text=failing.text)
        return f"{told}; {self.say('needs', need=self.need(failing.need))}" if failing.need else told

    def place_in_table(self, table: TableView, rule: RuleView) -> str:
        """Whether the rule could have changed the result."""
        return "" if table.hit == "collect" else self.say("after" if rule.after_decision else "before")

    def summed(self, table: TableView) -> str:
        """What the rules of a table add up to, with floor and cap."""
        told = self.say("sum", sum=", ".join(self.value(value) for value in table.sum.values()))
        told += "" if table.floor is None else self.say("floored", floor=table.floor)
        return told + ("" if table.cap is None else self.say("capped", cap=table.cap))

    def scores(self, explanation: Explanation) -> Iterator[str]:
        """One line for each role a score plays."""
        for each in explanation.scores:
            if each.score is None:
                told = self.say("score_none", role=each.role, band=each.band)
                yield told + (self.say("band_stands_in") if each.stands_in else "")
                continue
            model = self.say("score_model", model=each.model) if each.model is not None else ""
            told = self.say("score_line", role=each.role, score=self.value(each.score), band=each.band, model=model)
            yield told + (self.say("stands_in") if each.stands_in else "")

    def policies(self, views: Sequence[PolicyView]) -> Iterator[str]:
        """One line for each rule and attribute."""
        grouped: dict[tuple[str, str], list[PolicyView]] = {}
        for view in views:
            grouped.setdefault((view.rule, view.attribute), []).append(view)
        for (rule, attribute), each in grouped.items():
            view = each[0]
            told = self.say(
                "policy_line",
                rule=rule,
                attribute=attribute,
                words=", ".join(one.word for one in each),
                verdict=self.say(view.verdict),
            )
            if view.approved_by is not None:
                told += self.say("approved", role=view.approved_by, day=view.approved_on, reason=view.reason)
            elif view.verdict == "review":
                told += self.say("not_approved")
            yield told

    def arm(self, arm: ArmView) -> str:
        """How the case came to its arm."""
        if arm.from_digest is not None:
            shares = ", ".join(f"{name} {(share * 100).normalize():f} %" for name, share in arm.shares.items())
            return self.say(
                "arm",
                experiment=arm.experiment,
                arm=arm.arm,
                digest=arm.digest,
                low=arm.from_digest,
                high=arm.to_digest,
                entered=arm.entered_on,
                shares=shares,
            )
        code = "outside" if arm.shares else "no_shares"
        why = self.say(code, digest=arm.digest, entered=self.value(arm.entered_on))
        return self.say("arm_none", experiment=arm.experiment, why=why)

    def case(self, case: CaseView) -> str:
        """The case in a line."""
        return self.say(
            "case_line",
            entered=self.value(case.entered_on),
            count=len(case.contracts),
            lead=case.lead_contract_id,
            queue=self.value(case.queue),
            order=self.value(case.work_order),
        )

    def leads(self, case: CaseView) -> str:
        """Why the leading contract leads."""
        if case.leads_by is None:
            return self.say("leads_alone")
        figure = self.say("delinquent" if case.leads_by == "delinquent_days" else case.leads_by)
        return f"{self.say('leads_by', figure=figure)} {self.say('leads_order')}"

    def window(self, opens: datetime | None, closes: datetime | None) -> str:
        """The hours of a contact, and how far they are from UTC."""
        known = [at for at in (opens, closes) if at is not None]
        if not known:
            return ""
        offset = f"{known[0]:%z}"
        return f"{'–'.join(f'{at:%H:%M}' for at in known)} (UTC{offset[:3]}:{offset[3:]})"

    def contacts(self, explanation: Explanation) -> Iterator[str]:
        """One line for each planned contact."""
        for contact in explanation.contacts:
            told = self.say(
                "contact_line",
                slot=contact.slot,
                channel=self.value(contact.channel),
                window=self.window(contact.window_opens_at, contact.window_closes_at),
                verdict=self.say(contact.verdict),
            )
            rule = self.say("by_rule", rule=contact.rule, reason=self.value(contact.reason)) if contact.rule else ""
            yield told + rule

    def versions(self, explanation: Explanation) -> Iterator[str]:
        """What the explanation stands on, a line each."""
        versions = explanation.versions
        yield self.say(
            "rule_set_line",
            name=versions.rule_set,
            version=versions.rule_set_version,
            hash=versions.rule_set_hash,
            policy=versions.policy,
        )
        if versions.code:
            yield self.say(
                "code_line",
                version=versions.code["arrears"],
                engine=versions.code["engine"],
                sources=versions.code["sources"][:12],
                models=versions.code["models"][:12],
                present=self.say("same_code" if versions.code_is_present else "other_code"),
            )
        for area, tables in versions.published.items():
            listed = ", ".join(f"{table} {digest[:12]}" for table, digest in tables.items())
            yield self.say("area_line", area=area, tables=listed)

    def headline(self, explanation: Explanation) -> str:
        """What was decided, or that nothing was."""
        given = {name: value for table in explanation.tables for name, value in table.result.items()}
        if not given:
            return " ".join(self.reason(each) for each in explanation.reasons)
        names = ("treatment", "intensity", "queue", "priority")
        return self.say("outcome_line", **{name: self.value(given.get(name)) for name in names})


def parse_language(text: str, *, where: str) -> Language:
    """A language from its name; raises SettingsError that names `where` for anything else."""
    found = next((each for each in LANGUAGES if each == text), None)
    if found is None:
        raise SettingsError(
            expected=" or ".join(LANGUAGES), found=repr(text), where=where, action="Give one of the two."
        )
    return found


def as_text(explanation: Explanation, language: Language) -> str:
    """The whole explanation as plain text for a terminal."""
    return "\n".join(_lines(explanation, Teller(language))) + "\n"


def _lines(explanation: Explanation, tell: Teller) -> Iterator[str]:
    basis = tell.say(explanation.basis)
    yield tell.say("contract_on", contract=explanation.contract_id, day=explanation.as_of, basis=basis)
    yield tell.headline(explanation)
    if explanation.tables:
        yield from (tell.reason(each) for each in explanation.reasons)
    yield from (f"! {tell.reason(each)}" for each in explanation.warnings)
    if explanation.ledger is not None:
        yield from _section(tell.say("from_ledger"), [*tell.ageing(explanation), *_ledger(explanation.ledger, tell)])
    yield from _section(tell.say("scores", stage=explanation.score_stage), list(tell.scores(explanation)))
    yield from _section(tell.say("decisions"), [line for table in explanation.tables for line in _table(table, tell)])
    yield from _section(tell.say("policy"), list(tell.policies(explanation.policy)))
    yield from _section(tell.say("experiments"), [tell.arm(arm) for arm in explanation.arms])
    if explanation.case is not None:
        yield from _section(tell.say("case"), list(_case(explanation.case, tell)))
    yield from _section(tell.say("contacts"), list(tell.contacts(explanation)))
    rows = [
        tell.say(
            "quarantine_line",
            table=row.table,
            key=tell.value(row.key),
            rule=row.rule,
            severity=row.severity,
            reason=tell.value(row.reason),
        )
        for row in explanation.quarantine
    ]
    yield from _section(tell.say("quarantine"), rows)
    yield from _section(tell.say("versions"), list(tell.versions(explanation)))


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from ("", title, *(f"  {line}" for line in lines))


def _ledger(ledger: LedgerFigures, tell: Teller) -> Iterator[str]:
    earlier, items, later = tell.shown_items(ledger)
    if items:
        yield f"{tell.say('items')}:"
    if earlier:
        yield f"  {tell.say('earlier_items', count=earlier)}"
    for item in items:
        paid = f"{tell.say('amount_paid')} {tell.money(item.amount_paid)}"
        unpaid = f"{tell.say('amount_unpaid')} {tell.money(item.amount_unpaid)}"
        named = f"{item.due_date}  {tell.item(item)}  {tell.money(item.amount_due)}"
        age = tell.own_age(item)
        yield f"  {named}  {paid}  {unpaid}  {tell.item_state(item)}{f'  ({age})' if age else ''}"
    if later:
        yield f"  {tell.say('later_items', count=later)}"
    returned = [payment for payment in ledger.payments if payment.reversed_on is not None]
    recent = ledger.payments[-_PAID_SHOWN:]
    shown = [payment for payment in ledger.payments if payment in returned or payment in recent]
    if shown:
        yield f"{tell.say('payments')}:"
    for payment in shown:
        state = tell.payment_state(payment.counts, payment.reversed_on)
        yield f"  {payment.value_date}  {tell.money(payment.amount)}  {state}"
    if ledger.holds:
        yield f"{tell.say('holds')}:"
    for hold in ledger.holds:
        end = tell.say("until", day=hold.end_date) if hold.end_date else tell.say("no_end")
        state = tell.say("hold_open" if hold.open else "hold_over")
        named = f"{hold.kind}  {tell.say('since', day=hold.start_date)}  {end}"
        yield f"  {named}  {state}  {tell.hold_effect(hold.kind, hold.stops)}"
    if ledger.spells:
        yield f"{tell.say('spells')}:"
    for spell in ledger.spells:
        end = tell.say("until", day=spell.exited_on) if spell.exited_on else tell.say("still")
        lasted = tell.say("outlasted" if spell.outlasted_grace else "within_grace")
        yield f"  {tell.say('since', day=spell.entered_on)}  {end}  {lasted}"


def _table(table: TableView, tell: Teller) -> Iterator[str]:
    yield f"{tell.table(table)} [{table.name}, {table.place}] → {tell.result(table.result)}"
    for rule in table.of("decides", "adds"):
        gives = f" → {tell.result(rule.then)}" if table.hit == "collect" else ""
        yield f"  {rule.id} ({rule.place}){gives}"
        yield f"    {tell.say('when')}: {rule.when}"
        yield f"    {tell.say('saw')}: {', '.join(tell.seen(each) for each in rule.seen)}"
        if rule.note:
            yield f"    {tell.say('note')}: {rule.note}"
    if not table.of("decides", "adds"):
        yield f"  {tell.say('default' if table.hit == 'first' else 'adds_nothing')}"
    if table.hit == "collect":
        yield f"  {tell.summed(table)}"
    later = table.of("holds")
    if later:
        yield f"  {tell.say('held_too', rules=', '.join(rule.id for rule in later))}"
    for rule in table.of("near"):
        place = tell.place_in_table(table, rule)
        yield f"  {tell.say('nearly')}: {rule.id} ({rule.place}){', ' + place if place else ''}"
        yield f"    {tell.say('when')}: {rule.when}"
        yield f"    {tell.near(rule)}"
        yield f"    {tell.say('saw')}: {', '.join(tell.seen(each) for each in rule.seen)}"


def _case(case: CaseView, tell: Teller) -> Iterator[str]:
    yield tell.case(case)
    yield tell.leads(case)
    for contract in case.contracts:
        figures = (
            f"{tell.say('intensity')} {contract.intensity}",
            f"{tell.say('priority')} {contract.priority}",
            f"{tell.say('delinquent')} {contract.delinquent_days}",
            f"{tell.say('overdue_amount')} {tell.money(contract.overdue_amount)}",
        )
        yield f"  {contract.contract_id}  {tell.value(contract.treatment)}  {'  '.join(figures)}"
