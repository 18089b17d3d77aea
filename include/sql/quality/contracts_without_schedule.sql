-- Contracts of the day's book that have no instalment: they can never be past due.
SELECT
    contracts.row_number,
    'no instalment' AS reason
FROM contracts
LEFT JOIN (SELECT DISTINCT contract_id FROM installments) AS scheduled
    ON contracts.contract_id = scheduled.contract_id
WHERE
    scheduled.contract_id IS NULL
    AND contracts.contract_id IS NOT NULL
    AND contracts.originated_on <= CAST($as_of AS DATE)
    AND (contracts.ledger_from IS NULL OR contracts.ledger_from <= CAST($as_of AS DATE))
    AND (contracts.closed_on IS NULL OR contracts.closed_on > CAST($as_of AS DATE))
    AND (contracts.written_off_on IS NULL OR contracts.written_off_on > CAST($as_of AS DATE))
