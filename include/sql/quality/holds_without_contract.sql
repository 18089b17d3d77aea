-- Rows of holds whose contract is not in the ledger.
SELECT
    holds.row_number,
    'no such contract' AS reason
FROM holds
LEFT JOIN contracts ON holds.contract_id = contracts.contract_id
WHERE
    holds.contract_id IS NOT NULL
    AND contracts.contract_id IS NULL
