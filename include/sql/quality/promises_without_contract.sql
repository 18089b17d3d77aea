-- Rows of promises whose contract is not in the ledger.
SELECT
    promises.row_number,
    'no such contract' AS reason
FROM promises
LEFT JOIN contracts ON promises.contract_id = contracts.contract_id
WHERE
    promises.contract_id IS NOT NULL
    AND contracts.contract_id IS NULL
