-- The pauses of each contract up to $as_of, put together: days under several holds are in one row. from_day is the
-- first paused day, to_day the day after the last. A hold that ends before it starts pauses nothing.
WITH given AS (
    SELECT
        contract_id,
        start_date AS from_day,
        LEAST(COALESCE(end_date, $as_of), $as_of) AS to_day
    FROM holds
    WHERE kind = 'pause' AND start_date < LEAST(COALESCE(end_date, $as_of), $as_of)
),

reached AS (
    SELECT
        contract_id,
        from_day,
        to_day,
        MAX(to_day) OVER (
            PARTITION BY contract_id ORDER BY from_day, to_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS paused_until
    FROM given
),

numbered AS (
    SELECT
        contract_id,
        from_day,
        to_day,
        SUM(CASE WHEN paused_until >= from_day THEN 0 ELSE 1 END) OVER (
            PARTITION BY contract_id ORDER BY from_day, to_day ROWS UNBOUNDED PRECEDING
        ) AS pause_no
    FROM reached
)

SELECT
    contract_id,
    MIN(from_day) AS from_day,
    MAX(to_day) AS to_day
FROM numbered
GROUP BY contract_id, pause_no
