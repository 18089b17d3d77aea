-- The core answer on Spark, over the frame `balances` (contract_id, owed, paid), which is kept in memory.
WITH short AS (
    SELECT *
    FROM balances
    WHERE paid < owed
),

due AS (
    SELECT contract_id, due_date, 2 AS serving, installment_no AS item_no, '' AS item_id, amount_due AS amount
    FROM installments
    WHERE due_date < :as_of
    UNION ALL
    SELECT contract_id, due_date, IF(kind = 'penalty', 0, 1) AS serving, 0 AS item_no, charge_id AS item_id, amount
    FROM charges
    WHERE due_date < :as_of
),

served AS (
    SELECT
        contract_id,
        due_date,
        amount,
        LEAST(
            amount,
            GREATEST(
                0,
                SUM(amount) OVER (
                    PARTITION BY contract_id ORDER BY due_date, serving, item_no, item_id ROWS UNBOUNDED PRECEDING
                ) - paid
            )
        ) AS unpaid
    FROM (
        SELECT /*+ BROADCAST(short) */ due.*, short.paid
        FROM due
        INNER JOIN short ON due.contract_id = short.contract_id
    )
),

walked AS (
    SELECT contract_id, MIN(due_date) AS oldest_due_date, COUNT(*) AS unmet_installments
    FROM served
    WHERE unpaid > GREATEST(:share * amount, :amount)
    GROUP BY contract_id
),

pauses AS (
    SELECT
        holds.contract_id,
        GREATEST(holds.start_date, walked.oldest_due_date) AS from_day,
        LEAST(COALESCE(holds.end_date, :as_of), :as_of) AS to_day
    FROM holds
    INNER JOIN walked ON holds.contract_id = walked.contract_id
    WHERE holds.kind = 'pause'
),

paused AS (
    SELECT contract_id, SUM(GREATEST(0, DATEDIFF(to_day, GREATEST(from_day, paused_until)))) AS days
    FROM (
        SELECT
            *,
            MAX(to_day) OVER (
                PARTITION BY contract_id ORDER BY from_day, to_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS paused_until
        FROM pauses
        WHERE from_day < to_day
    )
    GROUP BY contract_id
),

aged AS (
    SELECT
        balances.contract_id,
        COALESCE(DATEDIFF(:as_of, walked.oldest_due_date), 0) AS days_past_due,
        GREATEST(0, balances.owed - balances.paid) AS overdue_amount,
        walked.oldest_due_date,
        COALESCE(walked.unmet_installments, 0) AS unmet_installments,
        COALESCE(paused.days, 0) AS paused_days
    FROM balances
    LEFT JOIN walked ON balances.contract_id = walked.contract_id
    LEFT JOIN paused ON balances.contract_id = paused.contract_id
)

SELECT
    /*+ BROADCAST(buckets) */
    aged.contract_id,
    CAST(aged.days_past_due AS INT) AS days_past_due,
    CAST(aged.overdue_amount AS DECIMAL(18, 2)) AS overdue_amount,
    aged.oldest_due_date,
    CAST(aged.unmet_installments AS INT) AS unmet_installments,
    buckets.bucket
FROM aged
INNER JOIN
    buckets
    ON
        GREATEST(0, aged.days_past_due - :grace_days - aged.paused_days)
        BETWEEN buckets.from_day AND buckets.to_day
