"""The steps of outreach: plan, publish, push, approve, reconcile, and the dispatcher that works through the day.

Only the current business day by the clock of acting changes `ops` or sends anything; on another day every step but
`plan_contacts` and `publish_worklist` says so in its figures and does nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import cast

from arrears.desk.callers import Caller
from arrears.errors import ChannelError
from arrears.outreach import outbox
from arrears.outreach.approvals import Decision, decide
from arrears.outreach.channels.address import AddressResolver, address_from_environment
from arrears.outreach.channels.names import CHANNELS, ChannelName
from arrears.outreach.channels.opening import Opening
from arrears.outreach.dispatch import Dispatcher, PushCounts
from arrears.outreach.holidays import unknown_holidays
from arrears.outreach.merge import merge_plan
from arrears.outreach.ops_reads import known_until
from arrears.outreach.plan import build_contact_plan, count_without_contact
from arrears.outreach.polling import poll_receipts
from arrears.outreach.promised import build_promise_state
from arrears.outreach.recalls import find_recalls, hand_over_recalls
from arrears.outreach.receipts import Desk
from arrears.outreach.rules import load_contact_rules
from arrears.outreach.states import State
from arrears.outreach.templates import load_templates
from arrears.outreach.vehicle_steps import expire_demands
from arrears.outreach.vehicles import FILE as VEHICLES
from arrears.outreach.vehicles import VehicleRules
from arrears.run import Run, StepResult
from arrears.sqlmodel import fetch_model

_RECEIPTS_FOR = timedelta(days=7)
"""How long after a contact its provider is asked for receipts."""


def plan_contacts(run: Run) -> StepResult:
    """Plans the day's contacts into the lake; on the current day merges them into the outbox.

    Reads cases, treatment, customers, consents, contact_results, contracts and promises of the day. Raises RulesError
    for a wrong rule file or template, NotPublishedError when treatment or ledger of the day are not published.
    """
    from arrears.outreach.addressees import LEDGER_TABLES, TREATMENT_TABLES

    run.lake.require("ledger", run.day, LEDGER_TABLES)
    run.lake.require("treatment", run.day, TREATMENT_TABLES)
    contact, policy = load_contact_rules(run.rules)
    load_templates(run.rules, contact)
    if run.is_current:
        vehicles = run.rules.load(VEHICLES, VehicleRules)
        with run.warehouse.begin() as connection:
            expire_demands(connection, run.clock.now(), run.day.as_of, vehicles)
    known = known_until(run)
    rows = build_contact_plan(run, contact, policy, known)
    rows["promise_state"] = build_promise_state(run, contact.promise, known)
    figures: dict[str, object] = {"planned": {}, "blocked": {}, "cut": {}, "warned": {}, "awaiting_approval": {}}
    for count in fetch_model(run, "outreach/plan_summary").to_pylist():
        figure = cast(dict[str, int], figures[count["figure"]])
        figure[count["name"]] = count["contacts"]
    cases = count_without_contact(run, contact)
    figures["cases_without_contact"] = cases
    warnings = unknown_holidays(policy, run.day.as_of)
    if cases:
        warnings.append(f"{cases} cases have no contact: no cadence of contact.yaml fits them over their channels.")
    if run.is_current:
        changes = merge_plan(run)
        figures["outbox"] = changes
        rows["ops.contact_task"] = sum(changes.values())
    else:
        figures["skipped"] = "a past day: planned in the lake, not put into the outbox"
    return StepResult(rows=rows, figures=figures, warnings=warnings)


def publish_worklist(run: Run) -> StepResult:
    """Publishes the day's worklist: assignment and contact plan together."""
    tables = ("assignment", "contact_plan")
    run.lake.publish("worklist", run.day, tables)
    return StepResult(rows={table: run.lake.rows(table, run.day) for table in tables})


