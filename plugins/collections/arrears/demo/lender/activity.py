"""What collections did and knew: contact results, promises, holds and scores, derived from how contracts behaved."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from arrears.demo.lender import columns
from arrears.demo.lender.behaviour import History, WorkedMonth
from arrears.demo.lender.book import Book
from arrears.demo.lender.collectors import collector_ids
from arrears.demo.lender.draws import Draws, Flags, Integers, Reals, floor
from arrears.demo.lender.months import first_day
from arrears.demo.lender.people import People
from arrears.demo.lender.world import CALL, CHANNELS, EMAIL, MODELS, OUTCOMES, SMS, STAGES, VISIT

_CALL, _SMS, _EMAIL, _VISIT = (CHANNELS.index(name) for name in (CALL, SMS, EMAIL, VISIT))
_RIGHT_PARTY, _CONNECTED, _WRONG_PARTY, _NO_ANSWER, _BUSY, _INVALID, _DELIVERED, _FAILED = range(len(OUTCOMES))
_DAY_START, _DAY_SECONDS = 8 * 3600 + 1800, 12 * 3600
"""Contacts happen from 08:30 to 20:30."""

_HOLD_KINDS = ("pause", "dispute", "bankruptcy", "deceased", "fraud", "legal")
_PAUSE, _DISPUTE, _LEGAL = 0, 1, 5
_LAST_STAGE_FROM = 3
"""Months behind from which the last stage's models score too, so that a score is there when the stage is reached."""


def contact_results_table(
    book: Book, people: People, worked: WorkedMonth, collectors: pa.StringArray, today: int, draws: Draws
) -> pa.Table:
    """Contacts of one worked month before `today`: more of them, by harsher means, the further behind a contract is."""
    tries = 1 + draws.below(1 + 2 * np.minimum(worked.behind, 3), len(worked.row))
    case = np.repeat(np.arange(len(worked.row)), tries)
    count = len(case)
    number = np.arange(count) - np.repeat(np.cumsum(tries) - tries, tries)
    row, behind = worked.row[case], worked.behind[case]
    span = (worked.to_day - worked.from_day + 1)[case]
    day = worked.from_day[case] + draws.below(span, count)
    seconds = _DAY_START + draws.below(_DAY_SECONDS, count)
    by_text, by_mail = draws.units(count), draws.units(count)
    channel = np.where(by_text < np.where(behind == 1, 0.5, 0.2), _SMS, np.where(by_mail < 0.08, _EMAIL, _CALL))
    visited = (behind >= 3) & (draws.units(count) < 0.12)
    channel = np.where(visited, _VISIT, channel)
    inbound = (channel == _CALL) & (draws.units(count) < 0.04)
    outcome = _outcomes(channel, inbound, people.evasive[row], draws)
    person = (channel == _CALL) | (channel == _VISIT)
    collector = draws.below(len(collectors), count)
    table = pa.table(
        {
            "result_id": columns.texts(
                "R", book.vintage.name, "-", (book.number[row], 7), "-",
                (np.full(count, worked.month_on_book), 2), (number, 1), count=count,
            ),
            "contract_id": columns.keys(book.contract_id, row),
            "customer_id": columns.keys(people.customer_id, row),
            "collector_id": pa.DictionaryArray.from_arrays(
                pa.array(collector.astype(np.int32), mask=~person), collectors
            ),
            "channel": columns.labels(channel, CHANNELS),
            "attempted_at": columns.instants(day, seconds),
            "outcome": columns.labels(outcome, OUTCOMES),
            "initiated_by": columns.labels(inbound.astype(np.int64), ("lender", "customer")),
        }
    )  # fmt: skip
    return table.filter(pa.array(day < today))


def _outcomes(channel: Integers, inbound: Flags, evasive: Reals, draws: Draws) -> Integers:
    count = len(channel)
    chance, detail = draws.units(count), draws.units(count)
    reached = chance < 0.55 - 0.4 * evasive
    spoken = np.where(detail < 0.8, _RIGHT_PARTY, np.where(detail < 0.92, _CONNECTED, _WRONG_PARTY))
    missed = np.where(detail < 0.75, _NO_ANSWER, np.where(detail < 0.9, _BUSY, _INVALID))
    written = np.where(chance < 0.96, _DELIVERED, _FAILED)
    by_person = np.where(reached, spoken, np.where(channel == _VISIT, _NO_ANSWER, missed))
    outcome: Integers = np.where((channel == _SMS) | (channel == _EMAIL), written, by_person)
    return np.where(inbound, _RIGHT_PARTY, outcome)


