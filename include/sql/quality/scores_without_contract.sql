-- Rows of scores whose contract is not in the ledger.
SELECT
    scores.row_number,
    'no such contract' AS reason
FROM scores
LEFT JOIN contracts ON scores.contract_id = contracts.contract_id
WHERE
    scores.contract_id IS NOT NULL
    AND contracts.contract_id IS NULL
