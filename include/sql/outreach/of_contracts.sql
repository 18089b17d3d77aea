-- The rows of a ledger table (narrowed) that belong to the contracts at hand (wanted).
SELECT narrowed.*
FROM narrowed
INNER JOIN wanted ON narrowed.contract_id = wanted.contract_id
