-- One row per contract of the book, aged as of $as_of. Definitions: docs/ageing.md.
-- Whoever paid exactly what fell due has nothing overdue and nothing ahead: only the others' instalments are walked.
-- Who is short has an open past and an untouched future; who is ahead a settled past and a partly paid future.
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
        installments.installment_no AS item,
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
        ROW_NUMBER() OVER (PARTITION BY charges.contract_id ORDER BY charges.due_date, charges.charge_id) AS item,
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
        amount,
        fee,
        interest,
        paid,
        settled + SUM(amount) OVER (
            PARTITION BY contract_id ORDER BY due_date, serving, item ROWS UNBOUNDED PRECEDING
        ) AS owed_so_far,
        GREATEST(
            CAST($materiality_share AS DECIMAL(9, 6)) * amount, CAST($materiality_amount AS DECIMAL(18, 2))
        ) AS tolerance
    FROM obligations
),

unpaid AS (
    SELECT
        contract_id,
        due_date,
        serving,
        amount,
        fee,
        interest,
        tolerance,
        owed_so_far,
        LEAST(amount, GREATEST(0, owed_so_far - paid)) AS amount_unpaid
    FROM served
),

-- Fee first, then interest, then principal: the principal is what is paid last.
unpaid_parts AS (
    SELECT
        contract_id,
        due_date,
        serving,
        amount_unpaid,
        tolerance,
        CASE
            WHEN fee IS NOT NULL THEN LEAST(amount_unpaid, amount - fee - interest)
        END AS principal_unpaid,
        CASE
            WHEN fee IS NOT NULL
                THEN GREATEST(0, LEAST(interest, amount_unpaid - (amount - fee - interest)))
        END AS interest_unpaid,
        CASE
            WHEN fee IS NOT NULL THEN GREATEST(0, amount_unpaid - (amount - fee))
        END AS fee_unpaid
    FROM unpaid
),

walked AS (
    SELECT
        contract_id,
        SUM(principal_unpaid) AS principal,
        SUM(CASE WHEN due_date < $as_of THEN amount_unpaid ELSE 0 END) AS overdue,
        SUM(CASE WHEN due_date < $as_of THEN principal_unpaid END) AS overdue_principal,
        SUM(CASE WHEN due_date < $as_of THEN interest_unpaid END) AS overdue_interest,
        SUM(CASE WHEN due_date < $as_of THEN fee_unpaid END) AS overdue_fee,
        SUM(CASE WHEN due_date < $as_of AND serving < 2 THEN amount_unpaid ELSE 0 END) AS overdue_charges,
        MIN(CASE WHEN due_date < $as_of AND amount_unpaid > tolerance THEN due_date END) AS oldest_due_date,
        COUNT(CASE WHEN due_date < $as_of AND amount_unpaid > tolerance THEN 1 END) AS unmet
    FROM unpaid_parts
    GROUP BY contract_id
),

-- Spells. A contract is in arrears on day X when, of what fell due before X, some item needs more money than was
-- paid by X: so two running figures over the days on which anything happened decide it, returned payments included.
short AS (
    SELECT contract_id
    FROM uneven
    WHERE short
),

needs AS (
    SELECT
        contract_id,
        due_date,
        owed_so_far - tolerance AS needed
    FROM unpaid
    WHERE due_date < $as_of AND amount > tolerance
),

movements AS (
    SELECT
        contract_id,
        CAST(due_date + INTERVAL 1 DAY AS DATE) AS on_day,
        needed,
        CASE WHEN $grace_days = 0 THEN needed END AS needed_after_grace,
        0 AS received
    FROM needs
    UNION ALL
    SELECT
        contract_id,
        CAST(due_date + INTERVAL 1 DAY * ($grace_days + 1) AS DATE) AS on_day,
        NULL AS needed,
        needed AS needed_after_grace,
        0 AS received
    FROM needs
    WHERE $grace_days > 0
    UNION ALL
    SELECT
        payments.contract_id,
        payments.value_date AS on_day,
        NULL AS needed,
        NULL AS needed_after_grace,
        payments.amount AS received
    FROM payments
    INNER JOIN short ON payments.contract_id = short.contract_id
    WHERE payments.reversed_on IS NULL OR payments.reversed_on > payments.value_date
    UNION ALL
    SELECT
        payments.contract_id,
        payments.reversed_on AS on_day,
        NULL AS needed,
        NULL AS needed_after_grace,
        -payments.amount AS received
    FROM payments
    INNER JOIN short ON payments.contract_id = short.contract_id
    WHERE payments.reversed_on > payments.value_date
),

movement_days AS (
    SELECT
        contract_id,
        on_day,
        MAX(needed) AS needed,
        MAX(needed_after_grace) AS needed_after_grace,
        SUM(received) AS received
    FROM movements
    WHERE on_day <= $as_of
    GROUP BY contract_id, on_day
),

states AS (
    SELECT
        contract_id,
        on_day,
        COALESCE(MAX(needed) OVER so_far, 0) > SUM(received) OVER so_far AS in_arrears,
        COALESCE(MAX(needed_after_grace) OVER so_far, 0) > SUM(received) OVER so_far AS beyond_grace
    FROM movement_days
    WINDOW so_far AS (PARTITION BY contract_id ORDER BY on_day ROWS UNBOUNDED PRECEDING)
),

entries AS (
    SELECT
        contract_id,
        on_day,
        beyond_grace,
        in_arrears AND NOT COALESCE(LAG(in_arrears) OVER (PARTITION BY contract_id ORDER BY on_day), FALSE) AS entered
    FROM states
),

last_entries AS (
    SELECT
        contract_id,
        MAX(on_day) AS entered_on
    FROM entries
    WHERE entered
    GROUP BY contract_id
),

