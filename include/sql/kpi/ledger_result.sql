-- Contact results of finished days that the ledger alone knows: what it fed back of the desk's is left out.
SELECT
    contact_results.result_id,
    contact_results.contract_id,
    contact_results.customer_id,
    contact_results.collector_id,
    contact_results.channel,
    contact_results.attempted_at,
    contact_results.outcome,
    contact_results.initiated_by
FROM contact_results
INNER JOIN closing_days ON CAST(contact_results.attempted_at AS DATE) = closing_days.as_of
LEFT JOIN desk_results ON contact_results.result_id = desk_results.result_id
WHERE desk_results.result_id IS NULL
ORDER BY contact_results.result_id
