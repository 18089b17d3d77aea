-- What is unpaid of each item, for contracts that paid other than what fell due: whoever is short has an open past and
-- an untouched future, whoever is ahead a settled past and a partly paid future; only that side is walked.
WITH uneven AS (
    SELECT
        contract_id,
        paid,
        paid < owed_before AS short,
        CASE WHEN paid < owed_before THEN 0 ELSE owed_before END AS settled
    FROM balances
    WHERE paid <> owed_before
),

-- Oldest due first; on one day a penalty, then other charges, then the instalment.
obligations AS (
    SELECT
        installments.contract_id,
        installments.due_date,
        2 AS serving,
        installments.installment_no,
        NULL AS charge_id,
        NULL AS charge_kind,
        installments.amount_due AS amount,
        CASE WHEN installments.principal_due IS NOT NULL THEN COALESCE(installments.fee_due, 0) END AS fee,
        CASE WHEN installments.principal_due IS NOT NULL THEN COALESCE(installments.interest_due, 0) END AS interest,
        uneven.paid,
        uneven.settled
    FROM installments
    INNER JOIN uneven ON installments.contract_id = uneven.contract_id
    WHERE (installments.due_date < $as_of) = uneven.short
    UNION ALL
    SELECT
        charges.contract_id,
        charges.due_date,
        CASE WHEN charges.kind = 'penalty' THEN 0 ELSE 1 END AS serving,
        NULL AS installment_no,
        charges.charge_id,
        charges.kind AS charge_kind,
        charges.amount,
        NULL AS fee,
        NULL AS interest,
        uneven.paid,
        uneven.settled
    FROM charges
    INNER JOIN uneven ON charges.contract_id = uneven.contract_id
    WHERE (charges.due_date < $as_of) = uneven.short
),

served AS (
    SELECT
        contract_id,
        due_date,
        serving,
        installment_no,
        charge_id,
        charge_kind,
        amount,
        fee,
        interest,
        paid,
        settled + SUM(amount) OVER (
            PARTITION BY contract_id ORDER BY due_date, serving, installment_no, charge_id ROWS UNBOUNDED PRECEDING
        ) AS owed_so_far
    FROM obligations
),

unpaid AS (
    SELECT
        contract_id,
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
    contract_id,
    due_date,
    serving,
    installment_no,
    charge_id,
    charge_kind,
    amount,
    owed_so_far,
    amount_unpaid,
    CASE WHEN fee IS NOT NULL THEN GREATEST(0, amount_unpaid - (amount - fee)) END AS fee_unpaid,
    CASE
        WHEN fee IS NOT NULL
            THEN GREATEST(0, LEAST(interest, amount_unpaid - (amount - fee - interest)))
    END AS interest_unpaid,
    CASE WHEN fee IS NOT NULL THEN LEAST(amount_unpaid, amount - fee - interest) END AS principal_unpaid,
    due_date < $as_of
    AND amount_unpaid > CAST($materiality_amount AS DECIMAL(18, 2))
    AND amount_unpaid > CAST($materiality_share AS DECIMAL(9, 6)) * amount AS unmet
FROM unpaid
