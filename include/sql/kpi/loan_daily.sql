-- Contracts of the live book with an unmet instalment at the opening. Grain: day x basis x contract.
SELECT
    as_of,
    CAST($basis AS VARCHAR) AS basis,
    contract_id,
    customer_id,
    product,
    COALESCE(currency, 'XXX') AS currency,
    region,
    bucket,
    class,
    days_past_due,
    delinquent_days,
    unmet_installments,
    oldest_due_date,
    overdue_amount,
    overdue_principal,
    outstanding_amount,
    outstanding_principal,
    repeated,
    spell_entered_on,
    last_payment_on,
    held,
    hold_kind
FROM live_book
WHERE days_past_due > 0
ORDER BY contract_id
