-- Promises made or due on finished days, the ledger's and those that people recorded at the desk, each once. The desk
-- knows to whom one was made, the ledger does not.
WITH asked AS (
    SELECT
        promise_id,
        contract_id,
        made_on,
        due_on,
        amount
    FROM promises
    WHERE
        made_on IN (SELECT closing_days.as_of FROM closing_days)
        OR due_on IN (SELECT closing_days.as_of FROM closing_days)
)

SELECT
    asked.promise_id,
    asked.contract_id,
    asked.made_on,
    asked.due_on,
    asked.amount,
    CAST(NULL AS VARCHAR) AS collector_id
FROM asked
LEFT JOIN desk_promises ON asked.promise_id = desk_promises.promise_id
WHERE desk_promises.promise_id IS NULL
UNION ALL
SELECT
    promise_id,
    contract_id,
    made_on,
    due_on,
    amount,
    collector_id
FROM desk_promises
ORDER BY promise_id
