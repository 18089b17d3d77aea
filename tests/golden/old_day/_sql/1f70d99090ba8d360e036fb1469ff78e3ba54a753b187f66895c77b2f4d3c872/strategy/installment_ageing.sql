-- One row per item that is due before $as_of and not paid in full, with its own days and bucket: an instalment, or a
-- charge. The bucket is the one that the contract would be in if this were its oldest unmet item. What is immaterial
-- counts as met: it is overdue, but has no days.
WITH unpaid AS (
    SELECT
        walk.*,
        CASE WHEN unmet THEN DATE_DIFF('day', due_date, $as_of) ELSE 0 END AS days_past_due,
        SUM(CASE WHEN unmet THEN 1 ELSE 0 END) OVER (
            PARTITION BY contract_id ORDER BY due_date DESC, serving DESC, installment_no DESC, charge_id DESC
            ROWS UNBOUNDED PRECEDING
        ) AS unmet_from_here
    FROM walk
    WHERE due_date < $as_of AND amount_unpaid > 0
),

paused AS (
    SELECT
        dues.contract_id,
        dues.due_date,
        SUM(DATE_DIFF('day', GREATEST(pauses.from_day, dues.due_date), pauses.to_day)) AS days
    FROM pauses
    INNER JOIN (
        SELECT DISTINCT
            unpaid.contract_id,
            unpaid.due_date
        FROM unpaid
        WHERE unpaid.unmet
    ) AS dues ON pauses.contract_id = dues.contract_id AND dues.due_date < pauses.to_day
    GROUP BY dues.contract_id, dues.due_date
),

counted AS (
    SELECT
        unpaid.*,
        CASE WHEN unpaid.unmet THEN COALESCE(paused.days, 0) ELSE 0 END AS paused_days,
        CASE
            WHEN unpaid.unmet THEN GREATEST(0, unpaid.days_past_due - $grace_days - COALESCE(paused.days, 0)) ELSE 0
        END AS delinquent_days
    FROM unpaid
    LEFT JOIN paused ON unpaid.contract_id = paused.contract_id AND unpaid.due_date = paused.due_date
)

SELECT
    counted.contract_id,
    CASE WHEN counted.serving = 2 THEN 'installment' ELSE 'charge' END AS item,
    counted.installment_no,
    counted.charge_id,
    counted.charge_kind AS kind,
    counted.due_date,
    CAST(counted.amount AS DECIMAL(18, 2)) AS amount_due,
    CAST(counted.amount - counted.amount_unpaid AS DECIMAL(18, 2)) AS amount_paid,
    CAST(counted.amount_unpaid AS DECIMAL(18, 2)) AS amount_unpaid,
    CAST(counted.fee_unpaid AS DECIMAL(18, 2)) AS fee_unpaid,
    CAST(counted.interest_unpaid AS DECIMAL(18, 2)) AS interest_unpaid,
    CAST(counted.principal_unpaid AS DECIMAL(18, 2)) AS principal_unpaid,
    NOT counted.unmet AS met,
    CAST(counted.days_past_due AS INTEGER) AS days_past_due,
    CAST(counted.delinquent_days AS INTEGER) AS delinquent_days,
    CAST(counted.paused_days AS INTEGER) AS paused_days,
    buckets.bucket_no,
    buckets.bucket,
    buckets.class
FROM counted
INNER JOIN buckets
    ON
        counted.due_date + INTERVAL 1 MONTH * buckets.from_months + INTERVAL 1 DAY * buckets.from_days
        <= counted.due_date + INTERVAL 1 DAY * counted.delinquent_days
        AND (
            buckets.to_days IS NULL
            OR counted.due_date + INTERVAL 1 MONTH * buckets.to_months + INTERVAL 1 DAY * buckets.to_days
            > counted.due_date + INTERVAL 1 DAY * counted.delinquent_days
        )
        AND counted.unmet_from_here >= buckets.from_unmet
        AND (buckets.to_unmet IS NULL OR counted.unmet_from_here <= buckets.to_unmet)
ORDER BY counted.contract_id, counted.due_date, counted.serving, counted.installment_no, counted.charge_id
