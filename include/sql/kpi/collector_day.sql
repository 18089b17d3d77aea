-- What came of a collector's finished days, and what was asked of him. Grain: day x basis x collector.
-- case_credit says whose a case is on a day. Attempts count for who made them; a promise for whom it was made to, where
-- that is known, else for whose the case is. targets (day x level x name) are those of the days' own rules: the nearest
-- level that names one decides (collector, team, queue, everybody); several queues are weighted by their cases.
WITH collector_money AS (
    SELECT
        as_of,
        collector_id,
        COUNT(*) AS cases,
        SUM(overdue_amount) AS overdue_amount,
        COUNT(CASE WHEN contacts > 0 THEN 1 END) AS touched_cases,
        CAST(SUM(contacts) AS BIGINT) AS case_contacts,
        COUNT(CASE WHEN paid_amount > 0 THEN 1 END) AS paid_cases,
        SUM(paid_amount) AS paid_amount,
        SUM(recovered_amount) AS recovered_amount
    FROM case_credit
    WHERE collector_id IS NOT NULL
    GROUP BY as_of, collector_id
),

-- A result names its customer, or the contract that it was about.
results AS (
    SELECT
        closing_days.as_of,
        COALESCE(contact_results.customer_id, contracts.customer_id) AS customer_id,
        contact_results.collector_id,
        contact_results.outcome
    FROM contact_results
    INNER JOIN closing_days ON CAST(contact_results.attempted_at AS DATE) = closing_days.as_of
    LEFT JOIN contracts ON contact_results.contract_id = contracts.contract_id
    WHERE COALESCE(contact_results.initiated_by, 'lender') <> 'customer'
),

collector_results AS (
    SELECT
        as_of,
        collector_id,
        COUNT(*) AS attempts,
        COUNT(CASE WHEN outcome IN ('connected', 'right_party', 'wrong_party') THEN 1 END) AS connected_attempts,
        COUNT(CASE WHEN outcome = 'right_party' THEN 1 END) AS right_party_attempts,
        COUNT(DISTINCT customer_id) AS tried_customers,
        COUNT(DISTINCT CASE WHEN outcome IN ('connected', 'right_party', 'wrong_party') THEN customer_id END)
            AS connected_customers
    FROM results
    WHERE collector_id IS NOT NULL
    GROUP BY as_of, collector_id
),

made_promises AS (
    SELECT
        promises.made_on AS as_of,
        COALESCE(promises.collector_id, case_credit.collector_id) AS collector_id,
        promises.amount
    FROM promises
    INNER JOIN closing_days ON promises.made_on = closing_days.as_of
    LEFT JOIN contracts ON promises.contract_id = contracts.contract_id
    LEFT JOIN case_credit ON promises.made_on = case_credit.as_of AND contracts.customer_id = case_credit.customer_id
),

collector_promises AS (
    SELECT
        as_of,
        collector_id,
        COUNT(*) AS promises,
        SUM(COALESCE(amount, 0)) AS promised_amount
    FROM made_promises
    WHERE collector_id IS NOT NULL
    GROUP BY as_of, collector_id
),

due_promises AS (
    SELECT
        promises.due_on AS as_of,
        COALESCE(promises.collector_id, case_credit.collector_id) AS collector_id,
        promises.promise_id,
        promises.contract_id,
        promises.made_on,
        promises.due_on,
        promises.amount
    FROM promises
    INNER JOIN closing_days ON promises.due_on = closing_days.as_of
    LEFT JOIN contracts ON promises.contract_id = contracts.contract_id
    LEFT JOIN case_credit ON promises.due_on = case_credit.as_of AND contracts.customer_id = case_credit.customer_id
),

-- Kept as strategy/promise_state.sql says: what came in time is enough, by the rules' days of grace and share.
judged_promises AS (
    SELECT
        due_promises.as_of,
        due_promises.collector_id,
        due_promises.promise_id,
        due_promises.amount,
        promise_state.state = 'kept' AS kept
    FROM due_promises
    INNER JOIN promise_state ON due_promises.promise_id = promise_state.promise_id
    WHERE due_promises.collector_id IS NOT NULL
),

collector_due AS (
    SELECT
        as_of,
        collector_id,
        COUNT(*) AS promises_due,
        COUNT(CASE WHEN kept THEN 1 END) AS promises_kept,
        SUM(COALESCE(amount, 0)) AS due_promise_amount,
        SUM(CASE WHEN kept THEN COALESCE(amount, 0) ELSE 0 END) AS kept_promise_amount
    FROM judged_promises
    GROUP BY as_of, collector_id
),

