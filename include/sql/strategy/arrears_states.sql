-- Whether a contract in scope is in arrears, from on_day to the day before `until`: one row per day on which anything
-- happened, as long as the contract was in the book.
-- In arrears on day X: of what fell due before X, some item needs more money than was paid by X. Both are running
-- figures over the days on which anything happened, returned payments included. What happened before the contract
-- came into the book counts on its first day there.
WITH movements AS (
    SELECT
        contract_id,
        CAST(due_date + INTERVAL 1 DAY AS DATE) AS happened_on,
        needed,
        CASE WHEN $grace_days = 0 THEN needed END AS needed_after_grace,
        item_no,
        0 AS received
    FROM needs
    UNION ALL
    SELECT
        contract_id,
        CAST(due_date + INTERVAL 1 DAY * ($grace_days + 1) AS DATE) AS happened_on,
        NULL AS needed,
        needed AS needed_after_grace,
        NULL AS item_no,
        0 AS received
    FROM needs
    WHERE $grace_days > 0
    UNION ALL
    SELECT
        payments.contract_id,
        payments.value_date AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        NULL AS item_no,
        payments.amount AS received
    FROM payments
    INNER JOIN scope ON payments.contract_id = scope.contract_id
    WHERE payments.reversed_on IS NULL OR payments.reversed_on > payments.value_date
    UNION ALL
    SELECT
        payments.contract_id,
        payments.reversed_on AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        NULL AS item_no,
        -payments.amount AS received
    FROM payments
    INNER JOIN scope ON payments.contract_id = scope.contract_id
    WHERE payments.reversed_on > payments.value_date
    UNION ALL
    SELECT
        contract_id,
        book_from AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        NULL AS item_no,
        0 AS received
    FROM scope
),

movement_days AS (
    SELECT
        movements.contract_id,
        GREATEST(movements.happened_on, scope.book_from) AS on_day,
        MAX(
            LEAST(COALESCE(scope.book_to, CAST($as_of + INTERVAL 1 DAY AS DATE)), CAST($as_of + INTERVAL 1 DAY AS DATE))
        ) AS book_until,
        MAX(movements.needed) AS needed,
        MAX(movements.needed_after_grace) AS needed_after_grace,
        MAX(movements.item_no) AS items_due,
        SUM(movements.received) AS received
    FROM movements
    INNER JOIN scope ON movements.contract_id = scope.contract_id
    WHERE
        movements.happened_on <= $as_of
        AND scope.book_from <= $as_of
        AND (scope.book_to IS NULL OR (movements.happened_on < scope.book_to AND scope.book_from < scope.book_to))
    GROUP BY movements.contract_id, GREATEST(movements.happened_on, scope.book_from)
)

SELECT
    contract_id,
    on_day,
    COALESCE(LEAD(on_day) OVER in_time, book_until) AS until,
    SUM(received) OVER so_far AS paid,
    MAX(items_due) OVER so_far AS items_due,
    COALESCE(MAX(needed) OVER so_far, 0) > SUM(received) OVER so_far AS in_arrears,
    COALESCE(MAX(needed_after_grace) OVER so_far, 0) > SUM(received) OVER so_far AS beyond_grace
FROM movement_days
WINDOW
    in_time AS (PARTITION BY contract_id ORDER BY on_day),
    so_far AS (PARTITION BY contract_id ORDER BY on_day ROWS UNBOUNDED PRECEDING)
