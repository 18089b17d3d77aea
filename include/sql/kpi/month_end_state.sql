-- What every contract of the book was at each of the last 13 month ends: its bucket and its balance, side by side.
-- Grain: contract. Definitions are those of strategy/snapshot.sql, which a test holds this model to.
--
-- One pass over the ledger for all month ends: a column a month end is ten times faster than a row a month end, and
-- needs a tenth of the memory. The sums of a contract also tell in which month the item lies that the money paid by a
-- month end reaches into, so only the items of that one month are walked, and only where other was paid than had fallen
-- due.
-- How many instalments are unmet is not known here: where buckets count them, month_end_by_history puts others in.
-- $month_end_1 is the oldest; those not asked for are equal to it, and have no row in month_ends.
WITH book AS (
    SELECT
        contract_id,
        product,
        COALESCE(currency, 'XXX') AS currency,
        originated_on,
        ledger_from,
        closed_on,
        written_off_on,
        CASE
            WHEN written_off_on IS NOT NULL AND (closed_on IS NULL OR written_off_on <= closed_on) THEN 'written_off'
            WHEN closed_on IS NOT NULL THEN 'closed'
        END AS leaves_as
    FROM contracts
    WHERE
        originated_on <= $month_end_13
        AND (ledger_from IS NULL OR ledger_from <= $month_end_13)
        AND (closed_on IS NULL OR closed_on > $month_end_1)
        AND (written_off_on IS NULL OR written_off_on > $month_end_1)
),