def promises_table(book: Book, worked: WorkedMonth, today: int, draws: Draws) -> pa.Table:
    """Promises of one worked month, made before `today`: those of contracts that paid are kept, the others broken."""
    count = len(worked.row)
    pays = worked.paid_cents > 0
    asked = draws.units(count) < np.where(pays, 0.35, 0.18)
    # a kept promise falls due on the day of the payment, a broken one some days after it was made
    span = np.maximum(worked.to_day - worked.from_day, 1)
    made = np.where(
        pays, worked.to_day - 1 - draws.below(5, count), worked.from_day + draws.below(np.maximum(span - 8, 1), count)
    )
    made = np.maximum(made, worked.from_day)
    due = np.where(pays, worked.to_day, made + 2 + draws.below(6, count))
    kept = asked & (made < today) & (made < due)
    row = worked.row[kept]
    cents = np.where(pays, worked.paid_cents, book.amount_due[worked.row, 0])[kept]
    return pa.table(
        {
            "promise_id": columns.texts(
                "W", book.vintage.name, "-", (book.number[row], 7), "-",
                (np.full(len(row), worked.month_on_book), 2), count=len(row),
            ),
            "contract_id": columns.keys(book.contract_id, row),
            "made_on": columns.dates(made[kept]),
            "due_on": columns.dates(due[kept]),
            "amount": columns.money(cents),
        }
    )  # fmt: skip


def holds_table(book: Book, history: History, month: int, draws: Draws) -> pa.Table:
    """Holds that began in the month before `month` on contracts behind, and pauses of half a year ago that are over."""
    size = book.size
    late = history.behind > 0
    # of a thousand contracts behind: 12 pauses, 12 disputes, 4 bankruptcies, 2 deaths, 4 frauds
    kind = np.where(late, draws.choice((12, 12, 4, 2, 4, 966), size), len(_HOLD_KINDS))
    sued = draws.units(size) < 0.12
    kind = np.where((kind >= _LEGAL) & (history.behind >= 5) & sued, _LEGAL, np.where(kind >= _LEGAL, 99, kind))
    start = first_day(month - 1) + draws.below(28, size)
    start = np.maximum(start, book.originated)
    ends = (kind == _PAUSE) | (kind == _DISPUTE)
    end = start + np.where(kind == _PAUSE, 90, 45)
    open_now = kind < len(_HOLD_KINDS)
    old_start = first_day(month - 7) + draws.below(28, size)
    old = (draws.units(size) < 0.004) & (old_start > book.originated) & ~open_now
    row = np.concatenate([np.nonzero(open_now)[0], np.nonzero(old)[0]])
    order = np.argsort(row, kind="stable")
    row = row[order]
    is_old = old[row]
    return pa.table(
        {
            "contract_id": columns.keys(book.contract_id, row),
            "kind": columns.labels(np.where(is_old, _PAUSE, kind[row]), _HOLD_KINDS),
            "start_date": columns.dates(np.where(is_old, old_start[row], start[row])),
            "end_date": columns.dates(np.where(is_old, old_start[row] + 60, end[row]), is_old | ends[row]),
        }
    )


def scores_table(book: Book, people: People, history: History, month: int, today: int, draws: Draws) -> pa.Table:
    """Scores made on the first of `month`, and on entry into arrears since then, of contracts on the book then.

    300 … 850. A high collection score is good; a high lost-contact or roll-rate score is bad. Every contract has
    scores of M0M1; those behind have M1M4's too, and from three months behind on M4+'s.
    """
    size = book.size
    start = first_day(month)
    on_book = ((history.closed == 0) | (history.closed > start)) & (
        (history.written_off == 0) | (history.written_off > start)
    )
    behind = history.behind
    entered = (history.entered > 0) & (history.entered <= today)
    scored = (on_book, on_book & ((behind > 0) | entered), on_book & (behind >= _LAST_STAGE_FROM))
    tables = []
    for stage, chosen in enumerate(scored):
        row = np.nonzero(chosen)[0]
        on_day = np.where((behind == 0) & (stage > 0), history.entered, start)
        for model in range(len(MODELS)):
            noise = draws.units(size)
            score = _score(model, stage, book.risk, people.evasive, behind, noise)
            tables.append(
                pa.table(
                    {
                        "contract_id": columns.keys(book.contract_id, row),
                        "model": columns.labels(np.full(len(row), model), MODELS),
                        "stage": columns.labels(np.full(len(row), stage), STAGES),
                        "score": columns.reals(score[row].astype(np.float64)),
                        "scored_on": columns.dates(on_day[row]),
                    }
                )
            )
    return pa.concat_tables(tables, promote_options="none")


def _score(model: int, stage: int, risk: Reals, evasive: Reals, behind: Integers, noise: Reals) -> Integers:
    # the later a stage, the more the months behind weigh and the less the old risk does
    burden = np.minimum(behind, 8) * (0.0, 0.03, 0.04)[stage]
    latent = evasive if model == MODELS.index("lost_contact") else risk
    bad = np.clip((latent - 0.1) / 0.75, 0, 1)
    bad = np.clip(0.75 * bad + 0.25 * noise + burden, 0, 1)
    points = 300 + floor(550 * bad)
    return 1150 - points if model == MODELS.index("collection") else points


def all_collector_ids(contracts: int) -> pa.StringArray:
    """Keys of the collectors who can have made contacts of a ledger of that size."""
    return pa.array(collector_ids(contracts), type=pa.string())
