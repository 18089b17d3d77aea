-- The spells of every contract up to $as_of, out of its bucket history: when each was entered and over, how it was
-- over, how bad it got, and how often in it the days past due rose to 30, 60 and 90. A write-off ends it, unless the
-- recovery book is worked.
-- How long a run of arrears lasts, and the days past due at its begin and end, are in the rows of the history.
WITH days AS (
    SELECT
        contract_id,
        from_day,
        to_day,
        bucket_no,
        DATE_DIFF('day', oldest_due_date, from_day) AS days_at_begin,
        DATE_DIFF('day', oldest_due_date, to_day) AS days_at_end
    FROM bucket_history
    WHERE oldest_due_date IS NOT NULL
),

marked AS (
    SELECT
        contract_id,
        from_day,
        to_day,
        bucket_no,
        days_at_begin,
        days_at_end,
        LAG(to_day) OVER in_time IS NULL
        OR LAG(to_day) OVER in_time < CAST(from_day - INTERVAL 1 DAY AS DATE) AS entry,
        LAG(days_at_end) OVER in_time AS days_before
    FROM days
    WINDOW in_time AS (PARTITION BY contract_id ORDER BY from_day)
),

-- Risen to n in a row: it ends with n or more, and neither was n reached the day before nor is it from the begin.
numbered AS (
    SELECT
        contract_id,
        from_day,
        to_day,
        bucket_no,
        days_at_begin,
        days_at_end,
        SUM(CASE WHEN entry THEN 1 ELSE 0 END) OVER (
            PARTITION BY contract_id ORDER BY from_day ROWS UNBOUNDED PRECEDING
        ) AS spell_no,
        CASE WHEN entry THEN 0 ELSE days_before END AS days_before
    FROM marked
),

spells AS (
    SELECT
        contract_id,
        spell_no,
        MIN(from_day) AS entered_on,
        MAX(to_day) AS last_day,
        MAX(days_at_end) AS worst_days_past_due,
        MAX(bucket_no) AS worst_bucket_no,
        SUM(CASE WHEN days_at_end >= 30 AND (days_at_begin < 30 OR days_before < 30) THEN 1 ELSE 0 END) AS times_30,
        SUM(CASE WHEN days_at_end >= 60 AND (days_at_begin < 60 OR days_before < 60) THEN 1 ELSE 0 END) AS times_60,
        SUM(CASE WHEN days_at_end >= 90 AND (days_at_begin < 90 OR days_before < 90) THEN 1 ELSE 0 END) AS times_90
    FROM numbered
    GROUP BY contract_id, spell_no
),

-- What happens on the day after the last one ends the spell.
ended AS (
    SELECT
        spells.*,
        CASE WHEN spells.last_day < $as_of THEN CAST(spells.last_day + INTERVAL 1 DAY AS DATE) END AS exited_on
    FROM spells
)

SELECT
    ended.contract_id,
    contracts.customer_id,
    CAST(ended.spell_no AS INTEGER) AS spell_no,
    ended.entered_on,
    ended.exited_on,
    CASE
        WHEN ended.exited_on IS NULL THEN NULL
        WHEN NOT $recovery_worked AND contracts.written_off_on <= ended.exited_on THEN 'written_off'
        WHEN contracts.closed_on <= ended.exited_on THEN 'closed'
        ELSE 'cured'
    END AS exited_as,
    CAST(DATE_DIFF('day', ended.entered_on, ended.last_day) + 1 AS INTEGER) AS days,
    CAST(ended.worst_days_past_due AS INTEGER) AS worst_days_past_due,
    buckets.bucket_no AS worst_bucket_no,
    buckets.bucket AS worst_bucket,
    CAST(ended.times_30 AS INTEGER) AS times_30,
    CAST(ended.times_60 AS INTEGER) AS times_60,
    CAST(ended.times_90 AS INTEGER) AS times_90
FROM ended
INNER JOIN contracts ON ended.contract_id = contracts.contract_id
INNER JOIN buckets ON ended.worst_bucket_no = buckets.bucket_no
ORDER BY ended.contract_id, ended.spell_no
