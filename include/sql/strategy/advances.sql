-- What contracts that paid ahead still have to pay of the principal of items due on $as_of or later: more was paid than
-- fell due before, which settles the next items in their order. One row per such contract with such an item.
WITH ahead AS (
    SELECT
        contract_id,
        paid - owed_before AS paid,
        CAST(ROW_NUMBER() OVER (ORDER BY contract_id) AS INTEGER) AS contract_no
    FROM balances
    WHERE paid > owed_before
),

charged AS (
    SELECT
        ahead.contract_no,
        ahead.paid,
        charges.due_date,
        CASE WHEN charges.kind = 'penalty' THEN 0 ELSE 1 END AS serving,
        charges.charge_id,
        charges.amount
    FROM charges
    INNER JOIN ahead ON charges.contract_id = ahead.contract_id
    WHERE charges.due_date >= $as_of
),

-- As in `walk`.
obligations AS (
    SELECT
        ahead.contract_no,
        ahead.paid,
        installments.due_date,
        2 AS serving,
        installments.installment_no AS item_no,
        installments.amount_due AS amount,
        CASE
            WHEN installments.principal_due IS NOT NULL
                THEN
                    installments.amount_due
                    - COALESCE(installments.fee_due, 0)
                    - COALESCE(installments.interest_due, 0)
        END AS principal
    FROM installments
    INNER JOIN ahead ON installments.contract_id = ahead.contract_id
    WHERE installments.due_date >= $as_of
    UNION ALL
    SELECT
        contract_no,
        paid,
        due_date,
        serving,
        CAST(ROW_NUMBER() OVER (PARTITION BY contract_no ORDER BY charge_id) AS INTEGER) AS item_no,
        amount,
        NULL AS principal
    FROM charged
),

served AS (
    SELECT
        contract_no,
        amount,
        principal,
        paid,
        SUM(amount) OVER (
            PARTITION BY contract_no ORDER BY due_date, serving, item_no ROWS UNBOUNDED PRECEDING
        ) AS owed_so_far
    FROM obligations
),

unpaid AS (
    SELECT
        contract_no,
        SUM(CASE WHEN principal IS NOT NULL THEN LEAST(principal, amount, GREATEST(0, owed_so_far - paid)) END)
            AS principal
    FROM served
    GROUP BY contract_no
)

SELECT
    ahead.contract_id,
    CAST(unpaid.principal AS DECIMAL(18, 2)) AS principal_unpaid
FROM unpaid
INNER JOIN ahead ON unpaid.contract_no = ahead.contract_no
