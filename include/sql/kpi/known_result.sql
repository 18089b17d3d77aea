-- Contact results of finished days, the ledger's and those that people recorded at the desk, each once.
SELECT
    result_id,
    contract_id,
    customer_id,
    collector_id,
    channel,
    attempted_at,
    outcome,
    initiated_by
FROM ledger_result
UNION ALL
SELECT
    result_id,
    contract_id,
    customer_id,
    collector_id,
    channel,
    attempted_at,
    outcome,
    initiated_by
FROM desk_results
ORDER BY result_id
