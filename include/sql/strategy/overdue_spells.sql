-- The spells of the contracts in scope: first day, the day on which it was over (NULL: not yet), and whether it
-- outlasted the grace.
-- Only days on which a spell begins, outlasts the grace, or is over are looked at; what happens before the next spell
-- begins belongs to the one before.
WITH turns AS (
    SELECT
        contract_id,
        on_day,
        in_arrears,
        was_in_arrears,
        beyond_grace,
        SUM(CASE WHEN in_arrears AND NOT was_in_arrears THEN 1 ELSE 0 END) OVER (
            PARTITION BY contract_id ORDER BY on_day ROWS UNBOUNDED PRECEDING
        ) AS spell_no
    FROM arrears_states
    WHERE in_arrears <> was_in_arrears OR (beyond_grace AND NOT was_beyond_grace)
),

spells AS (
    SELECT
        contract_id,
        spell_no,
        MIN(on_day) AS entered_on,
        MAX(CASE WHEN NOT in_arrears THEN on_day END) AS exited_on,
        MAX(CASE WHEN beyond_grace THEN 1 ELSE 0 END) = 1 AS outlasted_grace
    FROM turns
    GROUP BY contract_id, spell_no
)

-- One that lasts when its contract leaves the book is over then.
SELECT
    spells.contract_id,
    scope.customer_id,
    CAST(spells.spell_no AS INTEGER) AS spell_no,
    spells.entered_on,
    COALESCE(spells.exited_on, CASE WHEN scope.book_to <= $as_of THEN scope.book_to END) AS exited_on,
    spells.outlasted_grace
FROM spells
INNER JOIN scope ON spells.contract_id = scope.contract_id
ORDER BY spells.contract_id, spells.entered_on
