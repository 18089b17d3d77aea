-- Rows of contact_results whose contract is not in the ledger.
SELECT
    contact_results.row_number,
    'no such contract' AS reason
FROM contact_results
LEFT JOIN contracts ON contact_results.contract_id = contracts.contract_id
WHERE
    contact_results.contract_id IS NOT NULL
    AND contracts.contract_id IS NULL
