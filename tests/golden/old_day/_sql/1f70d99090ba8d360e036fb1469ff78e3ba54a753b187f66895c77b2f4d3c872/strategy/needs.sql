-- What must have been paid in total for an item to count as met: one row per item of a contract in scope that is more
-- than immaterial and due before $as_of. Oldest due first; on one day a penalty, other charges, then the instalment.
WITH items AS (
    SELECT
        installments.contract_id,
        installments.due_date,
        2 AS serving,
        installments.installment_no,
        NULL AS charge_id,
        installments.amount_due AS amount
    FROM installments
    INNER JOIN scope ON installments.contract_id = scope.contract_id
    WHERE installments.due_date < $as_of
    UNION ALL
    SELECT
        charges.contract_id,
        charges.due_date,
        CASE WHEN charges.kind = 'penalty' THEN 0 ELSE 1 END AS serving,
        NULL AS installment_no,
        charges.charge_id,
        charges.amount
    FROM charges
    INNER JOIN scope ON charges.contract_id = scope.contract_id
    WHERE charges.due_date < $as_of
),

served AS (
    SELECT
        contract_id,
        due_date,
        serving,
        installment_no,
        charge_id,
        amount,
        SUM(amount) OVER (
            PARTITION BY contract_id ORDER BY due_date, serving, installment_no, charge_id ROWS UNBOUNDED PRECEDING
        ) AS owed_so_far,
        GREATEST(
            CAST($materiality_share AS DECIMAL(9, 6)) * amount, CAST($materiality_amount AS DECIMAL(18, 2))
        ) AS tolerance
    FROM items
)

SELECT
    contract_id,
    due_date,
    ROW_NUMBER() OVER (PARTITION BY contract_id ORDER BY due_date, serving, installment_no, charge_id) AS item_no,
    owed_so_far - tolerance AS needed
FROM served
WHERE amount > tolerance
