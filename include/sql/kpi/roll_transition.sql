-- Cohorts between one month end and the next: of what was in a bucket, how much is where a month later.
-- Grain: month end (the later one) x basis x product x currency x from bucket x to bucket. From 'new': came into the
-- book in between; to 'closed', 'written_off' or 'left': left it. Reads month_end_state, of which it is the end.
WITH followed AS (
    SELECT
        month_ends.slot,
        month_end_state.product,
        month_end_state.currency,
        month_end_state.bucket_no,
        month_end_state.balance,
        month_end_state.leaves_as,
        LEAD(month_ends.slot) OVER months AS next_slot,
        LEAD(month_end_state.bucket_no) OVER months AS next_bucket_no,
        LEAD(month_end_state.balance) OVER months AS next_balance,
        LAG(month_ends.slot) OVER months AS earlier_slot
    FROM month_end_state
    INNER JOIN month_ends ON month_end_state.month_end = month_ends.month_end
    WINDOW months AS (PARTITION BY month_end_state.contract_id ORDER BY month_ends.slot)
),

grouped AS (
    SELECT
        slot,
        product,
        currency,
        bucket_no,
        CASE WHEN next_slot = slot + 1 THEN next_bucket_no END AS next_bucket_no,
        CASE
            WHEN next_slot = slot + 1 THEN 'stays'
            ELSE COALESCE(leaves_as, 'left')
        END AS end_state,
        COALESCE(earlier_slot, 0) <> slot - 1 AS is_new,
        COUNT(*) AS contracts,
        SUM(balance) AS balance,
        SUM(CASE WHEN next_slot = slot + 1 THEN next_balance ELSE 0 END) AS next_balance
    FROM followed
    GROUP BY ALL
),

transitions AS (
    SELECT
        slot + 1 AS slot,
        product,
        currency,
        bucket_no AS from_bucket_no,
        next_bucket_no AS to_bucket_no,
        NULL AS from_name,
        CASE WHEN end_state <> 'stays' THEN end_state END AS to_name,
        contracts,
        balance AS from_balance,
        next_balance AS to_balance
    FROM grouped
    UNION ALL
    SELECT
        slot,
        product,
        currency,
        NULL AS from_bucket_no,
        bucket_no AS to_bucket_no,
        'new' AS from_name,
        NULL AS to_name,
        contracts,
        0 AS from_balance,
        balance AS to_balance
    FROM grouped
    WHERE is_new
)

SELECT
    ends.month_end AS as_of,
    CAST($basis AS VARCHAR) AS basis,
    transitions.product,
    transitions.currency,
    COALESCE(transitions.from_name, from_buckets.bucket) AS from_bucket,
    COALESCE(transitions.to_name, to_buckets.bucket) AS to_bucket,
    starts.month_end AS from_month_end,
    CAST(SUM(transitions.contracts) AS BIGINT) AS contracts,
    CAST(SUM(transitions.from_balance) AS DECIMAL(18, 2)) AS from_balance,
    CAST(SUM(transitions.to_balance) AS DECIMAL(18, 2)) AS to_balance,
    CAST($as_of AS DATE) AS known_as_of
FROM transitions
INNER JOIN month_ends AS ends ON transitions.slot = ends.slot
INNER JOIN month_ends AS starts ON transitions.slot = starts.slot + 1
LEFT JOIN buckets AS from_buckets ON transitions.from_bucket_no = from_buckets.bucket_no
LEFT JOIN buckets AS to_buckets ON transitions.to_bucket_no = to_buckets.bucket_no
GROUP BY
    ends.month_end,
    transitions.product,
    transitions.currency,
    COALESCE(transitions.from_name, from_buckets.bucket),
    COALESCE(transitions.to_name, to_buckets.bucket),
    starts.month_end
ORDER BY as_of, basis, product, currency, from_bucket, to_bucket
