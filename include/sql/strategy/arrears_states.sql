-- Whether a contract in scope is in arrears, from on_day to the day before its next row: one row per day on which
-- anything happened, as long as the contract was in the book.
-- In arrears on day X: of what fell due before X, some item needs more money than was paid by X. Both are running
-- figures over the days on which anything happened, returned payments included. What happened before the contract
-- came into the book counts on its first day there. The states before that are on the row too: was_in_arrears,
-- was_beyond_grace.
-- contract_no numbers the contracts: sorting many rows by numbers is far cheaper than by ids.
WITH in_scope AS (
    SELECT
        contract_id,
        CAST(ROW_NUMBER() OVER (ORDER BY contract_id) AS INTEGER) AS contract_no,
        book_from,
        LEAST(
            COALESCE(book_to, CAST($as_of + INTERVAL 1 DAY AS DATE)), CAST($as_of + INTERVAL 1 DAY AS DATE)
        ) AS book_until
    FROM scope
    WHERE book_from <= $as_of AND (book_to IS NULL OR book_from < book_to)
),

due AS (
    SELECT
        in_scope.contract_no,
        needs.due_date,
        needs.needed
    FROM needs
    INNER JOIN in_scope ON needs.contract_id = in_scope.contract_id
),

made AS (
    SELECT
        in_scope.contract_no,
        payments.value_date,
        payments.reversed_on,
        payments.amount
    FROM payments
    INNER JOIN in_scope ON payments.contract_id = in_scope.contract_id
    WHERE payments.value_date <= $as_of
),

movements AS (
    SELECT
        contract_no,
        CAST(due_date + INTERVAL 1 DAY AS DATE) AS happened_on,
        needed,
        CASE WHEN $grace_days = 0 THEN needed END AS needed_after_grace,
        NULL AS received
    FROM due
    UNION ALL
    SELECT
        contract_no,
        CAST(due_date + INTERVAL 1 DAY * ($grace_days + 1) AS DATE) AS happened_on,
        NULL AS needed,
        needed AS needed_after_grace,
        NULL AS received
    FROM due
    WHERE $grace_days > 0
    UNION ALL
    SELECT
        contract_no,
        value_date AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        amount AS received
    FROM made
    WHERE reversed_on IS NULL OR reversed_on > value_date
    UNION ALL
    SELECT
        contract_no,
        reversed_on AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        -amount AS received
    FROM made
    WHERE reversed_on <= $as_of AND reversed_on > value_date
    UNION ALL
    SELECT
        contract_no,
        book_from AS happened_on,
        NULL AS needed,
        NULL AS needed_after_grace,
        NULL AS received
    FROM in_scope
),

days AS (
    SELECT
        movements.contract_no,
        GREATEST(movements.happened_on, in_scope.book_from) AS on_day,
        MAX(movements.needed) AS needed,
        MAX(movements.needed_after_grace) AS needed_after_grace,
        CAST(COALESCE(SUM(movements.received), 0) AS DECIMAL(18, 2)) AS received
    FROM movements
    INNER JOIN in_scope ON movements.contract_no = in_scope.contract_no
    WHERE movements.happened_on < in_scope.book_until
    GROUP BY movements.contract_no, GREATEST(movements.happened_on, in_scope.book_from)
),

running AS (
    SELECT
        contract_no,
        on_day,
        received,
        SUM(received) OVER so_far AS paid,
        COALESCE(MAX(needed) OVER so_far, 0) AS needed,
        COALESCE(MAX(needed) OVER before, 0) AS needed_before,
        COALESCE(MAX(needed_after_grace) OVER so_far, 0) AS needed_after_grace,
        COALESCE(MAX(needed_after_grace) OVER before, 0) AS needed_after_grace_before
    FROM days
    WINDOW
        so_far AS (PARTITION BY contract_no ORDER BY on_day ROWS UNBOUNDED PRECEDING),
        before AS (
            PARTITION BY contract_no ORDER BY on_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
)

SELECT
    in_scope.contract_id,
    running.on_day,
    running.needed > running.paid AS in_arrears,
    running.needed_after_grace > running.paid AS beyond_grace,
    running.needed_before > running.paid - running.received AS was_in_arrears,
    running.needed_after_grace_before > running.paid - running.received AS was_beyond_grace
FROM running
INNER JOIN in_scope ON running.contract_no = in_scope.contract_no
