-- One side of the comparison: each case with the rules that its lead contract matched, whose it is, and its contacts.
WITH contacts AS (
    SELECT
        customer_id,
        SUM(CASE WHEN verdict = 'planned' THEN 1 ELSE 0 END) AS planned_contacts,
        SUM(CASE WHEN verdict = 'blocked' THEN 1 ELSE 0 END) AS blocked_contacts
    FROM contact_plan
    GROUP BY customer_id
)

SELECT
    cases.customer_id,
    treatment.currency,
    cases.overdue_amount,
    cases.days_past_due,
    cases.bucket,
    cases.class,
    cases.segment,
    cases.treatment,
    CAST(cases.intensity AS INTEGER) AS intensity,
    cases.placement,
    cases.queue,
    cases.channels,
    CAST(cases.priority AS INTEGER) AS priority,
    cases.arms,
    cases.held,
    cases.region,
    assignment.collector_id,
    CAST(COALESCE(contacts.planned_contacts, 0) AS INTEGER) AS planned_contacts,
    CAST(COALESCE(contacts.blocked_contacts, 0) AS INTEGER) AS blocked_contacts,
    treatment.segment_rule,
    treatment.treatment_rule
FROM cases
INNER JOIN treatment ON cases.lead_contract_id = treatment.contract_id
LEFT JOIN assignment ON cases.customer_id = assignment.customer_id
LEFT JOIN contacts ON cases.customer_id = contacts.customer_id
ORDER BY cases.customer_id
