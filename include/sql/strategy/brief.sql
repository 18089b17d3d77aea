-- One row per contract of the book, in brief: how late it is, how much is overdue, and its bucket, as in `snapshot`.
SELECT
    CAST($as_of AS DATE) AS as_of,
    balances.contract_id,
    COALESCE(positions.days_past_due, 0) AS days_past_due,
    COALESCE(positions.delinquent_days, 0) AS delinquent_days,
    CAST(COALESCE(positions.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    COALESCE(positions.unmet_installments, 0) AS unmet_installments,
    positions.oldest_due_date,
    buckets.bucket,
    buckets.bucket_no,
    buckets.class
FROM balances
LEFT JOIN positions ON balances.contract_id = positions.contract_id
INNER JOIN buckets ON COALESCE(positions.bucket_no, 0) = buckets.bucket_no
