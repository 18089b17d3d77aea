-- The bucket of every contract on every day up to $as_of that it was in the book, from the ledger alone: a row is a
-- run of days (from_day to to_day, both included) with the same bucket and the same oldest unmet due date.
-- Days past due on a day X of a row are X - oldest_due_date.
--
-- Of a contract's items the oldest unmet one is the first that needs more than was paid. While it stays the same, days
-- are counted from its due date, but for grace and pauses: between two pauses a bucket is entered a known number of
-- days later; in a pause the count stands still.
WITH thresholds AS (
    SELECT
        contract_id,
        due_date,
        item_no,
        needed,
        LAG(needed) OVER (PARTITION BY contract_id ORDER BY item_no) AS needed_before
    FROM needs
),

located AS (
    SELECT
        arrears_states.contract_id,
        arrears_states.on_day,
        arrears_states.until,
        thresholds.due_date AS oldest_due_date,
        CASE WHEN $by_installments THEN arrears_states.items_due - thresholds.item_no + 1 ELSE 0 END AS unmet
    FROM arrears_states
    INNER JOIN thresholds
        ON
            arrears_states.contract_id = thresholds.contract_id
            AND arrears_states.paid < thresholds.needed
            AND (thresholds.needed_before IS NULL OR arrears_states.paid >= thresholds.needed_before)
    WHERE arrears_states.in_arrears
    UNION ALL
    SELECT
        contract_id,
        on_day,
        until,
        NULL AS oldest_due_date,
        0 AS unmet
    FROM arrears_states
    WHERE NOT in_arrears
),

changes AS (
    SELECT
        contract_id,
        on_day,
        until,
        oldest_due_date,
        unmet,
        CASE
            WHEN
                COALESCE(oldest_due_date = LAG(oldest_due_date) OVER in_time, FALSE)
                OR (
                    oldest_due_date IS NULL
                    AND LAG(on_day) OVER in_time IS NOT NULL
                    AND LAG(oldest_due_date) OVER in_time IS NULL
                )
                THEN CASE WHEN unmet = LAG(unmet) OVER in_time THEN 0 ELSE 1 END
            ELSE 1
        END AS change
    FROM located
    WINDOW in_time AS (PARTITION BY contract_id ORDER BY on_day)
),

numbered AS (
    SELECT
        contract_id,
        on_day,
        until,
        oldest_due_date,
        unmet,
        SUM(change) OVER (PARTITION BY contract_id ORDER BY on_day ROWS UNBOUNDED PRECEDING) AS run_no
    FROM changes
),

-- One oldest unmet due date (NULL: none) and one number of unmet items.
runs AS (
    SELECT
        contract_id,
        oldest_due_date,
        unmet,
        MIN(on_day) AS on_day,
        MAX(until) AS until
    FROM numbered
    GROUP BY contract_id, run_no, oldest_due_date, unmet
),

late AS (
    SELECT
        contract_id,
        oldest_due_date,
        unmet,
        on_day,
        until
    FROM runs
    WHERE oldest_due_date IS NOT NULL
),

-- A run is cut where a pause ends: there the count goes on, with more paused days behind it.
cuts AS (
    SELECT
        contract_id,
        oldest_due_date,
        unmet,
        on_day AS from_day,
        until
    FROM late
    UNION ALL
    SELECT
        late.contract_id,
        late.oldest_due_date,
        late.unmet,
        pauses.to_day AS from_day,
        late.until
    FROM late
    INNER JOIN pauses
        ON
            late.contract_id = pauses.contract_id
            AND late.on_day < pauses.to_day
            AND pauses.to_day < late.until
),

-- Days of pauses between the due date and the begin, and the pause that comes next, or lasts already.
paused AS (
    SELECT
        cuts.contract_id,
        cuts.from_day,
        SUM(
            GREATEST(
                0,
                DATE_DIFF(
                    'day', GREATEST(pauses.from_day, cuts.oldest_due_date), LEAST(pauses.to_day, cuts.from_day)
                )
            )
        ) AS days,
        MIN(CASE WHEN pauses.to_day > cuts.from_day THEN pauses.from_day END) AS next_from,
        MIN(CASE WHEN pauses.to_day > cuts.from_day THEN pauses.to_day END) AS next_to
    FROM cuts
    INNER JOIN pauses
        ON
            cuts.contract_id = pauses.contract_id
            AND pauses.from_day < cuts.until
            AND pauses.to_day > cuts.oldest_due_date
    GROUP BY cuts.contract_id, cuts.from_day
),

-- From from_day the count goes on by a day a day until before stands_from, then stands still until before `until`.
parts AS (
    SELECT
        cuts.contract_id,
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
    LEFT JOIN paused ON cuts.contract_id = paused.contract_id AND cuts.from_day = paused.from_day
),

entries AS (
    SELECT
        parts.contract_id,
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

bucketed AS (
    SELECT
        contract_id,
        oldest_due_date,
        bucket_no,
        GREATEST(from_day, enters) AS from_day,
        CASE WHEN leaves >= stands_from THEN until ELSE leaves END AS until
    FROM entries
    WHERE enters < stands_from AND leaves > from_day
    UNION ALL
    SELECT
        contract_id,
        oldest_due_date,
        0 AS bucket_no,
        on_day AS from_day,
        until
    FROM runs
    WHERE oldest_due_date IS NULL
),

-- A pause, or another number of unmet instalments, may have left the bucket as it was.
bucket_changes AS (
    SELECT
        contract_id,
        oldest_due_date,
        bucket_no,
        from_day,
        until,
        CASE
            WHEN
                bucket_no = LAG(bucket_no) OVER in_time
                AND COALESCE(oldest_due_date = LAG(oldest_due_date) OVER in_time, FALSE)
                THEN 0
            ELSE 1
        END AS change
    FROM bucketed
    WINDOW in_time AS (PARTITION BY contract_id ORDER BY from_day)
),

bucket_runs AS (
    SELECT
        contract_id,
        oldest_due_date,
        bucket_no,
        from_day,
        until,
        SUM(change) OVER (PARTITION BY contract_id ORDER BY from_day ROWS UNBOUNDED PRECEDING) AS run_no
    FROM bucket_changes
),

rows_of_days AS (
    SELECT
        contract_id,
        bucket_no,
        oldest_due_date,
        MIN(from_day) AS from_day,
        CAST(MAX(until) - INTERVAL 1 DAY AS DATE) AS to_day
    FROM bucket_runs
    GROUP BY contract_id, run_no, bucket_no, oldest_due_date
)

SELECT
    rows_of_days.contract_id,
    rows_of_days.from_day,
    rows_of_days.to_day,
    rows_of_days.oldest_due_date,
    rows_of_days.bucket_no,
    buckets.bucket,
    buckets.class
FROM rows_of_days
INNER JOIN buckets ON rows_of_days.bucket_no = buckets.bucket_no
ORDER BY rows_of_days.contract_id, rows_of_days.from_day
