"""The operator that ends leases through the day: a channel that is down does not hold it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from arrears.orchestration.day import airflow_errors
from arrears.settings import load_settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class ExpireLeasesOperator(BaseOperator):
    """Ends the leases that are over on the current business day, whatever the run's own date."""

    ui_color = "#e7f0f7"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"doc_md": "Puts grabbed cases whose lease is over back into the pool.", **kwargs})

    def execute(self, context: Context) -> dict[str, Any]:
        from arrears.desk.steps import expire_leases
        from arrears.run import open_run

        with airflow_errors():
            settings = load_settings()
            with open_run(settings, settings.acting_clock().today()) as run:
                return {"day": run.day.key, "rows": expire_leases(run).rows}
