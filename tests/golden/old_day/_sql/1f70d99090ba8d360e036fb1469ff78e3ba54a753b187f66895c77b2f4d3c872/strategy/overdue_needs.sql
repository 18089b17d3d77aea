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
    WHERE walk.due_date < $as_of
)

SELECT
    contract_id,
    due_date,
    CAST(NULL AS INTEGER) AS item_no,
    owed_so_far - tolerance AS needed
FROM due
WHERE amount > tolerance
