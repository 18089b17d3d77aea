-- What the customers of arms paid and how often they were contacted. Grain: customer x day with any of it.
-- Recovered, as everywhere: what all contracts of the case paid that day, at most what they owed overdue when it began.
-- contact_counts are the attempts that Arrears made, desk_results what people recorded (what the ledger feeds back of
-- these counts once); the other contacts are in the ledger.
WITH armed AS (
    SELECT
        customer_id,
        MIN(case_entered_on) AS first_entered_on
    FROM arm_case
    GROUP BY customer_id
),

book AS (
    SELECT
        contracts.contract_id,
        contracts.customer_id,
        armed.first_entered_on
    FROM contracts
    INNER JOIN armed ON contracts.customer_id = armed.customer_id
),

counted AS (
    SELECT
        book.contract_id,
        book.customer_id,
        book.first_entered_on,
        payments.value_date,
        payments.amount
    FROM payments
    INNER JOIN book ON payments.contract_id = book.contract_id
    WHERE payments.value_date <= $as_of AND (payments.reversed_on IS NULL OR payments.reversed_on > $as_of)
),

paid AS (
    SELECT
        customer_id,
        value_date AS on_day,
        SUM(amount) AS amount
    FROM counted
    WHERE value_date >= first_entered_on
    GROUP BY customer_id, value_date
),

owed AS (
    SELECT
        paid.customer_id,
        paid.on_day,
        items.contract_id,
        SUM(items.amount) AS amount
    FROM paid
    INNER JOIN (
        SELECT
            book.customer_id,
            book.contract_id,
            installments.due_date,
            installments.amount_due AS amount
        FROM installments
        INNER JOIN book ON installments.contract_id = book.contract_id
        UNION ALL
        SELECT
            book.customer_id,
            book.contract_id,
            charges.due_date,
            charges.amount
        FROM charges
        INNER JOIN book ON charges.contract_id = book.contract_id
    ) AS items
        ON paid.customer_id = items.customer_id AND items.due_date < paid.on_day
    GROUP BY paid.customer_id, paid.on_day, items.contract_id
),

paid_before AS (
    SELECT
        paid.customer_id,
        paid.on_day,
        counted.contract_id,
        SUM(counted.amount) AS amount
    FROM paid
    INNER JOIN counted ON paid.customer_id = counted.customer_id AND counted.value_date < paid.on_day
    GROUP BY paid.customer_id, paid.on_day, counted.contract_id
),

overdue AS (
    SELECT
        owed.customer_id,
        owed.on_day,
        SUM(GREATEST(0, owed.amount - COALESCE(paid_before.amount, 0))) AS amount
    FROM owed
    LEFT JOIN paid_before
        ON
            owed.customer_id = paid_before.customer_id
            AND owed.on_day = paid_before.on_day
            AND owed.contract_id = paid_before.contract_id
    GROUP BY owed.customer_id, owed.on_day
),

touches AS (
    SELECT
        as_of AS on_day,
        customer_id,
        attempts
    FROM contact_counts
    UNION ALL
    SELECT
        CAST(contact_results.attempted_at AS DATE) AS on_day,
        COALESCE(contact_results.customer_id, contracts.customer_id) AS customer_id,
        1 AS attempts
    FROM contact_results
    LEFT JOIN contracts ON contact_results.contract_id = contracts.contract_id
    LEFT JOIN desk_results ON contact_results.result_id = desk_results.result_id
    WHERE
        desk_results.result_id IS NULL
        AND COALESCE(contact_results.initiated_by, 'lender') <> 'customer'
        AND CAST(contact_results.attempted_at AS DATE) <= $as_of
    UNION ALL
    SELECT
        CAST(attempted_at AS DATE) AS on_day,
        customer_id,
        1 AS attempts
    FROM desk_results
    WHERE initiated_by <> 'customer' AND CAST(attempted_at AS DATE) <= $as_of
),

happened AS (
    SELECT
        paid.customer_id,
        paid.on_day,
        LEAST(paid.amount, COALESCE(overdue.amount, 0)) AS recovered_amount,
        0 AS contacts
    FROM paid
    LEFT JOIN overdue ON paid.customer_id = overdue.customer_id AND paid.on_day = overdue.on_day
    UNION ALL
    SELECT
        touches.customer_id,
        touches.on_day,
        0 AS recovered_amount,
        touches.attempts AS contacts
    FROM touches
    INNER JOIN armed ON touches.customer_id = armed.customer_id AND touches.on_day >= armed.first_entered_on
)

SELECT
    customer_id,
    on_day,
    CAST(SUM(recovered_amount) AS DECIMAL(18, 2)) AS recovered_amount,
    CAST(SUM(contacts) AS BIGINT) AS contacts
FROM happened
GROUP BY customer_id, on_day
ORDER BY customer_id, on_day
