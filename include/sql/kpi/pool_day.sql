-- What came of the grab pool of finished days, and of the allocated cases beside it. Grain: day x basis x queue.
-- assignment and treatment are those of the finished days; grabs (day x customer: minutes until the grab) is from ops.
WITH received AS (
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
        assignment.as_of,
        assignment.customer_id,
        assignment.queue,
        assignment.collector_id,
        SUM(COALESCE(treatment.overdue_amount, 0)) AS overdue_amount,
        SUM(COALESCE(received.amount, 0)) AS paid_amount
    FROM assignment
    LEFT JOIN treatment ON assignment.as_of = treatment.as_of AND assignment.customer_id = treatment.customer_id
    LEFT JOIN received ON treatment.as_of = received.value_date AND treatment.contract_id = received.contract_id
    GROUP BY assignment.as_of, assignment.customer_id, assignment.queue, assignment.collector_id
),

judged AS (
    SELECT
        case_money.as_of,
        case_money.queue,
        case_money.overdue_amount,
        LEAST(case_money.paid_amount, case_money.overdue_amount) AS recovered_amount,
        case_money.collector_id IS NULL AS offered,
        case_money.collector_id IS NULL AND grabs.customer_id IS NOT NULL AS grabbed,
        grabs.minutes
    FROM case_money
    LEFT JOIN grabs ON case_money.as_of = grabs.as_of AND case_money.customer_id = grabs.customer_id
)

SELECT
    as_of,
    CAST($basis AS VARCHAR) AS basis,
    queue,
    COUNT(CASE WHEN offered THEN 1 END) AS offered_cases,
    COUNT(CASE WHEN grabbed THEN 1 END) AS grabbed_cases,
    COUNT(CASE WHEN offered AND NOT grabbed THEN 1 END) AS expired_cases,
    CAST(SUM(CASE WHEN grabbed THEN minutes ELSE 0 END) AS BIGINT) AS grab_minutes,
    CAST(SUM(CASE WHEN offered THEN overdue_amount ELSE 0 END) AS DECIMAL(18, 2)) AS offered_amount,
    CAST(SUM(CASE WHEN grabbed THEN overdue_amount ELSE 0 END) AS DECIMAL(18, 2)) AS grabbed_amount,
    CAST(SUM(CASE WHEN grabbed THEN recovered_amount ELSE 0 END) AS DECIMAL(18, 2)) AS grabbed_recovered_amount,
    COUNT(CASE WHEN NOT offered THEN 1 END) AS allocated_cases,
    CAST(SUM(CASE WHEN NOT offered THEN overdue_amount ELSE 0 END) AS DECIMAL(18, 2)) AS allocated_amount,
    CAST(SUM(CASE WHEN NOT offered THEN recovered_amount ELSE 0 END) AS DECIMAL(18, 2)) AS allocated_recovered_amount,
    CAST($as_of AS DATE) AS known_as_of
FROM judged
GROUP BY as_of, queue
ORDER BY as_of, queue
