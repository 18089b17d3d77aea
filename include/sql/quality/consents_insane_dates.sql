-- Consents that end before they start.
SELECT
    row_number,
    'valid_to is before valid_from' AS reason
FROM consents
WHERE valid_to < valid_from