scheduled AS (
    SELECT
        contract_id,
        SUM(amount_due) AS amount,
        COUNT(principal_due) AS parts,
        CAST(SUM(principal_due) AS DECIMAL(18, 2)) AS principal,
        CAST(SUM(CASE WHEN due_date < $month_end_1 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_1,
        CAST(SUM(CASE WHEN due_date < $month_end_2 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_2,
        CAST(SUM(CASE WHEN due_date < $month_end_3 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_3,
        CAST(SUM(CASE WHEN due_date < $month_end_4 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_4,
        CAST(SUM(CASE WHEN due_date < $month_end_5 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_5,
        CAST(SUM(CASE WHEN due_date < $month_end_6 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_6,
        CAST(SUM(CASE WHEN due_date < $month_end_7 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_7,
        CAST(SUM(CASE WHEN due_date < $month_end_8 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_8,
        CAST(SUM(CASE WHEN due_date < $month_end_9 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_9,
        CAST(SUM(CASE WHEN due_date < $month_end_10 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_10,
        CAST(SUM(CASE WHEN due_date < $month_end_11 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_11,
        CAST(SUM(CASE WHEN due_date < $month_end_12 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_12,
        CAST(SUM(CASE WHEN due_date < $month_end_13 THEN amount_due ELSE 0 END) AS DECIMAL(18, 2)) AS before_13,
        CAST(SUM(CASE WHEN due_date >= $month_end_1 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_1,
        CAST(SUM(CASE WHEN due_date >= $month_end_2 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_2,
        CAST(SUM(CASE WHEN due_date >= $month_end_3 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_3,
        CAST(SUM(CASE WHEN due_date >= $month_end_4 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_4,
        CAST(SUM(CASE WHEN due_date >= $month_end_5 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_5,
        CAST(SUM(CASE WHEN due_date >= $month_end_6 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_6,
        CAST(SUM(CASE WHEN due_date >= $month_end_7 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_7,
        CAST(SUM(CASE WHEN due_date >= $month_end_8 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_8,
        CAST(SUM(CASE WHEN due_date >= $month_end_9 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_9,
        CAST(SUM(CASE WHEN due_date >= $month_end_10 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_10,
        CAST(SUM(CASE WHEN due_date >= $month_end_11 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_11,
        CAST(SUM(CASE WHEN due_date >= $month_end_12 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_12,
        CAST(SUM(CASE WHEN due_date >= $month_end_13 THEN principal_due ELSE 0 END) AS DECIMAL(18, 2)) AS principal_13
    FROM installments
    GROUP BY contract_id
),

charged AS (
    SELECT
        contract_id,
        SUM(amount) AS amount,
        CAST(SUM(CASE WHEN due_date < $month_end_1 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_1,
        CAST(SUM(CASE WHEN due_date < $month_end_2 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_2,
        CAST(SUM(CASE WHEN due_date < $month_end_3 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_3,
        CAST(SUM(CASE WHEN due_date < $month_end_4 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_4,
        CAST(SUM(CASE WHEN due_date < $month_end_5 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_5,
        CAST(SUM(CASE WHEN due_date < $month_end_6 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_6,
        CAST(SUM(CASE WHEN due_date < $month_end_7 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_7,
        CAST(SUM(CASE WHEN due_date < $month_end_8 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_8,
        CAST(SUM(CASE WHEN due_date < $month_end_9 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_9,
        CAST(SUM(CASE WHEN due_date < $month_end_10 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_10,
        CAST(SUM(CASE WHEN due_date < $month_end_11 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_11,
        CAST(SUM(CASE WHEN due_date < $month_end_12 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_12,
        CAST(SUM(CASE WHEN due_date < $month_end_13 THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS before_13
    FROM charges
    GROUP BY contract_id
),

received AS (
    SELECT
        contract_id,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_1 AND (reversed_on IS NULL OR reversed_on > $month_end_1)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_1,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_2 AND (reversed_on IS NULL OR reversed_on > $month_end_2)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_2,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_3 AND (reversed_on IS NULL OR reversed_on > $month_end_3)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_3,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_4 AND (reversed_on IS NULL OR reversed_on > $month_end_4)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_4,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_5 AND (reversed_on IS NULL OR reversed_on > $month_end_5)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_5,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_6 AND (reversed_on IS NULL OR reversed_on > $month_end_6)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_6,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_7 AND (reversed_on IS NULL OR reversed_on > $month_end_7)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_7,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_8 AND (reversed_on IS NULL OR reversed_on > $month_end_8)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_8,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_9 AND (reversed_on IS NULL OR reversed_on > $month_end_9)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_9,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_10 AND (reversed_on IS NULL OR reversed_on > $month_end_10)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_10,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_11 AND (reversed_on IS NULL OR reversed_on > $month_end_11)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_11,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_12 AND (reversed_on IS NULL OR reversed_on > $month_end_12)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_12,
        CAST(
            SUM(
                CASE
                    WHEN
                        value_date <= $month_end_13 AND (reversed_on IS NULL OR reversed_on > $month_end_13)
                        THEN amount
                    ELSE 0
                END
            ) AS DECIMAL(18, 2)
        ) AS paid_13
    FROM payments
    WHERE value_date <= $month_end_13
    GROUP BY contract_id
),

sums AS (
    SELECT
        book.*,
        COALESCE(scheduled.amount, 0) + COALESCE(charged.amount, 0) AS owed,
        COALESCE(scheduled.parts, 0) > 0 AS has_parts,
        COALESCE(scheduled.principal, 0) AS principal,
        CAST(COALESCE(scheduled.before_1, 0) + COALESCE(charged.before_1, 0) AS DECIMAL(18, 2)) AS before_1,
        CAST(COALESCE(scheduled.before_2, 0) + COALESCE(charged.before_2, 0) AS DECIMAL(18, 2)) AS before_2,
        CAST(COALESCE(scheduled.before_3, 0) + COALESCE(charged.before_3, 0) AS DECIMAL(18, 2)) AS before_3,
        CAST(COALESCE(scheduled.before_4, 0) + COALESCE(charged.before_4, 0) AS DECIMAL(18, 2)) AS before_4,
        CAST(COALESCE(scheduled.before_5, 0) + COALESCE(charged.before_5, 0) AS DECIMAL(18, 2)) AS before_5,
        CAST(COALESCE(scheduled.before_6, 0) + COALESCE(charged.before_6, 0) AS DECIMAL(18, 2)) AS before_6,
        CAST(COALESCE(scheduled.before_7, 0) + COALESCE(charged.before_7, 0) AS DECIMAL(18, 2)) AS before_7,
        CAST(COALESCE(scheduled.before_8, 0) + COALESCE(charged.before_8, 0) AS DECIMAL(18, 2)) AS before_8,
        CAST(COALESCE(scheduled.before_9, 0) + COALESCE(charged.before_9, 0) AS DECIMAL(18, 2)) AS before_9,
        CAST(COALESCE(scheduled.before_10, 0) + COALESCE(charged.before_10, 0) AS DECIMAL(18, 2)) AS before_10,
        CAST(COALESCE(scheduled.before_11, 0) + COALESCE(charged.before_11, 0) AS DECIMAL(18, 2)) AS before_11,
        CAST(COALESCE(scheduled.before_12, 0) + COALESCE(charged.before_12, 0) AS DECIMAL(18, 2)) AS before_12,
        CAST(COALESCE(scheduled.before_13, 0) + COALESCE(charged.before_13, 0) AS DECIMAL(18, 2)) AS before_13,
        COALESCE(scheduled.principal_1, 0) AS principal_1,
        COALESCE(scheduled.principal_2, 0) AS principal_2,
        COALESCE(scheduled.principal_3, 0) AS principal_3,
        COALESCE(scheduled.principal_4, 0) AS principal_4,
        COALESCE(scheduled.principal_5, 0) AS principal_5,
        COALESCE(scheduled.principal_6, 0) AS principal_6,
        COALESCE(scheduled.principal_7, 0) AS principal_7,
        COALESCE(scheduled.principal_8, 0) AS principal_8,
        COALESCE(scheduled.principal_9, 0) AS principal_9,
        COALESCE(scheduled.principal_10, 0) AS principal_10,
        COALESCE(scheduled.principal_11, 0) AS principal_11,
        COALESCE(scheduled.principal_12, 0) AS principal_12,
        COALESCE(scheduled.principal_13, 0) AS principal_13,
        COALESCE(received.paid_1, 0) AS paid_1,
        COALESCE(received.paid_2, 0) AS paid_2,
        COALESCE(received.paid_3, 0) AS paid_3,
        COALESCE(received.paid_4, 0) AS paid_4,
        COALESCE(received.paid_5, 0) AS paid_5,
        COALESCE(received.paid_6, 0) AS paid_6,
        COALESCE(received.paid_7, 0) AS paid_7,
        COALESCE(received.paid_8, 0) AS paid_8,
        COALESCE(received.paid_9, 0) AS paid_9,
        COALESCE(received.paid_10, 0) AS paid_10,
        COALESCE(received.paid_11, 0) AS paid_11,
        COALESCE(received.paid_12, 0) AS paid_12,
        COALESCE(received.paid_13, 0) AS paid_13
    FROM book
    LEFT JOIN scheduled ON book.contract_id = scheduled.contract_id
    LEFT JOIN charged ON book.contract_id = charged.contract_id
    LEFT JOIN received ON book.contract_id = received.contract_id
),

positions AS (
    SELECT
        sums.*,
        month_ends.slot,
        month_ends.month_end,
        CASE month_ends.slot
            WHEN 1 THEN sums.paid_1
            WHEN 2 THEN sums.paid_2
            WHEN 3 THEN sums.paid_3
            WHEN 4 THEN sums.paid_4
            WHEN 5 THEN sums.paid_5
            WHEN 6 THEN sums.paid_6
            WHEN 7 THEN sums.paid_7
            WHEN 8 THEN sums.paid_8
            WHEN 9 THEN sums.paid_9
            WHEN 10 THEN sums.paid_10
            WHEN 11 THEN sums.paid_11
            WHEN 12 THEN sums.paid_12
            WHEN 13 THEN sums.paid_13
        END AS paid,
        CASE month_ends.slot
            WHEN 1 THEN sums.before_1
            WHEN 2 THEN sums.before_2
            WHEN 3 THEN sums.before_3
            WHEN 4 THEN sums.before_4
            WHEN 5 THEN sums.before_5
            WHEN 6 THEN sums.before_6
            WHEN 7 THEN sums.before_7
            WHEN 8 THEN sums.before_8
            WHEN 9 THEN sums.before_9
            WHEN 10 THEN sums.before_10
            WHEN 11 THEN sums.before_11
            WHEN 12 THEN sums.before_12
            WHEN 13 THEN sums.before_13
        END AS owed_before
    FROM sums
    CROSS JOIN month_ends
    -- in the book; one condition, lest an engine makes a slow inequality join of a cross join with 13 rows
    WHERE
        CASE
            WHEN
                sums.originated_on <= month_ends.month_end -- noqa: ST02
                AND (sums.ledger_from IS NULL OR sums.ledger_from <= month_ends.month_end)
                AND (sums.closed_on IS NULL OR sums.closed_on > month_ends.month_end)
                AND (sums.written_off_on IS NULL OR sums.written_off_on > month_ends.month_end)
                THEN TRUE
            ELSE FALSE
        END
),

-- Whoever paid exactly what fell due has nothing overdue and nothing ahead. Of the others, where something is still to
-- be paid: reach is the month (by the slot of the month end that closes it) in which the first item lies that is not
-- wholly paid.
reaches AS (
    SELECT
        positions.*,
        CASE
            WHEN paid < before_1 THEN 1
            WHEN paid < before_2 THEN 2
            WHEN paid < before_3 THEN 3
            WHEN paid < before_4 THEN 4
            WHEN paid < before_5 THEN 5
            WHEN paid < before_6 THEN 6
            WHEN paid < before_7 THEN 7
            WHEN paid < before_8 THEN 8
            WHEN paid < before_9 THEN 9
            WHEN paid < before_10 THEN 10
            WHEN paid < before_11 THEN 11
            WHEN paid < before_12 THEN 12
            WHEN paid < before_13 THEN 13
            ELSE 14
        END AS reach
    FROM positions
    WHERE paid <> owed_before AND paid < owed
),

-- With what fell due before that month, and the principal that falls due from its begin on.
uneven AS (
    SELECT
        contract_id,
        slot,
        month_end,
        paid,
        reach,
        CASE reach
            WHEN 1 THEN 0
            WHEN 2 THEN before_1
            WHEN 3 THEN before_2
            WHEN 4 THEN before_3
            WHEN 5 THEN before_4
            WHEN 6 THEN before_5
            WHEN 7 THEN before_6
            WHEN 8 THEN before_7
            WHEN 9 THEN before_8
            WHEN 10 THEN before_9
            WHEN 11 THEN before_10
            WHEN 12 THEN before_11
            WHEN 13 THEN before_12
            WHEN 14 THEN before_13
        END AS owed_until,
        CASE reach
            WHEN 1 THEN principal
            WHEN 2 THEN principal_1
            WHEN 3 THEN principal_2
            WHEN 4 THEN principal_3
            WHEN 5 THEN principal_4
            WHEN 6 THEN principal_5
            WHEN 7 THEN principal_6
            WHEN 8 THEN principal_7
            WHEN 9 THEN principal_8
            WHEN 10 THEN principal_9
            WHEN 11 THEN principal_10
            WHEN 12 THEN principal_11
            WHEN 13 THEN principal_12
            WHEN 14 THEN principal_13
        END AS principal_left
    FROM reaches
),

walks AS (
    SELECT DISTINCT
        contract_id,
        reach
    FROM uneven
),

-- Oldest due first; on one day a penalty, then other charges, then the instalment.
obligations AS (
    SELECT
        walks.contract_id,
        walks.reach,
        installments.due_date,
        2 AS serving,
        CAST(installments.installment_no AS VARCHAR) AS item,
        installments.installment_no AS item_no,
        installments.amount_due AS amount,
        CASE
            WHEN installments.principal_due IS NULL THEN 0
            ELSE
                installments.amount_due
                - COALESCE(installments.fee_due, 0)
                - COALESCE(installments.interest_due, 0)
        END AS principal
    FROM installments
    INNER JOIN walks
        ON
            installments.contract_id = walks.contract_id
            AND CASE
                WHEN installments.due_date < $month_end_1 THEN 1
                WHEN installments.due_date < $month_end_2 THEN 2
                WHEN installments.due_date < $month_end_3 THEN 3
                WHEN installments.due_date < $month_end_4 THEN 4
                WHEN installments.due_date < $month_end_5 THEN 5
                WHEN installments.due_date < $month_end_6 THEN 6
                WHEN installments.due_date < $month_end_7 THEN 7
                WHEN installments.due_date < $month_end_8 THEN 8
                WHEN installments.due_date < $month_end_9 THEN 9
                WHEN installments.due_date < $month_end_10 THEN 10
                WHEN installments.due_date < $month_end_11 THEN 11
                WHEN installments.due_date < $month_end_12 THEN 12
                WHEN installments.due_date < $month_end_13 THEN 13
                ELSE 14
            END = walks.reach
    UNION ALL
    SELECT
        walks.contract_id,
        walks.reach,
        charges.due_date,
        CASE WHEN charges.kind = 'penalty' THEN 0 ELSE 1 END AS serving,
        charges.charge_id AS item,
        0 AS item_no,
        charges.amount,
        0 AS principal
    FROM charges
    INNER JOIN walks
        ON
            charges.contract_id = walks.contract_id
            AND CASE
                WHEN charges.due_date < $month_end_1 THEN 1
                WHEN charges.due_date < $month_end_2 THEN 2
                WHEN charges.due_date < $month_end_3 THEN 3
                WHEN charges.due_date < $month_end_4 THEN 4
                WHEN charges.due_date < $month_end_5 THEN 5
                WHEN charges.due_date < $month_end_6 THEN 6
                WHEN charges.due_date < $month_end_7 THEN 7
                WHEN charges.due_date < $month_end_8 THEN 8
                WHEN charges.due_date < $month_end_9 THEN 9
                WHEN charges.due_date < $month_end_10 THEN 10
                WHEN charges.due_date < $month_end_11 THEN 11
                WHEN charges.due_date < $month_end_12 THEN 12
                WHEN charges.due_date < $month_end_13 THEN 13
                ELSE 14
            END = walks.reach
),

served AS (
    SELECT
        contract_id,
        reach,
        due_date,
        serving,
        item_no,
        item,
        amount,
        principal,
        GREATEST(
            CAST($materiality_share AS DECIMAL(9, 6)) * amount, CAST($materiality_amount AS DECIMAL(18, 2))
        ) AS tolerance,
        SUM(amount) OVER so_far AS owed_so_far,
        SUM(principal) OVER so_far AS principal_so_far
    FROM obligations
    WINDOW so_far AS (
        PARTITION BY contract_id, reach ORDER BY due_date, serving, item_no, item
        ROWS UNBOUNDED PRECEDING
    )
),

walked AS (
    SELECT
        uneven.contract_id,
        uneven.slot,
        uneven.month_end,
        served.due_date,
        served.serving,
        served.item_no,
        served.item,
        uneven.owed_until + served.owed_so_far - uneven.paid AS unpaid,
        served.tolerance,
        uneven.principal_left
        - served.principal_so_far
        + LEAST(served.principal, uneven.owed_until + served.owed_so_far - uneven.paid) AS principal
    FROM uneven
    INNER JOIN served
        ON
            uneven.contract_id = served.contract_id
            AND uneven.reach = served.reach
            AND uneven.paid < uneven.owed_until + served.owed_so_far
            AND uneven.paid >= uneven.owed_until + served.owed_so_far - served.amount
),

-- What is left of that item may be immaterial; then the next material item, all unpaid, decides.
immaterial AS (
    SELECT
        contract_id,
        month_end,
        due_date,
        serving,
        item_no,
        item
    FROM walked
    WHERE
        due_date < month_end
        AND unpaid <= tolerance
        AND ($materiality_share > 0 OR $materiality_amount > 0)
),

next_due AS (
    SELECT
        immaterial.contract_id,
        immaterial.month_end,
        MIN(installments.due_date) AS due_date
    FROM immaterial
    INNER JOIN (
        SELECT
            contract_id,
            installment_no,
            due_date,
            amount_due
        FROM installments
        WHERE contract_id IN (SELECT immaterial.contract_id FROM immaterial)
    ) AS installments
        ON
            immaterial.contract_id = installments.contract_id
            AND installments.due_date < immaterial.month_end
            AND (
                installments.due_date > immaterial.due_date
                OR (
                    installments.due_date = immaterial.due_date
                    AND (immaterial.serving < 2 OR installments.installment_no > immaterial.item_no)
                )
            )
    WHERE
        installments.amount_due > CAST($materiality_share AS DECIMAL(9, 6)) * installments.amount_due
        AND installments.amount_due > CAST($materiality_amount AS DECIMAL(18, 2))
    GROUP BY immaterial.contract_id, immaterial.month_end
    UNION ALL
    SELECT
        immaterial.contract_id,
        immaterial.month_end,
        MIN(charges.due_date) AS due_date
    FROM immaterial
    INNER JOIN charges
        ON
            immaterial.contract_id = charges.contract_id
            AND charges.due_date < immaterial.month_end
            AND (
                charges.due_date > immaterial.due_date
                OR (
                    charges.due_date = immaterial.due_date
                    AND (
                        (charges.kind = 'penalty' AND immaterial.serving = 0 AND charges.charge_id > immaterial.item)
                        OR (COALESCE(charges.kind, '') <> 'penalty' AND immaterial.serving = 0)
                        OR (
                            COALESCE(charges.kind, '') <> 'penalty'
                            AND immaterial.serving = 1
                            AND charges.charge_id > immaterial.item
                        )
                    )
                )
            )
    WHERE
        charges.amount > CAST($materiality_share AS DECIMAL(9, 6)) * charges.amount
        AND charges.amount > CAST($materiality_amount AS DECIMAL(18, 2))
    GROUP BY immaterial.contract_id, immaterial.month_end
),

late AS (
    SELECT
        contract_id,
        month_end,
        MIN(due_date) AS due_date
    FROM (
        SELECT
            contract_id,
            month_end,
            due_date
        FROM walked
        WHERE due_date < month_end AND unpaid > tolerance
        UNION ALL
        SELECT
            contract_id,
            month_end,
            due_date
        FROM next_due
    ) AS unmet
    GROUP BY contract_id, month_end
),

-- Days of pause holds in [oldest unmet due date, month end); a day under two holds counts once.
pauses AS (
    SELECT
        late.contract_id,
        late.month_end,
        GREATEST(holds.start_date, late.due_date) AS from_day,
        LEAST(COALESCE(holds.end_date, late.month_end), late.month_end) AS to_day
    FROM late
    INNER JOIN holds ON late.contract_id = holds.contract_id
    WHERE holds.kind = 'pause'
),

pauses_in_order AS (
    SELECT
        contract_id,
        month_end,
        from_day,
        to_day,
        MAX(to_day) OVER (
            PARTITION BY contract_id, month_end ORDER BY from_day, to_day
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS paused_until
    FROM pauses
    WHERE from_day < to_day
),

paused AS (
    SELECT
        contract_id,
        month_end,
        SUM(GREATEST(0, DATE_DIFF('day', GREATEST(from_day, COALESCE(paused_until, from_day)), to_day))) AS days
    FROM pauses_in_order
    GROUP BY contract_id, month_end
),

delinquent AS (
    SELECT
        late.contract_id,
        late.month_end,
        late.due_date,
        GREATEST(
            0, DATE_DIFF('day', late.due_date, late.month_end) - $grace_days - COALESCE(paused.days, 0)
        ) AS delinquent_days
    FROM late
    LEFT JOIN paused ON late.contract_id = paused.contract_id AND late.month_end = paused.month_end
),

-- Contracts that are uneven at any month end, side by side again.
exceptions AS (
    SELECT
        walked.contract_id,
        MAX(CASE WHEN walked.slot = 1 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_1,
        MAX(CASE WHEN walked.slot = 1 THEN walked.principal END) AS principal_1,
        MAX(CASE WHEN walked.slot = 2 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_2,
        MAX(CASE WHEN walked.slot = 2 THEN walked.principal END) AS principal_2,
        MAX(CASE WHEN walked.slot = 3 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_3,
        MAX(CASE WHEN walked.slot = 3 THEN walked.principal END) AS principal_3,
        MAX(CASE WHEN walked.slot = 4 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_4,
        MAX(CASE WHEN walked.slot = 4 THEN walked.principal END) AS principal_4,
        MAX(CASE WHEN walked.slot = 5 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_5,
        MAX(CASE WHEN walked.slot = 5 THEN walked.principal END) AS principal_5,
        MAX(CASE WHEN walked.slot = 6 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_6,
        MAX(CASE WHEN walked.slot = 6 THEN walked.principal END) AS principal_6,
        MAX(CASE WHEN walked.slot = 7 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_7,
        MAX(CASE WHEN walked.slot = 7 THEN walked.principal END) AS principal_7,
        MAX(CASE WHEN walked.slot = 8 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_8,
        MAX(CASE WHEN walked.slot = 8 THEN walked.principal END) AS principal_8,
        MAX(CASE WHEN walked.slot = 9 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_9,
        MAX(CASE WHEN walked.slot = 9 THEN walked.principal END) AS principal_9,
        MAX(CASE WHEN walked.slot = 10 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_10,
        MAX(CASE WHEN walked.slot = 10 THEN walked.principal END) AS principal_10,
        MAX(CASE WHEN walked.slot = 11 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_11,
        MAX(CASE WHEN walked.slot = 11 THEN walked.principal END) AS principal_11,
        MAX(CASE WHEN walked.slot = 12 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_12,
        MAX(CASE WHEN walked.slot = 12 THEN walked.principal END) AS principal_12,
        MAX(CASE WHEN walked.slot = 13 THEN COALESCE(buckets.bucket_no, 0) END) AS bucket_no_13,
        MAX(CASE WHEN walked.slot = 13 THEN walked.principal END) AS principal_13
    FROM walked
    LEFT JOIN delinquent
        ON walked.contract_id = delinquent.contract_id AND walked.month_end = delinquent.month_end
    LEFT JOIN buckets
        ON
            delinquent.due_date + INTERVAL 1 MONTH * buckets.from_months + INTERVAL 1 DAY * buckets.from_days
            <= delinquent.due_date + INTERVAL 1 DAY * delinquent.delinquent_days
            AND (
                buckets.to_days IS NULL
                OR delinquent.due_date + INTERVAL 1 MONTH * buckets.to_months + INTERVAL 1 DAY * buckets.to_days
                > delinquent.due_date + INTERVAL 1 DAY * delinquent.delinquent_days
            )
    GROUP BY walked.contract_id
)

-- Not in the book: NULL. Nothing still to be paid: current, without a balance. A ledger without the parts of its
-- instalments has no principal: then the balance is all that is still to be paid.
SELECT
    sums.contract_id,
    sums.product,
    sums.currency,
    sums.leaves_as,
    CASE
        WHEN
            sums.originated_on <= $month_end_1
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_1)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_1)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_1)
            THEN COALESCE(exceptions.bucket_no_1, 0)
    END AS bucket_no_1,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_1)
            WHEN sums.paid_1 = sums.before_1 THEN sums.principal_1
            ELSE COALESCE(exceptions.principal_1, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_1,
    CASE
        WHEN
            sums.originated_on <= $month_end_2
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_2)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_2)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_2)
            THEN COALESCE(exceptions.bucket_no_2, 0)
    END AS bucket_no_2,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_2)
            WHEN sums.paid_2 = sums.before_2 THEN sums.principal_2
            ELSE COALESCE(exceptions.principal_2, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_2,
    CASE
        WHEN
            sums.originated_on <= $month_end_3
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_3)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_3)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_3)
            THEN COALESCE(exceptions.bucket_no_3, 0)
    END AS bucket_no_3,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_3)
            WHEN sums.paid_3 = sums.before_3 THEN sums.principal_3
            ELSE COALESCE(exceptions.principal_3, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_3,
    CASE
        WHEN
            sums.originated_on <= $month_end_4
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_4)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_4)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_4)
            THEN COALESCE(exceptions.bucket_no_4, 0)
    END AS bucket_no_4,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_4)
            WHEN sums.paid_4 = sums.before_4 THEN sums.principal_4
            ELSE COALESCE(exceptions.principal_4, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_4,
    CASE
        WHEN
            sums.originated_on <= $month_end_5
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_5)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_5)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_5)
            THEN COALESCE(exceptions.bucket_no_5, 0)
    END AS bucket_no_5,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_5)
            WHEN sums.paid_5 = sums.before_5 THEN sums.principal_5
            ELSE COALESCE(exceptions.principal_5, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_5,
    CASE
        WHEN
            sums.originated_on <= $month_end_6
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_6)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_6)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_6)
            THEN COALESCE(exceptions.bucket_no_6, 0)
    END AS bucket_no_6,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_6)
            WHEN sums.paid_6 = sums.before_6 THEN sums.principal_6
            ELSE COALESCE(exceptions.principal_6, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_6,
    CASE
        WHEN
            sums.originated_on <= $month_end_7
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_7)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_7)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_7)
            THEN COALESCE(exceptions.bucket_no_7, 0)
    END AS bucket_no_7,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_7)
            WHEN sums.paid_7 = sums.before_7 THEN sums.principal_7
            ELSE COALESCE(exceptions.principal_7, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_7,
    CASE
        WHEN
            sums.originated_on <= $month_end_8
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_8)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_8)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_8)
            THEN COALESCE(exceptions.bucket_no_8, 0)
    END AS bucket_no_8,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_8)
            WHEN sums.paid_8 = sums.before_8 THEN sums.principal_8
            ELSE COALESCE(exceptions.principal_8, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_8,
    CASE
        WHEN
            sums.originated_on <= $month_end_9
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_9)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_9)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_9)
            THEN COALESCE(exceptions.bucket_no_9, 0)
    END AS bucket_no_9,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_9)
            WHEN sums.paid_9 = sums.before_9 THEN sums.principal_9
            ELSE COALESCE(exceptions.principal_9, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_9,
    CASE
        WHEN
            sums.originated_on <= $month_end_10
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_10)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_10)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_10)
            THEN COALESCE(exceptions.bucket_no_10, 0)
    END AS bucket_no_10,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_10)
            WHEN sums.paid_10 = sums.before_10 THEN sums.principal_10
            ELSE COALESCE(exceptions.principal_10, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_10,
    CASE
        WHEN
            sums.originated_on <= $month_end_11
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_11)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_11)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_11)
            THEN COALESCE(exceptions.bucket_no_11, 0)
    END AS bucket_no_11,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_11)
            WHEN sums.paid_11 = sums.before_11 THEN sums.principal_11
            ELSE COALESCE(exceptions.principal_11, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_11,
    CASE
        WHEN
            sums.originated_on <= $month_end_12
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_12)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_12)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_12)
            THEN COALESCE(exceptions.bucket_no_12, 0)
    END AS bucket_no_12,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_12)
            WHEN sums.paid_12 = sums.before_12 THEN sums.principal_12
            ELSE COALESCE(exceptions.principal_12, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_12,
    CASE
        WHEN
            sums.originated_on <= $month_end_13
            AND (sums.ledger_from IS NULL OR sums.ledger_from <= $month_end_13)
            AND (sums.closed_on IS NULL OR sums.closed_on > $month_end_13)
            AND (sums.written_off_on IS NULL OR sums.written_off_on > $month_end_13)
            THEN COALESCE(exceptions.bucket_no_13, 0)
    END AS bucket_no_13,
    CAST(
        CASE
            WHEN NOT sums.has_parts THEN GREATEST(0, sums.owed - sums.paid_13)
            WHEN sums.paid_13 = sums.before_13 THEN sums.principal_13
            ELSE COALESCE(exceptions.principal_13, 0)
        END AS DECIMAL(18, 2)
    ) AS balance_13
FROM sums
LEFT JOIN exceptions ON sums.contract_id = exceptions.contract_id
