-- Cohorts between one month end and the next: of what was in a bucket, how much is where a month later.
-- Grain: month end (the later one) x basis x product x currency x from bucket x to bucket. From 'new': came into the
-- book in between; to 'closed', 'written_off' or 'left': left it. Reads month_end_state (or month_end_snapshot under
-- that name), of which it is the end. month_ends are the ends that are known; two in a row make a cohort.
WITH followed AS (
    SELECT
        month_ends.slot,
        month_end_state.product,
        month_end_state.currency,
        month_end_state.leaves_as,
        CASE month_ends.slot
            WHEN 1 THEN month_end_state.bucket_no_1
            WHEN 2 THEN month_end_state.bucket_no_2
            WHEN 3 THEN month_end_state.bucket_no_3
            WHEN 4 THEN month_end_state.bucket_no_4
            WHEN 5 THEN month_end_state.bucket_no_5
            WHEN 6 THEN month_end_state.bucket_no_6
            WHEN 7 THEN month_end_state.bucket_no_7
            WHEN 8 THEN month_end_state.bucket_no_8
            WHEN 9 THEN month_end_state.bucket_no_9
            WHEN 10 THEN month_end_state.bucket_no_10
            WHEN 11 THEN month_end_state.bucket_no_11
            WHEN 12 THEN month_end_state.bucket_no_12
        END AS from_bucket_no,
        CASE month_ends.slot
            WHEN 1 THEN month_end_state.bucket_no_2
            WHEN 2 THEN month_end_state.bucket_no_3
            WHEN 3 THEN month_end_state.bucket_no_4
            WHEN 4 THEN month_end_state.bucket_no_5
            WHEN 5 THEN month_end_state.bucket_no_6
            WHEN 6 THEN month_end_state.bucket_no_7
            WHEN 7 THEN month_end_state.bucket_no_8
            WHEN 8 THEN month_end_state.bucket_no_9
            WHEN 9 THEN month_end_state.bucket_no_10
            WHEN 10 THEN month_end_state.bucket_no_11
            WHEN 11 THEN month_end_state.bucket_no_12
            WHEN 12 THEN month_end_state.bucket_no_13
        END AS to_bucket_no,
        CASE month_ends.slot
            WHEN 1 THEN month_end_state.balance_1
            WHEN 2 THEN month_end_state.balance_2
            WHEN 3 THEN month_end_state.balance_3
            WHEN 4 THEN month_end_state.balance_4
            WHEN 5 THEN month_end_state.balance_5
            WHEN 6 THEN month_end_state.balance_6
            WHEN 7 THEN month_end_state.balance_7
            WHEN 8 THEN month_end_state.balance_8
            WHEN 9 THEN month_end_state.balance_9
            WHEN 10 THEN month_end_state.balance_10
            WHEN 11 THEN month_end_state.balance_11
            WHEN 12 THEN month_end_state.balance_12
        END AS from_balance,
        CASE month_ends.slot
            WHEN 1 THEN month_end_state.balance_2
            WHEN 2 THEN month_end_state.balance_3
            WHEN 3 THEN month_end_state.balance_4
            WHEN 4 THEN month_end_state.balance_5
            WHEN 5 THEN month_end_state.balance_6
            WHEN 6 THEN month_end_state.balance_7
            WHEN 7 THEN month_end_state.balance_8
            WHEN 8 THEN month_end_state.balance_9
            WHEN 9 THEN month_end_state.balance_10
            WHEN 10 THEN month_end_state.balance_11
            WHEN 11 THEN month_end_state.balance_12
            WHEN 12 THEN month_end_state.balance_13
        END AS to_balance
    FROM month_end_state
    CROSS JOIN month_ends
),

transitions AS (
    SELECT
        slot,
        product,
        currency,
        from_bucket_no,
        to_bucket_no,
        CASE WHEN to_bucket_no IS NULL THEN COALESCE(leaves_as, 'left') END AS left_as,
        COUNT(*) AS contracts,
        SUM(CASE WHEN from_bucket_no IS NULL THEN 0 ELSE from_balance END) AS from_balance,
        SUM(CASE WHEN to_bucket_no IS NULL THEN 0 ELSE to_balance END) AS to_balance
    FROM followed
    WHERE from_bucket_no IS NOT NULL OR to_bucket_no IS NOT NULL
    GROUP BY
        slot,
        product,
        currency,
        from_bucket_no,
        to_bucket_no,
        CASE WHEN to_bucket_no IS NULL THEN COALESCE(leaves_as, 'left') END
)

SELECT
    ends.month_end AS as_of,
    CAST($basis AS VARCHAR) AS basis,
    transitions.product,
    transitions.currency,
    COALESCE(from_buckets.bucket, 'new') AS from_bucket,
    COALESCE(to_buckets.bucket, transitions.left_as) AS to_bucket,
    starts.month_end AS from_month_end,
    transitions.contracts,
    CAST(transitions.from_balance AS DECIMAL(18, 2)) AS from_balance,
    CAST(transitions.to_balance AS DECIMAL(18, 2)) AS to_balance,
    CAST($as_of AS DATE) AS known_as_of
FROM transitions
INNER JOIN month_ends AS starts ON transitions.slot = starts.slot
INNER JOIN month_ends AS ends ON transitions.slot + 1 = ends.slot
LEFT JOIN buckets AS from_buckets ON transitions.from_bucket_no = from_buckets.bucket_no
LEFT JOIN buckets AS to_buckets ON transitions.to_bucket_no = to_buckets.bucket_no
ORDER BY as_of, basis, transitions.product, transitions.currency, from_bucket, to_bucket
