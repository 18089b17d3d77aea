-- The spells of the contracts in scope: first day, the day on which it was over (NULL: not yet), and whether it
-- outlasted the grace.
WITH marked AS (
    SELECT
        contract_id,
        on_day,
        until,
        in_arrears,
        beyond_grace,
        CASE
            WHEN in_arrears AND NOT COALESCE(LAG(in_arrears) OVER in_time, FALSE) THEN 1
            ELSE 0
        END AS entry
    FROM arrears_states
    WINDOW in_time AS (PARTITION BY contract_id ORDER BY on_day)
),

numbered AS (
    SELECT
        contract_id,
        on_day,
        until,
        in_arrears,
        beyond_grace,
        SUM(entry) OVER (PARTITION BY contract_id ORDER BY on_day ROWS UNBOUNDED PRECEDING) AS spell_no
    FROM marked
)

SELECT
    numbered.contract_id,
    scope.customer_id,
    CAST(numbered.spell_no AS INTEGER) AS spell_no,
    MIN(numbered.on_day) AS entered_on,
    CASE WHEN MAX(numbered.until) <= $as_of THEN MAX(numbered.until) END AS exited_on,
    MAX(CASE WHEN numbered.beyond_grace THEN 1 ELSE 0 END) = 1 AS outlasted_grace
FROM numbered
INNER JOIN scope ON numbered.contract_id = scope.contract_id
WHERE numbered.in_arrears
GROUP BY numbered.contract_id, scope.customer_id, numbered.spell_no
ORDER BY numbered.contract_id, numbered.spell_no
