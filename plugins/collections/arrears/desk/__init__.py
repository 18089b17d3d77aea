"""The desk: what people do with cases through the day, on `ops`, each act in one transaction."""
