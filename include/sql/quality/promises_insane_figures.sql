-- Promises that are due before they were made, or that promise nothing.
SELECT
    row_number,
    CASE
        WHEN due_on < made_on THEN 'due_on is before made_on'
        ELSE 'amount is not above zero'
    END AS reason
FROM promises
WHERE
    due_on < made_on
    OR amount <= 0
