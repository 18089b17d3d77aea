"""The one API of what people do with cases: the same application in Airflow and alone for the collectors' systems."""
