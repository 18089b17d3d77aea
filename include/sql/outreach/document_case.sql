-- Who owes what on a case that is handed over with documents: one row per wanted customer that still has a case.
-- Personal: fetched into memory, written into the documents alone.
SELECT
    c.customer_id,
    u.name,
    u.birth_date,
    u.phone,
    u.email,
    COALESCE(u.region, c.region) AS region,
    c.lead_contract_id,
    c.contract_ids,
    c.entered_on,
    c.overdue_amount,
    c.outstanding_amount,
    c.days_past_due,
    c.bucket,
    c.segment,
    c.treatment,
    c.treatment_rule,
    c.rule_set,
    c.rule_set_version,
    c.rule_set_hash
FROM cases AS c
INNER JOIN wanted_customer AS w ON c.customer_id = w.customer_id
LEFT JOIN customers AS u ON c.customer_id = u.customer_id
ORDER BY c.customer_id