collector_plan AS (
    SELECT
        case_credit.as_of,
        case_credit.collector_id,
        COUNT(*) AS planned_contacts,
        COUNT(CASE WHEN contact_plan.verdict = 'blocked' THEN 1 END) AS blocked_contacts
    FROM case_credit
    INNER JOIN contact_plan
        ON case_credit.as_of = contact_plan.business_day AND case_credit.customer_id = contact_plan.customer_id
    WHERE case_credit.collector_id IS NOT NULL
    GROUP BY case_credit.as_of, case_credit.collector_id
),

collector_grabs AS (
    SELECT
        closing_days.as_of,
        intervals.collector_id,
        COUNT(DISTINCT CASE WHEN intervals.began_on = closing_days.as_of THEN intervals.case_id END) AS grabbed_cases,
        COUNT(
            DISTINCT CASE
                WHEN intervals.ended_on = closing_days.as_of AND intervals.end_reason = 'given_back'
                    THEN intervals.case_id
            END
        ) AS given_back_cases,
        COUNT(
            DISTINCT CASE
                WHEN intervals.ended_on = closing_days.as_of AND intervals.end_reason = 'expired' THEN intervals.case_id
            END
        ) AS expired_cases
    FROM intervals
    INNER JOIN closing_days
        ON intervals.began_on = closing_days.as_of OR intervals.ended_on = closing_days.as_of
    WHERE intervals.source = 'grab'
    GROUP BY closing_days.as_of, intervals.collector_id
),

active AS (
    SELECT
        as_of,
        collector_id
    FROM collector_money
    UNION
    SELECT
        as_of,
        collector_id
    FROM collector_results
    UNION
    SELECT
        as_of,
        collector_id
    FROM collector_promises
    UNION
    SELECT
        as_of,
        collector_id
    FROM collector_due
    UNION
    SELECT
        as_of,
        collector_id
    FROM collector_grabs
),