def push_contacts(run: Run, channel: str, resolver: AddressResolver = address_from_environment) -> StepResult:
    """Sends over `channel` what may go now; failed tasks are tried at once, whatever their wait.

    Raises ChannelError, after all the rest is done, when the provider took something not: nothing is lost, and a
    further call sends the rest. Tasks that need an approval go once they have it.
    """
    name = _channel(channel)
    if not run.is_current:
        return _past_day({"channel": name, "sent": 0, "failed": 0, "unknown": 0, "waiting": 0})
    counts = Dispatcher(run, resolver).push(name, retry_now=True)
    counts.raise_for_failures()
    return _pushed([counts], counts.figures())


def push_approved(run: Run, resolver: AddressResolver = address_from_environment) -> StepResult:
    """Sends, over whatever channel, the contacts that a person approved; see `push_contacts`."""
    if not run.is_current:
        return _past_day({"sent": 0, "failed": 0, "unknown": 0, "waiting": 0})
    counts, errors = _push_each(Dispatcher(run, resolver), retry_now=True, needs_approval=True)
    _raise_first(counts, errors)
    return _pushed(counts, _summed(counts))


def reconcile_contacts(run: Run, resolver: AddressResolver = address_from_environment) -> StepResult:
    """Settles what is in doubt, takes in receipts, ends what can no longer go, and counts planned against sent.

    Raises ChannelError, after the other channels are done, when a provider cannot be asked for its receipts.
    """
    if not run.is_current:
        return _past_day({})
    figures, errors = _reconcile(run, resolver)
    if errors:
        raise errors[0]
    unknown = cast(dict[str, int], figures["states"]).get(State.UNKNOWN.value, 0)
    warnings = [f"{unknown} contacts may or may not have gone; they are not sent again."] if unknown else []
    return StepResult(figures=figures, warnings=warnings)


def dispatch_contacts(run: Run, resolver: AddressResolver = address_from_environment) -> StepResult:
    """What the dispatcher does every few minutes: expire and lapse what is too late, take in receipts, so that what a
    customer answered stops what was planned for him, send what has become due, retry what failed when its wait is over.

    Raises ChannelError, after all channels are done, for the first one that failed.
    """
    if not run.is_current:
        return _past_day({})
    with run.warehouse.begin() as connection:
        outbox.end_overdue(connection, run.clock.now(), run.day.as_of)
    dispatcher = Dispatcher(run, resolver)
    answers, _ = _take_in_receipts(run, dispatcher.opening)
    counts, errors = _push_each(dispatcher, retry_now=False)
    # a provider that could not be asked before is asked again here, and told of if it still cannot
    figures, receipt_errors = _reconcile(run, resolver, answers)
    _raise_first(counts, errors + receipt_errors)
    return _pushed(counts, _summed(counts) | {"reconciled": figures})


def pending_approvals(run: Run) -> dict[str, int]:
    """Contacts of the day that wait for a person, by placement; empty when there are none."""
    pending: Counter[str] = Counter()
    with run.warehouse.connect() as connection:
        for (_, placement, state), count in outbox.count_states(connection, run.day.as_of).items():
            if state == State.AWAITING_APPROVAL:
                pending[placement] += count
    return dict(pending)


def approve(
    run: Run,
    decision: Decision,
    caller: Caller,
    placements: Sequence[str] | None = None,
    reason: str | None = None,
) -> StepResult:
    """Writes a person's answer on all contacts of the day that wait for one (or on those of `placements`).

    `approve` lets them go with the next push; `reject` ends them for the day. What was decided before stays as it
    was decided. On a past day nothing is written.
    """
    if not run.is_current:
        return _past_day({"approved": 0, "rejected": 0})
    with run.warehouse.begin() as connection:
        decided = decide(connection, run.clock, caller, decision, reason=reason, placements=placements)
    state = State.APPROVED if decision == "approve" else State.REJECTED
    figures = {"approved": 0, "rejected": 0} | {state.value: len(decided.done)}
    return StepResult(rows={"ops.contact_task": len(decided.done)}, figures=figures)


def _push_each(
    dispatcher: Dispatcher, *, retry_now: bool, needs_approval: bool | None = None
) -> tuple[list[PushCounts], list[ChannelError]]:
    counts: list[PushCounts] = []
    errors: list[ChannelError] = []
    for name in dispatcher.contact.channels:
        try:
            counts.append(dispatcher.push(name, retry_now=retry_now, needs_approval=needs_approval))
        except ChannelError as error:
            # no address: the other channels go on
            errors.append(error)
    return counts, errors


