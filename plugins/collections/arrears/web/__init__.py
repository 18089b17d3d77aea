"""The pages of Arrears inside Airflow: the day at a glance, and the documents that the steps wrote."""
