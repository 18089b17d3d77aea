-- Who got which case at the opening. Grain: day x basis x case.
SELECT
    assignment.as_of,
    CAST($basis AS VARCHAR) AS basis,
    assignment.customer_id,
    assignment.queue,
    assignment.collector_id,
    collectors.team,
    assignment.source,
    assignment.work_order,
    assignment.reason,
    cases.lead_contract_id,
    cases.contracts,
    cases.region,
    cases.product,
    cases.bucket,
    cases.class,
    cases.segment,
    cases.treatment,
    cases.placement,
    cases.priority,
    cases.entered_on,
    cases.days_past_due,
    cases.overdue_amount,
    cases.outstanding_amount
FROM assignment
INNER JOIN cases ON assignment.customer_id = cases.customer_id
LEFT JOIN collectors ON assignment.collector_id = collectors.collector_id
ORDER BY assignment.customer_id
