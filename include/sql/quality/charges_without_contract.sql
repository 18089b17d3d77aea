-- Rows of charges whose contract is not in the ledger.
SELECT
    charges.row_number,
    'no such contract' AS reason
FROM charges
LEFT JOIN contracts ON charges.contract_id = contracts.contract_id
WHERE
    charges.contract_id IS NOT NULL
    AND contracts.contract_id IS NULL
