-- What must have been paid in total for an item to count as met, as `needs` has it, for contracts in arrears on $as_of:
-- all that is due of theirs has been walked.
WITH due AS (
    SELECT
        walk.contract_id,
        walk.due_date,
        walk.amount,
        walk.owed_so_far,
        GREATEST(
            CAST($materiality_share AS DECIMAL(9, 6)) * walk.amount, CAST($materiality_amount AS DECIMAL(18, 2))
        ) AS tolerance
    FROM walk
    INNER JOIN scope ON walk.contract_id = scope.contract_id
)

SELECT
    contract_id,
    due_date,
    -- in whole cents, as payments are: the part of a cent that is immaterial decides nothing
    CAST(owed_so_far - FLOOR(tolerance * 100) * 0.01 AS DECIMAL(18, 2)) AS needed
FROM due
WHERE amount > tolerance