in_queues AS (
    SELECT
        as_of,
        collector_id,
        queue,
        COUNT(*) AS cases,
        CAST(SUM(overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount
    FROM case_credit
    WHERE collector_id IS NOT NULL
    GROUP BY as_of, collector_id, queue
),

of_queues AS (
    SELECT
        in_queues.as_of,
        in_queues.collector_id,
        in_queues.cases,
        in_queues.overdue_amount,
        CASE WHEN of_queue.name IS NULL THEN everybody.recovered_share ELSE of_queue.recovered_share END AS share,
        CASE WHEN of_queue.name IS NULL THEN everybody.recovered_amount ELSE of_queue.recovered_amount END AS amount,
        COALESCE(of_queue.coverage, everybody.coverage) AS coverage,
        COALESCE(of_queue.connect_rate, everybody.connect_rate) AS connect_rate,
        COALESCE(of_queue.promise_rate, everybody.promise_rate) AS promise_rate,
        COALESCE(of_queue.kept_rate, everybody.kept_rate) AS kept_rate,
        COALESCE(of_queue.compliance, everybody.compliance) AS compliance
    FROM in_queues
    LEFT JOIN targets AS everybody ON in_queues.as_of = everybody.as_of AND everybody.level = 'everybody'
    LEFT JOIN targets AS of_queue
        ON in_queues.as_of = of_queue.as_of AND of_queue.level = 'queue' AND in_queues.queue = of_queue.name
),

weighted AS (
    SELECT
        as_of,
        collector_id,
        SUM(cases) AS cases,
        SUM(overdue_amount) AS overdue_amount,
        SUM(share * overdue_amount) AS by_share,
        SUM(CASE WHEN share IS NULL THEN amount * cases END) AS by_amount,
        SUM(coverage * cases) / SUM(CASE WHEN coverage IS NOT NULL THEN cases END) AS coverage,
        SUM(connect_rate * cases) / SUM(CASE WHEN connect_rate IS NOT NULL THEN cases END) AS connect_rate,
        SUM(promise_rate * cases) / SUM(CASE WHEN promise_rate IS NOT NULL THEN cases END) AS promise_rate,
        SUM(kept_rate * cases) / SUM(CASE WHEN kept_rate IS NOT NULL THEN cases END) AS kept_rate,
        SUM(compliance * cases) / SUM(CASE WHEN compliance IS NOT NULL THEN cases END) AS compliance
    FROM of_queues
    GROUP BY as_of, collector_id
)

SELECT
    active.as_of,
    CAST($basis AS VARCHAR) AS basis,
    active.collector_id,
    collectors.team,
    COALESCE(collector_money.cases, 0) AS cases,
    CAST(COALESCE(collector_money.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    COALESCE(collector_money.touched_cases, 0) AS touched_cases,
    COALESCE(collector_money.case_contacts, 0) AS case_contacts,
    COALESCE(collector_results.attempts, 0) AS attempts,
    COALESCE(collector_results.connected_attempts, 0) AS connected_attempts,
    COALESCE(collector_results.right_party_attempts, 0) AS right_party_attempts,
    COALESCE(collector_results.tried_customers, 0) AS tried_customers,
    COALESCE(collector_results.connected_customers, 0) AS connected_customers,
    COALESCE(collector_promises.promises, 0) AS promises,
    CAST(COALESCE(collector_promises.promised_amount, 0) AS DECIMAL(18, 2)) AS promised_amount,
    COALESCE(collector_due.promises_due, 0) AS promises_due,
    COALESCE(collector_due.promises_kept, 0) AS promises_kept,
    CAST(COALESCE(collector_due.due_promise_amount, 0) AS DECIMAL(18, 2)) AS due_promise_amount,
    CAST(COALESCE(collector_due.kept_promise_amount, 0) AS DECIMAL(18, 2)) AS kept_promise_amount,
    COALESCE(collector_money.paid_cases, 0) AS paid_cases,
    CAST(COALESCE(collector_money.paid_amount, 0) AS DECIMAL(18, 2)) AS paid_amount,
    CAST(COALESCE(collector_money.recovered_amount, 0) AS DECIMAL(18, 2)) AS recovered_amount,
    COALESCE(collector_plan.planned_contacts, 0) AS planned_contacts,
    COALESCE(collector_plan.blocked_contacts, 0) AS blocked_contacts,
    CAST($as_of AS DATE) AS known_as_of,
    COALESCE(collector_grabs.grabbed_cases, 0) AS grabbed_cases,
    COALESCE(collector_grabs.given_back_cases, 0) AS given_back_cases,
    COALESCE(collector_grabs.expired_cases, 0) AS expired_cases,
    -- without a case there is nothing to recover
    CAST(
        CASE
            WHEN own.recovered_share IS NOT NULL
                THEN own.recovered_share * CAST(weighted.overdue_amount AS DECIMAL(18, 2))
            WHEN own.recovered_amount IS NOT NULL AND weighted.cases > 0 THEN own.recovered_amount
            WHEN own.recovered_amount IS NOT NULL THEN NULL
            WHEN of_team.recovered_share IS NOT NULL
                THEN of_team.recovered_share * CAST(weighted.overdue_amount AS DECIMAL(18, 2))
            WHEN of_team.recovered_amount IS NOT NULL AND weighted.cases > 0 THEN of_team.recovered_amount
            WHEN of_team.recovered_amount IS NOT NULL THEN NULL
            WHEN weighted.by_amount IS NULL THEN weighted.by_share
            ELSE COALESCE(weighted.by_share, 0) + weighted.by_amount / weighted.cases
        END AS DECIMAL(18, 2)
    ) AS target_amount,
    CAST(COALESCE(own.coverage, of_team.coverage, weighted.coverage, everybody.coverage) AS DECIMAL(9, 6))
        AS coverage_target,
    CAST(
        COALESCE(own.connect_rate, of_team.connect_rate, weighted.connect_rate, everybody.connect_rate) AS DECIMAL(9, 6)
    ) AS connect_target,
    CAST(
        COALESCE(own.promise_rate, of_team.promise_rate, weighted.promise_rate, everybody.promise_rate) AS DECIMAL(9, 6)
    ) AS promise_target,
    CAST(COALESCE(own.kept_rate, of_team.kept_rate, weighted.kept_rate, everybody.kept_rate) AS DECIMAL(9, 6))
        AS kept_target,
    CAST(COALESCE(own.compliance, of_team.compliance, weighted.compliance, everybody.compliance) AS DECIMAL(9, 6))
        AS compliance_target
FROM active
LEFT JOIN collectors ON active.collector_id = collectors.collector_id
LEFT JOIN collector_money
    ON active.as_of = collector_money.as_of AND active.collector_id = collector_money.collector_id
LEFT JOIN collector_results
    ON active.as_of = collector_results.as_of AND active.collector_id = collector_results.collector_id
LEFT JOIN collector_promises
    ON active.as_of = collector_promises.as_of AND active.collector_id = collector_promises.collector_id
LEFT JOIN collector_due ON active.as_of = collector_due.as_of AND active.collector_id = collector_due.collector_id
LEFT JOIN collector_plan ON active.as_of = collector_plan.as_of AND active.collector_id = collector_plan.collector_id
LEFT JOIN collector_grabs
    ON active.as_of = collector_grabs.as_of AND active.collector_id = collector_grabs.collector_id
LEFT JOIN weighted ON active.as_of = weighted.as_of AND active.collector_id = weighted.collector_id
LEFT JOIN targets AS everybody ON active.as_of = everybody.as_of AND everybody.level = 'everybody'
LEFT JOIN targets AS own
    ON active.as_of = own.as_of AND own.level = 'collector' AND active.collector_id = own.name
LEFT JOIN targets AS of_team
    ON active.as_of = of_team.as_of AND of_team.level = 'team' AND collectors.team = of_team.name
ORDER BY active.as_of, active.collector_id
