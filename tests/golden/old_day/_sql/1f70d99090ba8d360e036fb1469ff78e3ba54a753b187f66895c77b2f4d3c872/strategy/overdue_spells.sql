-- The spells of the contracts in scope: first day, the day on which it was over (NULL: not yet), and whether it
-- outlasted the grace.
WITH marked AS (
    SELECT
        contract_id,
        on_day,
        in_arrears,
        beyond_grace,
        LAG(in_arrears) OVER in_time AS was_in_arrears,
        COUNT(CASE WHEN beyond_grace THEN 1 END) OVER in_time AS beyond_so_far,
        LEAD(on_day) OVER in_time IS NULL AS last_row
    FROM arrears_states
    WINDOW in_time AS (PARTITION BY contract_id ORDER BY on_day)
),

-- The rows on which a spell begins or is over, and the last one, which may be either.
turns AS (
    SELECT
        contract_id,
        on_day,
        in_arrears,
        in_arrears AND NOT COALESCE(was_in_arrears, FALSE) AS entry,
        beyond_so_far - CASE WHEN beyond_grace THEN 1 ELSE 0 END AS beyond_before,
        beyond_so_far
    FROM marked
    WHERE in_arrears <> COALESCE(was_in_arrears, FALSE) OR last_row
),

-- A spell that is over is followed by the row on which it was over; one that is not, by the last row, if by any.
spells AS (
    SELECT
        contract_id,
        on_day AS entered_on,
        entry,
        CASE WHEN NOT LEAD(in_arrears) OVER in_time THEN LEAD(on_day) OVER in_time END AS exited_on,
        COALESCE(LEAD(beyond_so_far) OVER in_time, beyond_so_far) > beyond_before AS outlasted_grace
    FROM turns
    WINDOW in_time AS (PARTITION BY contract_id ORDER BY on_day)
)

SELECT
    spells.contract_id,
    scope.customer_id,
    CAST(
        ROW_NUMBER() OVER (PARTITION BY spells.contract_id ORDER BY spells.entered_on) AS INTEGER
    ) AS spell_no,
    spells.entered_on,
    COALESCE(
        spells.exited_on,
        CASE
            WHEN
                scope.book_to <= $as_of
                AND ROW_NUMBER() OVER (PARTITION BY spells.contract_id ORDER BY spells.entered_on DESC) = 1
                THEN scope.book_to
        END
    ) AS exited_on,
    spells.outlasted_grace
FROM spells
INNER JOIN scope ON spells.contract_id = scope.contract_id
WHERE spells.entry
ORDER BY spells.contract_id, spells.entered_on
