-- The days up to $as_of on which a contract in scope was in arrears, and which of its items was the oldest unmet one:
-- from from_day to the day before `until` the item is the same, and as many are unmet. Neighbours may say the same.
--
-- Whoever owes no more than was paid has no unmet item, so the sums of what was due and paid are enough for most days.
-- Only for the others an item is looked up: the first that needs more than was paid.
WITH charged AS (
    SELECT
        scope.contract_no,
        charges.due_date,
        charges.amount,
        ROW_NUMBER() OVER (
            PARTITION BY scope.contract_no
            ORDER BY charges.due_date, CASE WHEN charges.kind = 'penalty' THEN 0 ELSE 1 END, charges.charge_id
        ) AS item_no
    FROM charges
    INNER JOIN scope ON charges.contract_id = scope.contract_id
    WHERE charges.due_date < $as_of
),

returned AS (
    SELECT
        scope.contract_no,
        payments.reversed_on,
        payments.amount
    FROM payments
    INNER JOIN scope ON payments.contract_id = scope.contract_id
    WHERE payments.reversed_on <= $as_of AND payments.reversed_on > payments.value_date
),

-- What is due counts from the day after. item_no orders the items of one day: a penalty, other charges, the instalment.
movements AS (
    SELECT
        scope.contract_no,
        CAST(installments.due_date + INTERVAL 1 DAY AS DATE) AS on_day,
        installments.installment_no + 4294967296 AS item_no,
        installments.amount_due AS amount
    FROM installments
    INNER JOIN scope ON installments.contract_id = scope.contract_id
    WHERE installments.due_date < $as_of
    UNION ALL
    SELECT
        contract_no,
        CAST(due_date + INTERVAL 1 DAY AS DATE) AS on_day,
        item_no,
        amount
    FROM charged
    UNION ALL
    SELECT
        scope.contract_no,
        payments.value_date AS on_day,
        NULL AS item_no,
        payments.amount
    FROM payments
    INNER JOIN scope ON payments.contract_id = scope.contract_id
    WHERE
        payments.value_date <= $as_of
        AND (payments.reversed_on IS NULL OR payments.reversed_on > payments.value_date)
    UNION ALL
    SELECT
        contract_no,
        reversed_on AS on_day,
        NULL AS item_no,
        -amount AS amount
    FROM returned
),

-- All that happened on one day is in the sums of each of its rows.
running AS (
    SELECT
        contract_no,
        on_day,
        item_no,
        amount,
        SUM(CASE WHEN item_no IS NOT NULL THEN amount ELSE 0 END) OVER in_time AS owed,
        SUM(CASE WHEN item_no IS NULL THEN amount ELSE 0 END) OVER in_time AS paid,
        LEAD(on_day) OVER in_time AS next_day
    FROM movements
    WINDOW in_time AS (PARTITION BY contract_no ORDER BY on_day)
),

-- An item that was paid when it fell due stays so, unless a payment is returned.
kept AS (
    SELECT
        running.contract_no,
        running.on_day,
        running.item_no,
        running.amount,
        running.owed,
        running.paid,
        running.next_day
    FROM running
    LEFT JOIN (
        SELECT DISTINCT contract_no
        FROM returned
    ) AS unsure
        ON running.contract_no = unsure.contract_no
    WHERE running.owed > running.paid OR (unsure.contract_no IS NOT NULL AND running.item_no IS NOT NULL)
),

-- In the order in which items are served, what must have been paid in total for each to be met.
items AS (
    SELECT
        contract_no,
        on_day,
        amount,
        owed
        - SUM(amount) OVER (PARTITION BY contract_no, on_day ORDER BY item_no DESC ROWS UNBOUNDED PRECEDING)
        + amount AS owed_so_far,
        GREATEST(
            CAST($materiality_share AS DECIMAL(9, 6)) * amount, CAST($materiality_amount AS DECIMAL(18, 2))
        ) AS tolerance
    FROM kept
    WHERE item_no IS NOT NULL
),

needs AS (
    SELECT
        contract_no,
        on_day,
        owed_so_far - tolerance AS needed
    FROM items
    WHERE amount > tolerance
),

short AS (
    SELECT
        kept.contract_no,
        kept.on_day,
        kept.paid,
        GREATEST(kept.on_day, scope.book_from) AS from_day,
        LEAST(
            COALESCE(kept.next_day, CAST($as_of + INTERVAL 1 DAY AS DATE)),
            COALESCE(scope.book_to, CAST($as_of + INTERVAL 1 DAY AS DATE)),
            CAST($as_of + INTERVAL 1 DAY AS DATE)
        ) AS until
    FROM kept
    INNER JOIN scope ON kept.contract_no = scope.contract_no
    WHERE kept.owed > kept.paid AND (kept.next_day IS NULL OR kept.on_day < kept.next_day)
)

SELECT
    short.contract_no,
    short.from_day,
    short.until,
    CAST(MIN(needs.on_day) - INTERVAL 1 DAY AS DATE) AS oldest_due_date,
    CASE WHEN $by_installments THEN COUNT(*) ELSE 0 END AS unmet
FROM short
INNER JOIN needs
    ON short.contract_no = needs.contract_no AND short.on_day >= needs.on_day AND short.paid < needs.needed
WHERE short.from_day < short.until
GROUP BY short.contract_no, short.from_day, short.until