spells AS (
    SELECT
        entries.contract_id,
        last_entries.entered_on,
        MAX(CASE WHEN entries.beyond_grace AND entries.on_day < last_entries.entered_on THEN 1 ELSE 0 END) = 1
            AS repeated
    FROM entries
    INNER JOIN last_entries ON entries.contract_id = last_entries.contract_id
    GROUP BY entries.contract_id, last_entries.entered_on
),

-- Days of pause holds in [oldest unmet due date, as of); a day under two holds counts once.
pauses AS (
    SELECT
        holds.contract_id,
        GREATEST(holds.start_date, walked.oldest_due_date) AS from_day,
        LEAST(COALESCE(holds.end_date, $as_of), $as_of) AS to_day
    FROM holds
    INNER JOIN walked ON holds.contract_id = walked.contract_id
    WHERE holds.kind = 'pause' AND walked.oldest_due_date IS NOT NULL
),

pauses_in_order AS (
    SELECT
        contract_id,
        from_day,
        to_day,
        MAX(to_day) OVER (
            PARTITION BY contract_id ORDER BY from_day, to_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS paused_until
    FROM pauses
    WHERE from_day < to_day
),

paused AS (
    SELECT
        contract_id,
        SUM(GREATEST(0, DATE_DIFF('day', GREATEST(from_day, COALESCE(paused_until, from_day)), to_day))) AS days
    FROM pauses_in_order
    GROUP BY contract_id
),

open_holds AS (
    SELECT
        holds.contract_id,
        MIN(stop_holds.strength) AS strength
    FROM holds
    INNER JOIN stop_holds ON holds.kind = stop_holds.kind
    WHERE holds.start_date <= $as_of AND (holds.end_date IS NULL OR holds.end_date > $as_of)
    GROUP BY holds.contract_id
),

-- A ledger without parts leaves them unknown; one with parts has nothing overdue where nothing was walked.
counted AS (
    SELECT
        balances.*,
        walked.oldest_due_date,
        walked.overdue,
        CASE
            WHEN balances.principal_after IS NOT NULL THEN COALESCE(walked.overdue_principal, 0)
        END AS overdue_principal,
        CASE
            WHEN balances.principal_after IS NOT NULL THEN COALESCE(walked.overdue_interest, 0)
        END AS overdue_interest,
        CASE
            WHEN balances.principal_after IS NOT NULL THEN COALESCE(walked.overdue_fee, 0)
        END AS overdue_fee,
        walked.overdue_charges,
        walked.unmet,
        CASE
            WHEN walked.contract_id IS NULL THEN balances.principal_after
            WHEN balances.paid > balances.owed_before THEN COALESCE(walked.principal, balances.principal_after)
            ELSE balances.principal_after + COALESCE(walked.principal, 0)
        END AS principal,
        COALESCE(DATE_DIFF('day', walked.oldest_due_date, $as_of), 0) AS days_past_due,
        COALESCE(paused.days, 0) AS paused_days
    FROM balances
    LEFT JOIN walked ON balances.contract_id = walked.contract_id
    LEFT JOIN paused ON balances.contract_id = paused.contract_id
),

delinquent AS (
    SELECT
        counted.*,
        GREATEST(0, days_past_due - $grace_days - paused_days) AS delinquent_days
    FROM counted
)

SELECT
    CAST($as_of AS DATE) AS as_of,
    contracts.contract_id,
    contracts.customer_id,
    contracts.product,
    contracts.vehicle_type,
    contracts.region,
    contracts.dealer_id,
    contracts.currency,
    contracts.originated_on,
    contracts.principal,
    CAST(delinquent.days_past_due AS INTEGER) AS days_past_due,
    CAST(delinquent.delinquent_days AS INTEGER) AS delinquent_days,
    CAST(delinquent.paused_days AS INTEGER) AS paused_days,
    CAST(COALESCE(delinquent.overdue, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(delinquent.overdue_principal AS DECIMAL(18, 2)) AS overdue_principal,
    CAST(delinquent.overdue_interest AS DECIMAL(18, 2)) AS overdue_interest,
    CAST(delinquent.overdue_fee AS DECIMAL(18, 2)) AS overdue_fee,
    CAST(COALESCE(delinquent.overdue_charges, 0) AS DECIMAL(18, 2)) AS overdue_charges,
    CAST(GREATEST(0, delinquent.owed - delinquent.paid) AS DECIMAL(18, 2)) AS outstanding_amount,
    CAST(delinquent.principal AS DECIMAL(18, 2)) AS outstanding_principal,
    CAST(COALESCE(delinquent.unmet, 0) AS INTEGER) AS unmet_installments,
    delinquent.oldest_due_date,
    buckets.bucket,
    buckets.bucket_no,
    buckets.class,
    COALESCE(spells.repeated, FALSE) AS repeated,
    spells.entered_on AS spell_entered_on,
    delinquent.last_payment_on,
    stop_holds.kind IS NOT NULL AS held,
    stop_holds.kind AS hold_kind
FROM delinquent
INNER JOIN contracts ON delinquent.contract_id = contracts.contract_id
INNER JOIN buckets
    ON
        delinquent.delinquent_days >= buckets.from_day
        AND (buckets.to_day IS NULL OR delinquent.delinquent_days <= buckets.to_day)
LEFT JOIN spells ON delinquent.contract_id = spells.contract_id AND delinquent.days_past_due > 0
LEFT JOIN open_holds ON delinquent.contract_id = open_holds.contract_id
LEFT JOIN stop_holds ON open_holds.strength = stop_holds.strength
ORDER BY contracts.contract_id
