-- What came of the grab pool of finished days, and of the allocated cases beside it. Grain: day x basis x queue.
-- case_credit has the money and contacts of a case, whosever it is; grabs (day x customer: minutes until the grab) is
-- from ops.
WITH judged AS (
    SELECT
        case_credit.as_of,
        case_credit.queue,
        case_credit.overdue_amount,
        case_credit.recovered_amount,
        case_credit.cured = 1 AS cured,
        case_credit.contacts,
        case_credit.opening_collector_id IS NULL AS offered,
        case_credit.opening_collector_id IS NULL AND grabs.customer_id IS NOT NULL AS grabbed,
        grabs.minutes
    FROM case_credit
    LEFT JOIN grabs ON case_credit.as_of = grabs.as_of AND case_credit.customer_id = grabs.customer_id
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
