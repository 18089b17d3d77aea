-- Rows of payments whose contract is not in the ledger.
SELECT
    payments.row_number,
    'no such contract' AS reason
FROM payments
LEFT JOIN contracts ON payments.contract_id = contracts.contract_id
WHERE
    payments.contract_id IS NOT NULL
    AND contracts.contract_id IS NULL
