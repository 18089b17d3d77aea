-- Products of the book and of the roll matrix. Grain: product.
SELECT DISTINCT
    contracts.product,
    COALESCE(labels.en, contracts.product) AS label_en,
    COALESCE(labels.zh, contracts.product) AS label_zh
FROM contracts
LEFT JOIN labels ON contracts.product = labels.code
ORDER BY contracts.product
