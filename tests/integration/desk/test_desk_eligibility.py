"""The claim's statement and the rule for one case say the same of every pair of case and collector."""

from __future__ import annotations

from itertools import product

import sqlalchemy as sa
from tests.support.desk_floor import collector

from arrears.allocation.rules import QueueRules
from arrears.desk.claim import claim, lock_collector
from arrears.desk.eligibility import why_not
from arrears.warehouse.ops_cases import CASE, COLLECTOR


def test_the_claim_gives_what_the_rule_for_one_case_allows(floor):
    cases = list(product((None, "", "SH", "BJ"), (None, "zh", "yue"), (None, 0, 2), (None, "E9", "E1,E9", "E11,E19")))
    for number, (region, language, seniority, excluded) in enumerate(cases, 1):
        floor.cases(
            1, first=number, region=region, language=language, min_seniority=seniority, excluded_collectors=excluded
        )
    people = {
        "E1": {},
        "E2": {"regions": "SH, GZ", "languages": "zh", "seniority": 1},
        "E9": {"regions": "BJ", "languages": "yue,zh", "seniority": 3},
        "E11": {"languages": "yue"},
        "E19": {"skills": "phone,field", "regions": "GZ", "seniority": 2},
    }
    for who, values in people.items():
        floor.collectors(who, **values)
    with floor.warehouse.connect() as connection:
        rows = connection.execute(sa.select(CASE).order_by(CASE.c.work_order)).all()
        staff = {row.collector_id: row for row in connection.execute(sa.select(COLLECTOR))}
    for who in people:
        allowed = [case.case_id for case in rows if why_not(case, staff[who], QueueRules()) is None]
        with floor.warehouse.connect() as connection, connection.begin() as transaction:
            row = lock_collector(connection, who, floor.clock, "phone")
            found = claim(connection, collector(who), row, QueueRules(), "phone", floor.clock, 500, None)
            transaction.rollback()
        assert [case.case_id for case in found.cases] == allowed
        assert 0 < len(allowed) < len(rows)
