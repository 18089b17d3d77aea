-- One row per contract of the book that paid other than what fell due by $as_of: its days past due, what is overdue,
-- and its bucket. The core of ageing: all other contracts of `balances` have nothing overdue, and the first bucket.
WITH walked AS (
    SELECT
        contract_id,
        SUM(principal_unpaid) AS principal_unpaid,
        SUM(CASE WHEN due_date < $as_of THEN amount_unpaid ELSE 0 END) AS overdue_amount,
        SUM(CASE WHEN due_date < $as_of THEN principal_unpaid END) AS overdue_principal,
        SUM(CASE WHEN due_date < $as_of THEN interest_unpaid END) AS overdue_interest,
        SUM(CASE WHEN due_date < $as_of THEN fee_unpaid END) AS overdue_fee,
        SUM(CASE WHEN due_date < $as_of AND serving < 2 THEN amount_unpaid ELSE 0 END) AS overdue_charges,
        MIN(CASE WHEN unmet THEN due_date END) AS oldest_due_date,
        COUNT(CASE WHEN unmet THEN 1 END) AS unmet_installments
    FROM walk
    GROUP BY contract_id
),

-- Paused days in [oldest unmet due date, as of).
paused AS (
    SELECT
        walked.contract_id,
        SUM(DATE_DIFF('day', GREATEST(pauses.from_day, walked.oldest_due_date), pauses.to_day)) AS days
    FROM pauses
    INNER JOIN walked ON pauses.contract_id = walked.contract_id AND walked.oldest_due_date < pauses.to_day
    GROUP BY walked.contract_id
),

counted AS (
    SELECT
        walked.*,
        COALESCE(DATE_DIFF('day', walked.oldest_due_date, $as_of), 0) AS days_past_due,
        COALESCE(paused.days, 0) AS paused_days,
        GREATEST(
            0, COALESCE(DATE_DIFF('day', walked.oldest_due_date, $as_of), 0) - $grace_days - COALESCE(paused.days, 0)
        ) AS delinquent_days
    FROM walked
    LEFT JOIN paused ON walked.contract_id = paused.contract_id
)

SELECT
    counted.contract_id,
    CAST(counted.days_past_due AS INTEGER) AS days_past_due,
    CAST(counted.delinquent_days AS INTEGER) AS delinquent_days,
    CAST(counted.paused_days AS INTEGER) AS paused_days,
    counted.oldest_due_date,
    CAST(counted.unmet_installments AS INTEGER) AS unmet_installments,
    CAST(counted.overdue_amount AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(counted.overdue_principal AS DECIMAL(18, 2)) AS overdue_principal,
    CAST(counted.overdue_interest AS DECIMAL(18, 2)) AS overdue_interest,
    CAST(counted.overdue_fee AS DECIMAL(18, 2)) AS overdue_fee,
    CAST(counted.overdue_charges AS DECIMAL(18, 2)) AS overdue_charges,
    CAST(counted.principal_unpaid AS DECIMAL(18, 2)) AS principal_unpaid,
    COALESCE(buckets.bucket_no, 0) AS bucket_no
FROM counted
LEFT JOIN buckets
    ON
        counted.oldest_due_date
        + INTERVAL 1 MONTH * buckets.from_months
        + INTERVAL 1 DAY * buckets.from_days
        <= counted.oldest_due_date + INTERVAL 1 DAY * counted.delinquent_days
        AND (
            buckets.to_days IS NULL
            OR counted.oldest_due_date
            + INTERVAL 1 MONTH * buckets.to_months
            + INTERVAL 1 DAY * buckets.to_days
            > counted.oldest_due_date + INTERVAL 1 DAY * counted.delinquent_days
        )
        AND counted.unmet_installments >= buckets.from_unmet
        AND (buckets.to_unmet IS NULL OR counted.unmet_installments <= buckets.to_unmet)
ORDER BY counted.contract_id
