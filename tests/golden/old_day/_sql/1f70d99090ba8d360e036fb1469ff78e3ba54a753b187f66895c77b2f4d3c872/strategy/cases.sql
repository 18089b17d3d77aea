-- One row per customer with a treatment: the case, treated as its harshest contract.
WITH ranked AS (
    SELECT
        treatment.*,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id
            ORDER BY intensity DESC, priority DESC, delinquent_days DESC, overdue_amount DESC, contract_id ASC
        ) AS harshness
    FROM treatment
),

totals AS (
    SELECT
        customer_id,
        COUNT(*) AS contracts,
        STRING_AGG(contract_id, ',' ORDER BY contract_id) AS contract_ids,
        SUM(overdue_amount) AS overdue_amount,
        SUM(outstanding_amount) AS outstanding_amount
    FROM treatment
    GROUP BY customer_id
)

SELECT
    ranked.as_of,
    ranked.customer_id,
    case_entry.case_entered_on AS entered_on,
    CAST(totals.contracts AS INTEGER) AS contracts,
    totals.contract_ids,
    ranked.contract_id AS lead_contract_id,
    COALESCE(ranked.region, customers.region) AS region,
    ranked.product,
    ranked.vehicle_type,
    customers.language,
    CAST(totals.overdue_amount AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(totals.outstanding_amount AS DECIMAL(18, 2)) AS outstanding_amount,
    ranked.days_past_due,
    ranked.delinquent_days,
    ranked.bucket,
    ranked.bucket_no,
    ranked.class,
    ranked.segment,
    ranked.treatment,
    ranked.intensity,
    ranked.placement,
    ranked.channels,
    ranked.queue,
    ranked.priority,
    CAST(
        ROW_NUMBER() OVER (
            PARTITION BY ranked.queue
            ORDER BY ranked.priority DESC, totals.overdue_amount DESC, ranked.customer_id ASC
        ) AS INTEGER
    ) AS work_order,
    ranked.held,
    ranked.hold_kind,
    ranked.arms,
    ranked.treatment_rule,
    ranked.rule_set,
    ranked.rule_set_version,
    ranked.rule_set_hash
FROM ranked
INNER JOIN totals ON ranked.customer_id = totals.customer_id
INNER JOIN case_entry ON ranked.customer_id = case_entry.customer_id
LEFT JOIN customers ON ranked.customer_id = customers.customer_id
WHERE ranked.harshness = 1
ORDER BY ranked.customer_id