def _take_in_receipts(run: Run, opening: Opening) -> tuple[Counter[tuple[str, str]], list[ChannelError]]:
    """Takes in what the providers have to report; how many receipts did what, by channel, and what went wrong."""
    desk = Desk(opening.contact, run.day.as_of, run.clock.now())
    counts: Counter[tuple[str, str]] = Counter()
    errors: list[ChannelError] = []
    for name in opening.contact.channels:
        with run.warehouse.connect() as connection:
            if not outbox.tried_since(connection, name, run.day.as_of - _RECEIPTS_FOR):
                continue
        try:
            adapter = opening.open(name)
            try:
                told, wrong = poll_receipts(run.warehouse, adapter, desk)
            finally:
                adapter.close()
        except ChannelError as error:
            errors.append(error)
            continue
        counts.update({(name, what): count for what, count in told.items()})
        errors += wrong
    return counts, errors


def _reconcile(
    run: Run, resolver: AddressResolver, receipts: Counter[tuple[str, str]] | None = None
) -> tuple[dict[str, object], list[ChannelError]]:
    contact, _ = load_contact_rules(run.rules)
    opening = Opening(run, contact, resolver)
    now, day = run.clock.now(), run.day.as_of
    left_behind = 0
    for name in contact.channels:
        with run.warehouse.begin() as connection:
            left_behind += outbox.settle_left_behind(connection, now, day, channel=name, repeats=opening.repeats(name))
    told, errors = _take_in_receipts(run, opening)
    told += receipts or Counter()
    by_name: dict[str, dict[str, int]] = {}
    for (channel, what), count in told.items():
        by_name.setdefault(channel, {})[what] = count
    with run.warehouse.begin() as connection:
        ended = outbox.end_overdue(connection, now, day)
        taken_back = find_recalls(connection, run, contact.recall, contact.live_promise)
        counted = outbox.count_states(connection, day)
    recalled, wrong = hand_over_recalls(run, opening)
    errors += wrong
    by_channel: dict[str, dict[str, int]] = {}
    states: Counter[str] = Counter()
    for (channel, _, state), count in counted.items():
        states[state] += count
        by_channel.setdefault(channel, {})
        by_channel[channel][state] = by_channel[channel].get(state, 0) + count
    figures: dict[str, object] = {
        "states": dict(states),
        "channels": by_channel,
        "receipts": by_name,
        "left_behind": left_behind,
        "ended": {state.value: count for state, count in ended.items() if count},
        "taken_back": dict(taken_back),
        "recalled": dict(recalled),
    }
    return figures, errors


def _channel(name: str) -> ChannelName:
    if name not in CHANNELS:
        raise ChannelError(
            expected=f"one of the channels {', '.join(CHANNELS)}",
            found=repr(name),
            where="push_contacts",
            action="Correct the channel.",
        )
    return name


def _raise_first(counts: Sequence[PushCounts], errors: Sequence[ChannelError]) -> None:
    for error in errors:
        raise error
    for count in counts:
        count.raise_for_failures()


def _pushed(counts: Sequence[PushCounts], figures: Mapping[str, object]) -> StepResult:
    rows = {"ops.contact_task": sum(count.ended.total() for count in counts)}
    warnings = [
        f"{count.channel}: {count.ended[State.UNKNOWN]} contacts may or may not have gone; they are not sent again."
        for count in counts
        if count.ended[State.UNKNOWN]
    ]
    return StepResult(rows=rows, figures=dict(figures), warnings=warnings)


def _summed(counts: Sequence[PushCounts]) -> dict[str, object]:
    each = [count.figures() for count in counts]
    total = {name: sum(figures[name] for figures in each) for name in ("sent", "failed", "unknown", "waiting")}
    busy = [figures for figures in each if any(value for value in figures.values() if isinstance(value, int))]
    return {**total, "channels": {figures["channel"]: figures for figures in busy}}


def _past_day(figures: Mapping[str, object]) -> StepResult:
    return StepResult(figures={**figures, "skipped": "not the current business day: nothing is sent or changed"})
