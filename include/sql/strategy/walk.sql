-- What is unpaid of each item that is due before $as_of, for contracts that are short: less was paid than fell due.
-- contract_no numbers them: sorting many items by numbers is far cheaper than by ids.
WITH short AS (
    SELECT
        contract_id,
        paid,
        CAST(ROW_NUMBER() OVER (ORDER BY contract_id) AS INTEGER) AS contract_no
    FROM balances
    WHERE paid < owed_before
),

charged AS (
    SELECT
        short.contract_no,
        short.paid,
        charges.due_date,
        CASE WHEN charges.kind = 'penalty' THEN 0 ELSE 1 END AS serving,
        charges.charge_id,
        charges.kind,
        charges.amount
    FROM charges
    INNER JOIN short ON charges.contract_id = short.contract_id
    WHERE charges.due_date < $as_of
),

-- Oldest due first; on one day a penalty, then other charges, then the instalment.
obligations AS (
    SELECT
        short.contract_no,
        short.paid,
        installments.due_date,
        2 AS serving,
        installments.installment_no AS item_no,
        installments.installment_no,
        NULL AS charge_id,
        NULL AS charge_kind,
        installments.amount_due AS amount,
        CASE WHEN installments.principal_due IS NOT NULL THEN COALESCE(installments.fee_due, 0) END AS fee,
        CASE WHEN installments.principal_due IS NOT NULL THEN COALESCE(installments.interest_due, 0) END AS interest
    FROM installments
    INNER JOIN short ON installments.contract_id = short.contract_id
    WHERE installments.due_date < $as_of
    UNION ALL
    SELECT
        contract_no,
        paid,
        due_date,
        serving,
        CAST(ROW_NUMBER() OVER (PARTITION BY contract_no ORDER BY charge_id) AS INTEGER) AS item_no,
        NULL AS installment_no,
        charge_id,
        kind AS charge_kind,
        amount,
        NULL AS fee,
        NULL AS interest
    FROM charged
),

served AS (
    SELECT
        contract_no,
        paid,
        due_date,
        serving,
        installment_no,
        charge_id,
        charge_kind,
        amount,
        fee,
        interest,
        SUM(amount) OVER (
            PARTITION BY contract_no ORDER BY due_date, serving, item_no ROWS UNBOUNDED PRECEDING
        ) AS owed_so_far
    FROM obligations
),

unpaid AS (
    SELECT
        contract_no,
        due_date,
        serving,
        installment_no,
        charge_id,
        charge_kind,
        amount,
        fee,
        interest,
        CAST(owed_so_far AS DECIMAL(18, 2)) AS owed_so_far,
        CAST(LEAST(amount, GREATEST(0, owed_so_far - paid)) AS DECIMAL(18, 2)) AS amount_unpaid
    FROM served
)

-- Fee first, then interest, then principal: the principal is what is paid last. An item is met when what is unpaid of
-- it is immaterial.
SELECT
    short.contract_id,
    unpaid.due_date,
    unpaid.serving,
    unpaid.installment_no,
    unpaid.charge_id,
    unpaid.charge_kind,
    unpaid.amount,
    unpaid.owed_so_far,
    unpaid.amount_unpaid,
    CASE WHEN unpaid.fee IS NOT NULL THEN GREATEST(0, unpaid.amount_unpaid - (unpaid.amount - unpaid.fee)) END
        AS fee_unpaid,
    CASE
        WHEN unpaid.fee IS NOT NULL
            THEN
                GREATEST(
                    0,
                    LEAST(
                        unpaid.interest, unpaid.amount_unpaid - (unpaid.amount - unpaid.fee - unpaid.interest)
                    )
                )
    END AS interest_unpaid,
    CASE WHEN unpaid.fee IS NOT NULL THEN LEAST(unpaid.amount_unpaid, unpaid.amount - unpaid.fee - unpaid.interest) END
        AS principal_unpaid,
    unpaid.amount_unpaid > CAST($materiality_amount AS DECIMAL(18, 2))
    AND unpaid.amount_unpaid > CAST($materiality_share AS DECIMAL(9, 6)) * unpaid.amount AS unmet
FROM unpaid
INNER JOIN short ON unpaid.contract_no = short.contract_no
