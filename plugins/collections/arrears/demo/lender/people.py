"""Who signed: customers with an invented profile and unreachable addresses, and what they consented to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from arrears.demo.lender import columns
from arrears.demo.lender.book import Vintage
from arrears.demo.lender.draws import Draws, Flags, Integers, Reals, floor
from arrears.demo.lender.months import first_day
from arrears.demo.lender.world import (
    ALL_CHANNELS,
    BRANCHES,
    CHANNELS,
    EDUCATIONS,
    GENDERS,
    HOUSINGS,
    LANGUAGES,
    MARITAL_STATUSES,
    REGIONS,
    STEMS,
    SURNAMES,
    TIME_ZONES,
    URUMQI_REGION,
)

_RENTED = HOUSINGS.index("rented")
_CONSENT_REASONS = ("opt_out", "cease", "attorney", "agreed")
_CONSENT_LOOKBACK_DAYS = 700


@dataclass(frozen=True)
class People:
    """The customers of a chunk, one position a contract: customers with several contracts stand at several."""

    leader: Integers
    """Position of the first contract of the same customer."""
    is_leader: Flags
    customer_id: pa.StringArray
    region: Integers
    risk: Reals
    evasive: Reals
    """How hard the customer is to reach, 0 … 1."""
    is_company: Flags
    english: Flags
    age: Integers
    housing: Integers
    work_years: Integers


def meet_people(vintage: Vintage, draws: Draws) -> People:
    """The customers of the vintage's contracts, about five for six contracts."""
    count = vintage.count
    position = np.arange(count)
    is_leader = draws.units(count) < 0.82
    is_leader[0] = True
    leader = np.maximum.accumulate(np.where(is_leader, position, 0))
    age = 22 + floor((draws.units(count) + draws.units(count)) * 20)
    housing = draws.choice((30, 28, 26, 16), count)
    work_years = np.minimum(draws.below(16, count), age - 18)
    # the profile tells a little about the risk, as it would
    profile = 0.4 * (age >= 40) + 0.4 * (housing == _RENTED) + 0.2 * (work_years < 2)
    customer_risk = 0.75 * draws.units(count) + 0.25 * profile
    own_risk = draws.units(count)
    evasive = 0.35 * draws.units(count) + 0.65 * customer_risk
    return People(
        leader=leader,
        is_leader=is_leader,
        customer_id=columns.texts("K", vintage.name, "-", (vintage.first + leader, 7), count=count),
        region=draws.choice(tuple(region.weight for region in REGIONS), count)[leader],
        risk=0.8 * customer_risk[leader] + 0.2 * own_risk,
        evasive=evasive[leader],
        is_company=draws.units(count) < 0.04,
        english=draws.units(count) < 0.02,
        age=age,
        housing=housing,
        work_years=work_years,
    )


def customers_table(people: People, vintage: Vintage, draws: Draws) -> pa.Table:
    """One row a customer; companies have a name and addresses, and no personal profile."""
    count = vintage.count
    born = first_day(vintage.month - 12) - people.age * 365 - draws.below(365, count)
    employed = first_day(vintage.month) - 30 - people.work_years * 365 - draws.below(300, count)
    person = ~people.is_company
    phone = columns.texts("+86154", (draws.below(100_000_000, count), 8), count=count, valid=draws.units(count) < 0.99)
    mail_box = columns.texts("k", vintage.name, "-", (vintage.first + people.leader, 7), "@example.com", count=count)
    has_mail = pa.array(draws.units(count) < 0.8)
    urumqi = [region.code for region in REGIONS].index(URUMQI_REGION)
    columns_of_all = {
        "customer_id": people.customer_id,
        "name": _names(people, vintage, draws),
        "birth_date": columns.dates(born, person),
        "gender": columns.labels(draws.choice((84, 16), count), GENDERS, person),
        "marital_status": columns.labels(draws.choice((66, 22, 10, 2), count), MARITAL_STATUSES, person),
        "education": columns.labels(draws.choice((30, 38, 20, 10, 2), count), EDUCATIONS, person),
        "housing": columns.labels(people.housing, HOUSINGS, person),
        "employed_since": columns.dates(employed, person),
        "phone": phone,
        "email": pc.if_else(has_mail, mail_box, pa.scalar(None, type=pa.string())),
        "region": columns.labels(people.region, [region.code for region in REGIONS]),
        "time_zone": columns.labels((people.region == urumqi).astype(np.int64), TIME_ZONES),
        "language": columns.labels(people.english.astype(np.int64), LANGUAGES),
        "payment_to_income": columns.reals(np.floor(10 + 45 * draws.units(count) + 20 * people.risk) / 100, person),
    }
    return pa.table(columns_of_all).filter(pa.array(people.is_leader))


def _names(people: People, vintage: Vintage, draws: Draws) -> pa.Array:
    count = vintage.count
    surname = columns.labels(draws.below(len(SURNAMES), count), SURNAMES).cast(pa.string())
    stem = columns.labels(draws.below(len(STEMS), count), STEMS).cast(pa.string())
    branch = columns.labels(draws.below(len(BRANCHES), count), BRANCHES).cast(pa.string())
    person = pc.binary_join_element_wise(surname, "样", stem, branch, "")
    digits = columns.texts((people.leader % 10_000, 4), count=count)
    company = pc.binary_join_element_wise("样例运输", digits, "号公司", "")
    english = pc.binary_join_element_wise("Sample Customer ", digits, "")
    return pc.if_else(pa.array(people.is_company), company, pc.if_else(pa.array(people.english), english, person))


def consents_table(people: People, vintage: Vintage, today: int, draws: Draws) -> pa.Table:
    """Refusals (per channel, or of all) and agreements of a few customers, not later than `today`."""
    count = vintage.count
    # of a thousand customers: 40 opt out of one channel, 3 refuse all, 2 name an attorney, 5 agree to a channel
    kind = draws.choice((40, 3, 2, 5, 950), count)
    channel = np.where((kind == 1) | (kind == 2), len(CHANNELS), draws.choice((20, 40, 40), count))
    since = first_day(vintage.month + 1) + draws.below(_CONSENT_LOOKBACK_DAYS, count)
    ends = draws.units(count) < 0.1
    kept = people.is_leader & (kind < len(_CONSENT_REASONS)) & (since <= today)
    kind, channel, since, ends = kind[kept], channel[kept], since[kept], ends[kept]
    return pa.table(
        {
            "customer_id": people.customer_id.filter(pa.array(kept)),
            "channel": columns.labels(channel, (*CHANNELS, ALL_CHANNELS)),
            "allowed": columns.flags(kind == _CONSENT_REASONS.index("agreed")),
            "reason": columns.labels(kind, _CONSENT_REASONS),
            "valid_from": columns.instants(since, np.zeros_like(since)),
            "valid_to": columns.instants(since + 365, np.zeros_like(since), ends),
        }
    )
