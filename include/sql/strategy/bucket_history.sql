-- The bucket of every contract on every day up to $as_of that it was in the book, from the ledger alone: a row is a
-- run of days (from_day to to_day, both included) with the same bucket and the same oldest unmet due date.
-- Days past due on a day X of a row are X - oldest_due_date.
--
-- While the oldest unmet item stays the same, days are counted from its due date, but for grace and pauses: between two
-- pauses a bucket is entered a known number of days later; in a pause the count stands still.
WITH breaks AS (
    SELECT
        scope.contract_no,
        pauses.from_day,
        pauses.to_day
    FROM pauses
    INNER JOIN scope ON pauses.contract_id = scope.contract_id
),

-- A run is cut where a pause ends: there the count goes on, with more paused days behind it.
cuts AS (
    SELECT
        contract_no,
        oldest_due_date,
        unmet,
        from_day,
        until
    FROM oldest_unmet
    UNION ALL
    SELECT
        oldest_unmet.contract_no,
        oldest_unmet.oldest_due_date,
        oldest_unmet.unmet,
        breaks.to_day AS from_day,
        oldest_unmet.until
    FROM oldest_unmet
    INNER JOIN breaks
        ON
            oldest_unmet.contract_no = breaks.contract_no
            AND oldest_unmet.from_day < breaks.to_day
            AND breaks.to_day < oldest_unmet.until
),

-- Days of pauses between the due date and the begin, and the pause that comes next, or lasts already.
paused AS (
    SELECT
        cuts.contract_no,
        cuts.from_day,
        SUM(
            GREATEST(
                0,
                DATE_DIFF(
                    'day', GREATEST(breaks.from_day, cuts.oldest_due_date), LEAST(breaks.to_day, cuts.from_day)
                )
            )
        ) AS days,
        MIN(CASE WHEN breaks.to_day > cuts.from_day THEN breaks.from_day END) AS next_from,
        MIN(CASE WHEN breaks.to_day > cuts.from_day THEN breaks.to_day END) AS next_to
    FROM cuts
    INNER JOIN breaks
        ON
            cuts.contract_no = breaks.contract_no
            AND breaks.from_day < cuts.until
            AND breaks.to_day > cuts.oldest_due_date
    GROUP BY cuts.contract_no, cuts.from_day
),

-- From from_day the count goes on by a day a day until before stands_from, then stands still until before `until`.
parts AS (
    SELECT
        cuts.contract_no,
        cuts.oldest_due_date,
        cuts.unmet,
        cuts.from_day,
        $grace_days + COALESCE(paused.days, 0) AS not_counted,
        CASE
            WHEN paused.next_from IS NULL THEN cuts.until
            ELSE LEAST(cuts.until, CAST(GREATEST(paused.next_from, cuts.from_day) + INTERVAL 1 DAY AS DATE))
        END AS stands_from,
        LEAST(cuts.until, COALESCE(paused.next_to, cuts.until)) AS until
    FROM cuts
    LEFT JOIN paused ON cuts.contract_no = paused.contract_no AND cuts.from_day = paused.from_day
),

entries AS (
    SELECT
        parts.contract_no,
        parts.oldest_due_date,
        parts.from_day,
        parts.stands_from,
        parts.until,
        buckets.bucket_no,
        CASE
            WHEN buckets.bucket_no = 0 THEN parts.from_day
            ELSE
                CAST(
                    parts.oldest_due_date
                    + INTERVAL 1 MONTH * buckets.from_months
                    + INTERVAL 1 DAY * (buckets.from_days + parts.not_counted) AS DATE
                )
        END AS enters,
        CASE
            WHEN buckets.to_days IS NULL THEN parts.stands_from
            ELSE
                CAST(
                    parts.oldest_due_date
                    + INTERVAL 1 MONTH * buckets.to_months
                    + INTERVAL 1 DAY * (buckets.to_days + parts.not_counted) AS DATE
                )
        END AS leaves
    FROM parts
    INNER JOIN buckets
        ON parts.unmet >= buckets.from_unmet AND (buckets.to_unmet IS NULL OR parts.unmet <= buckets.to_unmet)
),

-- In front of each contract's rows an empty one on its first day in the book.
bucketed AS (
    SELECT
        contract_no,
        oldest_due_date,
        bucket_no,
        GREATEST(from_day, enters) AS from_day,
        CASE WHEN leaves >= stands_from THEN until ELSE leaves END AS until
    FROM entries
    WHERE enters < stands_from AND leaves > from_day
    UNION ALL
    SELECT
        contract_no,
        NULL AS oldest_due_date,
        0 AS bucket_no,
        book_from AS from_day,
        book_from AS until
    FROM scope
),

followed AS (
    SELECT
        contract_no,
        oldest_due_date,
        bucket_no,
        from_day,
        LAG(until) OVER in_time AS last_until,
        MAX(until) OVER (PARTITION BY contract_no) AS final_until,
        COALESCE(
            bucket_no = LAG(bucket_no) OVER in_time
            AND oldest_due_date = LAG(oldest_due_date) OVER in_time
            AND from_day = LAG(until) OVER in_time,
            FALSE
        ) AS same
    FROM bucketed
    WINDOW in_time AS (PARTITION BY contract_no ORDER BY from_day, until)
),

-- A payment, a pause or another number of unmet instalments may have left all as it was: a run lasts until another
-- begins, or until what is before that.
runs AS (
    SELECT
        contract_no,
        oldest_due_date,
        bucket_no,
        from_day,
        COALESCE(LEAD(last_until) OVER in_time, final_until) AS until,
        LEAD(from_day) OVER in_time AS next_from
    FROM followed
    WHERE NOT same
    WINDOW in_time AS (PARTITION BY contract_no ORDER BY from_day, oldest_due_date NULLS FIRST)
),

-- Between two runs, and before and after them, a contract has no unmet item.
rows_of_days AS (
    SELECT
        contract_no,
        oldest_due_date,
        bucket_no,
        from_day,
        until
    FROM runs
    WHERE oldest_due_date IS NOT NULL
    UNION ALL
    SELECT
        runs.contract_no,
        NULL AS oldest_due_date,
        0 AS bucket_no,
        runs.until AS from_day,
        COALESCE(
            runs.next_from,
            LEAST(
                COALESCE(scope.book_to, CAST($as_of + INTERVAL 1 DAY AS DATE)), CAST($as_of + INTERVAL 1 DAY AS DATE)
            )
        ) AS until
    FROM runs
    INNER JOIN scope ON runs.contract_no = scope.contract_no
)

SELECT
    scope.contract_id,
    rows_of_days.from_day,
    CAST(rows_of_days.until - INTERVAL 1 DAY AS DATE) AS to_day,
    rows_of_days.oldest_due_date,
    buckets.bucket_no,
    buckets.bucket,
    buckets.class
FROM rows_of_days
INNER JOIN scope ON rows_of_days.contract_no = scope.contract_no
INNER JOIN buckets ON rows_of_days.bucket_no = buckets.bucket_no
WHERE rows_of_days.from_day < rows_of_days.until
ORDER BY scope.contract_id, rows_of_days.from_day
