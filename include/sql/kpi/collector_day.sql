-- What came of a collector's finished days. Grain: day x basis x collector.
-- assignment, treatment and contact_plan are those of the finished days; contact_attempts are the attempts that Arrears
-- made on them, one row per day, customer and attempt.
WITH owned AS (
    SELECT
        as_of,
        customer_id,
        collector_id
    FROM assignment
    WHERE collector_id IS NOT NULL
),

case_contracts AS (
    SELECT
        owned.as_of,
        owned.collector_id,
        treatment.customer_id,
        treatment.contract_id,
        treatment.overdue_amount
    FROM owned
    INNER JOIN treatment ON owned.as_of = treatment.as_of AND owned.customer_id = treatment.customer_id
),

received AS (
    SELECT
        payments.value_date,
        payments.contract_id,
        SUM(payments.amount) AS amount
    FROM payments
    INNER JOIN closing_days ON payments.value_date = closing_days.as_of
    WHERE payments.reversed_on IS NULL OR payments.reversed_on > $as_of
    GROUP BY payments.value_date, payments.contract_id
),

case_money AS (
    SELECT
        case_contracts.as_of,
        case_contracts.collector_id,
        case_contracts.customer_id,
        SUM(case_contracts.overdue_amount) AS overdue_amount,
        SUM(COALESCE(received.amount, 0)) AS paid_amount
    FROM case_contracts
    LEFT JOIN received
        ON case_contracts.as_of = received.value_date AND case_contracts.contract_id = received.contract_id
    GROUP BY case_contracts.as_of, case_contracts.collector_id, case_contracts.customer_id
),

collector_money AS (
    SELECT
        as_of,
        collector_id,
        COUNT(*) AS cases,
        SUM(overdue_amount) AS overdue_amount,
        COUNT(CASE WHEN paid_amount > 0 THEN 1 END) AS paid_cases,
        SUM(paid_amount) AS paid_amount,
        SUM(LEAST(paid_amount, overdue_amount)) AS recovered_amount
    FROM case_money
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

touches AS (
    SELECT
        as_of,
        customer_id
    FROM results
    UNION ALL
    SELECT
        as_of,
        customer_id
    FROM contact_attempts
),

collector_touches AS (
    SELECT
        owned.as_of,
        owned.collector_id,
        COUNT(*) AS case_contacts,
        COUNT(DISTINCT owned.customer_id) AS touched_cases
    FROM owned
    INNER JOIN touches ON owned.as_of = touches.as_of AND owned.customer_id = touches.customer_id
    GROUP BY owned.as_of, owned.collector_id
),

collector_promises AS (
    SELECT
        case_contracts.as_of,
        case_contracts.collector_id,
        COUNT(*) AS promises,
        SUM(COALESCE(promises.amount, 0)) AS promised_amount
    FROM case_contracts
    INNER JOIN promises
        ON case_contracts.contract_id = promises.contract_id AND case_contracts.as_of = promises.made_on
    GROUP BY case_contracts.as_of, case_contracts.collector_id
),

due_promises AS (
    SELECT
        case_contracts.as_of,
        case_contracts.collector_id,
        promises.promise_id,
        promises.contract_id,
        promises.made_on,
        promises.due_on,
        promises.amount
    FROM case_contracts
    INNER JOIN promises
        ON case_contracts.contract_id = promises.contract_id AND case_contracts.as_of = promises.due_on
),

-- Kept: what came from the day of the promise to its due day is at least its amount, or anything if it names none.
judged_promises AS (
    SELECT
        due_promises.as_of,
        due_promises.collector_id,
        due_promises.promise_id,
        due_promises.amount,
        SUM(payments.amount) >= COALESCE(due_promises.amount, 0) AS kept
    FROM due_promises
    LEFT JOIN payments
        ON
            due_promises.contract_id = payments.contract_id
            AND payments.value_date BETWEEN due_promises.made_on AND due_promises.due_on
            AND (payments.reversed_on IS NULL OR payments.reversed_on > $as_of)
    GROUP BY due_promises.as_of, due_promises.collector_id, due_promises.promise_id, due_promises.amount
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
        owned.as_of,
        owned.collector_id,
        COUNT(*) AS planned_contacts,
        COUNT(CASE WHEN contact_plan.verdict = 'blocked' THEN 1 END) AS blocked_contacts
    FROM owned
    INNER JOIN contact_plan
        ON owned.as_of = contact_plan.business_day AND owned.customer_id = contact_plan.customer_id
    GROUP BY owned.as_of, owned.collector_id
),

active AS (
    SELECT
        as_of,
        collector_id
    FROM owned
    UNION
    SELECT
        as_of,
        collector_id
    FROM collector_results
)

SELECT
    active.as_of,
    CAST($basis AS VARCHAR) AS basis,
    active.collector_id,
    collectors.team,
    COALESCE(collector_money.cases, 0) AS cases,
    CAST(COALESCE(collector_money.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    COALESCE(collector_touches.touched_cases, 0) AS touched_cases,
    COALESCE(collector_touches.case_contacts, 0) AS case_contacts,
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
    CAST($as_of AS DATE) AS known_as_of
FROM active
LEFT JOIN collectors ON active.collector_id = collectors.collector_id
LEFT JOIN collector_money
    ON active.as_of = collector_money.as_of AND active.collector_id = collector_money.collector_id
LEFT JOIN collector_touches
    ON active.as_of = collector_touches.as_of AND active.collector_id = collector_touches.collector_id
LEFT JOIN collector_results
    ON active.as_of = collector_results.as_of AND active.collector_id = collector_results.collector_id
LEFT JOIN collector_promises
    ON active.as_of = collector_promises.as_of AND active.collector_id = collector_promises.collector_id
LEFT JOIN collector_due ON active.as_of = collector_due.as_of AND active.collector_id = collector_due.collector_id
LEFT JOIN collector_plan ON active.as_of = collector_plan.as_of AND active.collector_id = collector_plan.collector_id
ORDER BY active.as_of, active.collector_id
