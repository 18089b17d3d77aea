"""Tables of the star schema that BI reads (schema mart)."""
