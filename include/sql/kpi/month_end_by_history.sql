-- The same as month_end_state, with the buckets of the bucket history: for buckets that count unmet instalments.
WITH buckets_then AS (
    SELECT
        bucket_history.contract_id,
        MAX(CASE WHEN month_ends.slot = 1 THEN bucket_history.bucket_no END) AS bucket_no_1,
        MAX(CASE WHEN month_ends.slot = 2 THEN bucket_history.bucket_no END) AS bucket_no_2,
        MAX(CASE WHEN month_ends.slot = 3 THEN bucket_history.bucket_no END) AS bucket_no_3,
        MAX(CASE WHEN month_ends.slot = 4 THEN bucket_history.bucket_no END) AS bucket_no_4,
        MAX(CASE WHEN month_ends.slot = 5 THEN bucket_history.bucket_no END) AS bucket_no_5,
        MAX(CASE WHEN month_ends.slot = 6 THEN bucket_history.bucket_no END) AS bucket_no_6,
        MAX(CASE WHEN month_ends.slot = 7 THEN bucket_history.bucket_no END) AS bucket_no_7,
        MAX(CASE WHEN month_ends.slot = 8 THEN bucket_history.bucket_no END) AS bucket_no_8,
        MAX(CASE WHEN month_ends.slot = 9 THEN bucket_history.bucket_no END) AS bucket_no_9,
        MAX(CASE WHEN month_ends.slot = 10 THEN bucket_history.bucket_no END) AS bucket_no_10,
        MAX(CASE WHEN month_ends.slot = 11 THEN bucket_history.bucket_no END) AS bucket_no_11,
        MAX(CASE WHEN month_ends.slot = 12 THEN bucket_history.bucket_no END) AS bucket_no_12,
        MAX(CASE WHEN month_ends.slot = 13 THEN bucket_history.bucket_no END) AS bucket_no_13
    FROM bucket_history
    INNER JOIN month_ends
        ON
            bucket_history.from_day <= month_ends.month_end
            AND bucket_history.to_day >= month_ends.month_end
    GROUP BY bucket_history.contract_id
)

SELECT
    month_end_state.contract_id,
    month_end_state.product,
    month_end_state.currency,
    month_end_state.leaves_as,
    buckets_then.bucket_no_1,
    month_end_state.balance_1,
    buckets_then.bucket_no_2,
    month_end_state.balance_2,
    buckets_then.bucket_no_3,
    month_end_state.balance_3,
    buckets_then.bucket_no_4,
    month_end_state.balance_4,
    buckets_then.bucket_no_5,
    month_end_state.balance_5,
    buckets_then.bucket_no_6,
    month_end_state.balance_6,
    buckets_then.bucket_no_7,
    month_end_state.balance_7,
    buckets_then.bucket_no_8,
    month_end_state.balance_8,
    buckets_then.bucket_no_9,
    month_end_state.balance_9,
    buckets_then.bucket_no_10,
    month_end_state.balance_10,
    buckets_then.bucket_no_11,
    month_end_state.balance_11,
    buckets_then.bucket_no_12,
    month_end_state.balance_12,
    buckets_then.bucket_no_13,
    month_end_state.balance_13
FROM month_end_state
LEFT JOIN buckets_then ON month_end_state.contract_id = buckets_then.contract_id
