-- Rows of installments whose contract is not in the ledger.
SELECT
    installments.row_number,
    'no such contract' AS reason
FROM installments
LEFT JOIN contracts ON installments.contract_id = contracts.contract_id
WHERE
    installments.contract_id IS NOT NULL
    AND contracts.contract_id IS NULL
