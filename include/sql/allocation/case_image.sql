-- What ops is to hold of every case with a queue today, and whom the allocation gives it to.
SELECT
    cases.customer_id,
    assignment.collector_id,
    assignment.source,
    assignment.reason,
    assignment.released,
    cases.as_of,
    cases.entered_on,
    cases.queue,
    cases.segment,
    cases.treatment,
    cases.intensity,
    cases.placement,
    cases.priority,
    assignment.work_order,
    cases.contracts,
    cases.contract_ids,
    cases.lead_contract_id,
    cases.region,
    assignment.language,
    assignment.min_seniority,
    assignment.excluded_collectors,
    cases.overdue_amount,
    cases.outstanding_amount,
    cases.days_past_due,
    cases.bucket,
    cases.class,
    cases.rule_set,
    cases.rule_set_version,
    cases.rule_set_hash
FROM cases
LEFT JOIN assignment ON cases.customer_id = assignment.customer_id AND cases.queue = assignment.queue
WHERE cases.queue <> 'none'
ORDER BY cases.customer_id
