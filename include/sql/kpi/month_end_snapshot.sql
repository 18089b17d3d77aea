-- The same as month_end_state, from what the runs of the month ends themselves knew (their frozen snapshots).
-- Grain: contract; a month end of which there is no snapshot is NULL.
SELECT
    live_book.contract_id,
    MAX(live_book.product) AS product,
    COALESCE(MAX(live_book.currency), 'XXX') AS currency,
    MAX(
        CASE
            WHEN
                contracts.written_off_on IS NOT NULL
                AND (contracts.closed_on IS NULL OR contracts.written_off_on <= contracts.closed_on)
                THEN 'written_off'
            WHEN contracts.closed_on IS NOT NULL THEN 'closed'
        END
    ) AS leaves_as,
    MAX(CASE WHEN live_book.as_of = $month_end_1 THEN live_book.bucket_no END) AS bucket_no_1,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_1
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_1,
    MAX(CASE WHEN live_book.as_of = $month_end_2 THEN live_book.bucket_no END) AS bucket_no_2,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_2
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_2,
    MAX(CASE WHEN live_book.as_of = $month_end_3 THEN live_book.bucket_no END) AS bucket_no_3,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_3
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_3,
    MAX(CASE WHEN live_book.as_of = $month_end_4 THEN live_book.bucket_no END) AS bucket_no_4,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_4
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_4,
    MAX(CASE WHEN live_book.as_of = $month_end_5 THEN live_book.bucket_no END) AS bucket_no_5,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_5
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_5,
    MAX(CASE WHEN live_book.as_of = $month_end_6 THEN live_book.bucket_no END) AS bucket_no_6,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_6
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_6,
    MAX(CASE WHEN live_book.as_of = $month_end_7 THEN live_book.bucket_no END) AS bucket_no_7,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_7
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_7,
    MAX(CASE WHEN live_book.as_of = $month_end_8 THEN live_book.bucket_no END) AS bucket_no_8,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_8
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_8,
    MAX(CASE WHEN live_book.as_of = $month_end_9 THEN live_book.bucket_no END) AS bucket_no_9,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_9
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_9,
    MAX(CASE WHEN live_book.as_of = $month_end_10 THEN live_book.bucket_no END) AS bucket_no_10,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_10
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_10,
    MAX(CASE WHEN live_book.as_of = $month_end_11 THEN live_book.bucket_no END) AS bucket_no_11,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_11
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_11,
    MAX(CASE WHEN live_book.as_of = $month_end_12 THEN live_book.bucket_no END) AS bucket_no_12,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_12
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_12,
    MAX(CASE WHEN live_book.as_of = $month_end_13 THEN live_book.bucket_no END) AS bucket_no_13,
    MAX(
        CASE
            WHEN live_book.as_of = $month_end_13
                THEN COALESCE(live_book.outstanding_principal, live_book.outstanding_amount)
        END
    ) AS balance_13
FROM live_book
LEFT JOIN contracts ON live_book.contract_id = contracts.contract_id
GROUP BY live_book.contract_id
