-- Who had which case on finished days, the pool included, and what came of it. Grain: day x basis x case x interval.
-- intervals are those of ops that lasted on any of the days. A case's money and contacts of a day count once: with the
-- last interval of the day. What ended later is told as lasting, so that a later run says the same of the day.
WITH lasting AS (
    SELECT
        closing_days.as_of,
        intervals.case_id,
        intervals.interval_no,
        intervals.customer_id,
        intervals.queue,
        intervals.collector_id,
        intervals.source,
        intervals.reason,
        intervals.began_on,
        CASE WHEN intervals.ended_on <= closing_days.as_of THEN intervals.ended_on END AS ended_on,
        CASE WHEN intervals.ended_on <= closing_days.as_of THEN intervals.end_reason END AS end_reason,
        CASE WHEN intervals.ended_on <= closing_days.as_of THEN intervals.minutes END AS minutes,
        ROW_NUMBER() OVER (
            PARTITION BY closing_days.as_of, intervals.customer_id
            ORDER BY intervals.began_on DESC, intervals.case_id DESC, intervals.interval_no DESC
        ) AS from_last
    FROM intervals
    INNER JOIN closing_days
        ON
            intervals.began_on <= closing_days.as_of
            AND (intervals.ended_on IS NULL OR intervals.ended_on >= closing_days.as_of)
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
),

touches AS (
    SELECT
        closing_days.as_of,
        COALESCE(contact_results.customer_id, contracts.customer_id) AS customer_id
    FROM contact_results
    INNER JOIN closing_days ON CAST(contact_results.attempted_at AS DATE) = closing_days.as_of
    LEFT JOIN contracts ON contact_results.contract_id = contracts.contract_id
    WHERE COALESCE(contact_results.initiated_by, 'lender') <> 'customer'
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
)

SELECT
    lasting.as_of,
    CAST($basis AS VARCHAR) AS basis,
    lasting.case_id,
    lasting.interval_no,
    lasting.customer_id,
    lasting.queue,
    lasting.collector_id,
    collectors.team,
    lasting.source,
    lasting.reason,
    lasting.began_on,
    lasting.ended_on,
    lasting.end_reason,
    lasting.minutes,
    lasting.from_last = 1 AS is_last,
    CAST(
        CASE WHEN lasting.from_last = 1 THEN COALESCE(case_money.overdue_amount, 0) ELSE 0 END AS DECIMAL(18, 2)
    ) AS overdue_amount,
    CAST(
        CASE
            WHEN lasting.from_last = 1 THEN COALESCE(LEAST(case_money.paid_amount, case_money.overdue_amount), 0)
            ELSE 0
        END AS DECIMAL(18, 2)
    ) AS recovered_amount,
    CAST(CASE WHEN lasting.from_last = 1 THEN COALESCE(case_touches.contacts, 0) ELSE 0 END AS BIGINT) AS contacts,
    lasting.from_last = 1 AND COALESCE(case_money.cured, 0) = 1 AS cured,
    CAST($as_of AS DATE) AS known_as_of
FROM lasting
LEFT JOIN collectors ON lasting.collector_id = collectors.collector_id
LEFT JOIN case_money ON lasting.as_of = case_money.as_of AND lasting.customer_id = case_money.customer_id
LEFT JOIN case_touches ON lasting.as_of = case_touches.as_of AND lasting.customer_id = case_touches.customer_id
ORDER BY lasting.as_of, lasting.case_id, lasting.interval_no
