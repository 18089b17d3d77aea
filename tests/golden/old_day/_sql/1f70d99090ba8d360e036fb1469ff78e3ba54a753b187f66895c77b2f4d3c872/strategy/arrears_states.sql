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
        contract_id,
        value_date AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        NULL AS item_no,
        amount AS received
    FROM payments
    WHERE value_date <= $as_of AND (reversed_on IS NULL OR reversed_on > value_date)
    UNION ALL
    SELECT
        contract_id,
        reversed_on AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        NULL AS item_no,
        -amount AS received
    FROM payments
    WHERE reversed_on <= $as_of AND reversed_on > value_date
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

in_book AS (
    SELECT
        movements.contract_id,
        GREATEST(movements.happened_on, scope.book_from) AS on_day,
        LEAST(
            COALESCE(scope.book_to, CAST($as_of + INTERVAL 1 DAY AS DATE)), CAST($as_of + INTERVAL 1 DAY AS DATE)
        ) AS book_until,
        movements.needed,
        movements.needed_after_grace,
        movements.item_no,
        movements.received
    FROM movements
    INNER JOIN scope ON movements.contract_id = scope.contract_id
    WHERE
        movements.happened_on <= $as_of
        AND scope.book_from <= $as_of
        AND (scope.book_to IS NULL OR (movements.happened_on < scope.book_to AND scope.book_from < scope.book_to))
),

-- All that happened on one day is in the figures of each of its rows.
running AS (
    SELECT
        contract_id,
        on_day,
        COALESCE(LEAD(on_day) OVER in_time, book_until) AS until,
        SUM(received) OVER in_time AS paid,
        MAX(item_no) OVER in_time AS items_due,
        COALESCE(MAX(needed) OVER in_time, 0) AS needed,
        COALESCE(MAX(needed_after_grace) OVER in_time, 0) AS needed_after_grace
    FROM in_book
    WINDOW in_time AS (PARTITION BY contract_id ORDER BY on_day)
)

SELECT
    contract_id,
    on_day,
    until,
    paid,
    items_due,
    needed > paid AS in_arrears,
    needed_after_grace > paid AS beyond_grace
FROM running
WHERE on_day < until
