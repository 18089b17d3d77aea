-- One side's load per queue: its cases, how many each of those at work for it gets, and what is left to the pool.
-- Somebody who is trained for several queues counts in each of them, with all of his capacity.
WITH staff AS (
    SELECT
        queue,
        COUNT(*) AS collectors,
        SUM(capacity) AS capacity,
        SUM(CASE WHEN capacity IS NULL THEN 1 ELSE 0 END) AS unlimited,
        SUM(LEAST(daily_quota, capacity)) AS quota,
        SUM(CASE WHEN LEAST(daily_quota, capacity) IS NULL THEN 1 ELSE 0 END) AS without_quota
    FROM roster
    GROUP BY queue
),

given AS (
    SELECT
        roster.queue,
        roster.collector_id,
        COUNT(assignment.customer_id) AS cases
    FROM roster
    LEFT JOIN assignment ON roster.queue = assignment.queue AND roster.collector_id = assignment.collector_id
    GROUP BY roster.queue, roster.collector_id
),

spread AS (
    SELECT
        queue,
        MIN(cases) AS fewest,
        MAX(cases) AS most
    FROM given
    GROUP BY queue
),

owed AS (
    SELECT
        customer_id,
        CASE WHEN currency = $main_currency THEN overdue_amount ELSE 0 END AS overdue_amount
    FROM case_side
),

work AS (
    SELECT
        assignment.queue,
        COUNT(*) AS cases,
        COUNT(assignment.collector_id) AS assigned,
        SUM(owed.overdue_amount) AS overdue_amount
    FROM assignment
    INNER JOIN owed ON assignment.customer_id = owed.customer_id
    GROUP BY assignment.queue
)

SELECT
    COALESCE(work.queue, staff.queue) AS queue,
    COALESCE(work.cases, 0) AS cases,
    COALESCE(work.assigned, 0) AS assigned,
    COALESCE(work.cases - work.assigned, 0) AS pool,
    CAST(COALESCE(work.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    COALESCE(staff.collectors, 0) AS collectors,
    -- unlimited when anybody of the queue is
    CASE WHEN staff.unlimited > 0 THEN NULL ELSE CAST(COALESCE(staff.capacity, 0) AS BIGINT) END AS capacity,
    CASE WHEN staff.without_quota > 0 THEN NULL ELSE CAST(COALESCE(staff.quota, 0) AS BIGINT) END AS quota,
    COALESCE(spread.fewest, 0) AS fewest,
    COALESCE(spread.most, 0) AS most
FROM work
FULL OUTER JOIN staff ON work.queue = staff.queue
LEFT JOIN spread ON COALESCE(work.queue, staff.queue) = spread.queue
ORDER BY queue
