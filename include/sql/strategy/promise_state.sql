-- Where every promise known by $as_of stands: open until the days of grace after its due date are over, then kept or
-- broken. Kept: from the day it was made to its due date and the days of grace at least $kept_share of its amount came,
-- or anything if it names none. The ledger's promises and those recorded since (told_promise), each once.
WITH known AS (
    SELECT
        promise_id,
        contract_id,
        made_on,
        due_on,
        amount
    FROM promises
    WHERE made_on <= $as_of
    UNION
    SELECT
        t.promise_id,
        t.contract_id,
        t.made_on,
        t.due_on,
        t.amount
    FROM told_promise AS t
    LEFT JOIN promises AS p ON t.promise_id = p.promise_id
    WHERE t.made_on <= $as_of AND p.promise_id IS NULL
),

came AS (
    SELECT
        k.promise_id,
        SUM(p.amount) AS amount
    FROM known AS k
    INNER JOIN payments AS p
        ON
            k.contract_id = p.contract_id
            AND p.value_date >= k.made_on
            AND DATE_DIFF('day', k.due_on, p.value_date) <= $grace_days
    WHERE p.value_date <= $as_of AND (p.reversed_on IS NULL OR p.reversed_on > $as_of)
    GROUP BY k.promise_id
),

judged AS (
    SELECT
        k.promise_id,
        k.contract_id,
        k.made_on,
        k.due_on,
        k.amount,
        CAST(COALESCE(c.amount, 0) AS DECIMAL(18, 2)) AS came_amount
    FROM known AS k
    LEFT JOIN came AS c ON k.promise_id = c.promise_id
)

SELECT
    $as_of AS as_of,
    promise_id,
    contract_id,
    made_on,
    due_on,
    amount,
    came_amount,
    CASE
        WHEN
            came_amount > 0
            AND came_amount >= CAST($kept_share AS DECIMAL(9, 6)) * COALESCE(amount, 0)
            THEN 'kept'
        WHEN DATE_DIFF('day', due_on, $as_of) <= $grace_days THEN 'open'
        ELSE 'broken'
    END AS state
FROM judged
ORDER BY promise_id
