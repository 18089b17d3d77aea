-- To whom each case of a finished day is credited, and what came of it. Grain: day x case.
-- A case and its day count for one collector: the last of its owners of the day who recorded a contact with it; if none
-- did, who had it when the day ended; nobody, if it lay in the pool then. An owner from whom a run took the case is
-- none of the day's. Of days that ops knows nothing of (computed again), the owner of the opening.
WITH results AS (
    SELECT
        closing_days.as_of,
        COALESCE(contact_results.customer_id, contracts.customer_id) AS customer_id,
        contact_results.collector_id,
        COALESCE(contact_results.initiated_by, 'lender') <> 'customer' AS is_attempt
    FROM contact_results
    INNER JOIN closing_days ON CAST(contact_results.attempted_at AS DATE) = closing_days.as_of
    LEFT JOIN contracts ON contact_results.contract_id = contracts.contract_id
),

worked AS (
    SELECT DISTINCT
        as_of,
        customer_id,
        collector_id
    FROM results
    WHERE collector_id IS NOT NULL
),

held AS (
    SELECT
        closing_days.as_of,
        intervals.customer_id,
        intervals.case_id,
        intervals.interval_no,
        intervals.collector_id,
        intervals.source,
        intervals.began_on,
        CASE WHEN worked.customer_id IS NOT NULL THEN 1 ELSE 0 END AS is_worked,
        CASE WHEN intervals.ended_on <= closing_days.as_of THEN intervals.end_reason END AS end_reason
    FROM intervals
    INNER JOIN closing_days
        ON
            intervals.began_on <= closing_days.as_of
            AND (intervals.ended_on IS NULL OR intervals.ended_on >= closing_days.as_of)
    LEFT JOIN worked
        ON
            closing_days.as_of = worked.as_of
            AND intervals.customer_id = worked.customer_id
            AND intervals.collector_id = worked.collector_id
),

credited AS (
    SELECT
        as_of,
        customer_id,
        case_id,
        interval_no,
        collector_id,
        source,
        ROW_NUMBER() OVER (
            PARTITION BY as_of, customer_id
            ORDER BY is_worked DESC, began_on DESC, case_id DESC, interval_no DESC
        ) AS place
    FROM held
    WHERE end_reason IS NULL OR (is_worked = 1 AND end_reason NOT IN ('reassigned', 'pooled'))
),

touches AS (
    SELECT
        as_of,
        customer_id
    FROM results
    WHERE is_attempt
    UNION ALL
    SELECT
        as_of,
        customer_id
    FROM contact_attempts
),

case_touches AS (
    SELECT
        as_of,
        customer_id,
        COUNT(*) AS contacts
    FROM touches
    GROUP BY as_of, customer_id
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
        treatment.as_of,
        treatment.customer_id,
        SUM(treatment.overdue_amount) AS overdue_amount,
        SUM(COALESCE(received.amount, 0)) AS paid_amount,
        MIN(CASE WHEN COALESCE(received.amount, 0) >= treatment.overdue_amount THEN 1 ELSE 0 END) AS cured
    FROM treatment
    LEFT JOIN received ON treatment.as_of = received.value_date AND treatment.contract_id = received.contract_id
    GROUP BY treatment.as_of, treatment.customer_id
)

SELECT
    assignment.as_of,
    assignment.customer_id,
    assignment.queue,
    assignment.collector_id AS opening_collector_id,
    credited.case_id,
    credited.interval_no,
    CASE WHEN credited.place = 1 THEN credited.collector_id ELSE assignment.collector_id END AS collector_id,
    CAST(COALESCE(case_money.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(COALESCE(case_money.paid_amount, 0) AS DECIMAL(18, 2)) AS paid_amount,
    CAST(COALESCE(LEAST(case_money.paid_amount, case_money.overdue_amount), 0) AS DECIMAL(18, 2)) AS recovered_amount,
    COALESCE(case_money.cured, 0) AS cured,
    COALESCE(case_touches.contacts, 0) AS contacts
FROM assignment
LEFT JOIN credited
    ON assignment.as_of = credited.as_of AND assignment.customer_id = credited.customer_id AND credited.place = 1
LEFT JOIN case_money ON assignment.as_of = case_money.as_of AND assignment.customer_id = case_money.customer_id
LEFT JOIN case_touches ON assignment.as_of = case_touches.as_of AND assignment.customer_id = case_touches.customer_id
ORDER BY assignment.as_of, assignment.customer_id
