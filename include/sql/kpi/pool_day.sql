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
        SUM(COALESCE(received.amount, 0)) AS paid_amount,
        MIN(
            CASE
                WHEN treatment.contract_id IS NOT NULL AND COALESCE(received.amount, 0) >= treatment.overdue_amount
                    THEN 1
                ELSE 0
            END
        ) AS cured
    FROM assignment
    LEFT JOIN treatment ON assignment.as_of = treatment.as_of AND assignment.customer_id = treatment.customer_id
    LEFT JOIN received ON treatment.as_of = received.value_date AND treatment.contract_id = received.contract_id
    GROUP BY assignment.as_of, assignment.customer_id, assignment.queue, assignment.collector_id
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
),

judged AS (
    SELECT
        case_money.as_of,
        case_money.queue,
        case_money.overdue_amount,
        LEAST(case_money.paid_amount, case_money.overdue_amount) AS recovered_amount,
        case_money.cured = 1 AS cured,
        COALESCE(case_touches.contacts, 0) AS contacts,
        case_money.collector_id IS NULL AS offered,
        case_money.collector_id IS NULL AND grabs.customer_id IS NOT NULL AS grabbed,
        grabs.minutes
    FROM case_money
    LEFT JOIN grabs ON case_money.as_of = grabs.as_of AND case_money.customer_id = grabs.customer_id
    LEFT JOIN case_touches
        ON case_money.as_of = case_touches.as_of AND case_money.customer_id = case_touches.customer_id
),

-- Nearest rank: the smallest time within which at least that share of the grabbed cases was grabbed.
waited AS (
    SELECT
        as_of,
        queue,
        minutes,
        ROW_NUMBER() OVER (PARTITION BY as_of, queue ORDER BY minutes) AS place,
        COUNT(*) OVER (PARTITION BY as_of, queue) AS places
    FROM judged
    WHERE grabbed
),

waits AS (
    SELECT
        as_of,
        queue,
        MIN(CASE WHEN place * 2 >= places THEN minutes END) AS median_minutes,
        MIN(CASE WHEN place * 10 >= places * 9 THEN minutes END) AS p90_minutes
    FROM waited
    GROUP BY as_of, queue
),

counted AS (
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
        CAST(
            SUM(CASE WHEN NOT offered THEN recovered_amount ELSE 0 END) AS DECIMAL(18, 2)
        ) AS allocated_recovered_amount,
        COUNT(CASE WHEN grabbed AND contacts > 0 THEN 1 END) AS grabbed_touched_cases,
        CAST(SUM(CASE WHEN grabbed THEN contacts ELSE 0 END) AS BIGINT) AS grabbed_contacts,
        COUNT(CASE WHEN grabbed AND cured THEN 1 END) AS grabbed_cured_cases,
        COUNT(CASE WHEN NOT offered AND contacts > 0 THEN 1 END) AS allocated_touched_cases,
        CAST(SUM(CASE WHEN NOT offered THEN contacts ELSE 0 END) AS BIGINT) AS allocated_contacts,
        COUNT(CASE WHEN NOT offered AND cured THEN 1 END) AS allocated_cured_cases
    FROM judged
    GROUP BY as_of, queue
)

SELECT
    counted.as_of,
    counted.basis,
    counted.queue,
    counted.offered_cases,
    counted.grabbed_cases,
    counted.expired_cases,
    counted.grab_minutes,
    counted.offered_amount,
    counted.grabbed_amount,
    counted.grabbed_recovered_amount,
    counted.allocated_cases,
    counted.allocated_amount,
    counted.allocated_recovered_amount,
    counted.grabbed_touched_cases,
    counted.grabbed_contacts,
    counted.grabbed_cured_cases,
    counted.allocated_touched_cases,
    counted.allocated_contacts,
    counted.allocated_cured_cases,
    waits.median_minutes AS grab_minutes_median,
    waits.p90_minutes AS grab_minutes_p90,
    CAST($as_of AS DATE) AS known_as_of
FROM counted
LEFT JOIN waits ON counted.as_of = waits.as_of AND counted.queue = waits.queue
ORDER BY counted.as_of, counted.queue
