-- Instalments due before their contract was disbursed, or more than ten years after its term.
SELECT
    installments.row_number,
    CASE
        WHEN installments.due_date < contracts.originated_on THEN 'due_date is before the contract was disbursed'
        ELSE 'due_date is more than ten years after the term'
    END AS reason
FROM installments
INNER JOIN contracts ON installments.contract_id = contracts.contract_id
WHERE
    installments.due_date < contracts.originated_on
    OR DATE_DIFF('month', contracts.originated_on, installments.due_date) > contracts.term_months + 120
