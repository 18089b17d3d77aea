"""The operator of the Dag that works through the day: what has become due goes out, receipts come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from arrears.orchestration.addresses import address_from_connection
from arrears.orchestration.day import airflow_errors
from arrears.settings import load_settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class DispatchOperator(BaseOperator):
    """Dispatches the contacts of the current business day, whatever the run's own date."""

    ui_color = "#e7f0f7"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"doc_md": "Sends over every channel what has become due, and takes in receipts.", **kwargs})

    def execute(self, context: Context) -> dict[str, Any]:
        from arrears.outreach.steps import dispatch_contacts
        from arrears.run import open_run

        with airflow_errors():
            settings = load_settings()
            with open_run(settings, settings.acting_clock().today()) as run:
                result = dispatch_contacts(run, resolver=address_from_connection)
                return {"day": run.day.key, "rows": result.rows, "warnings": len(result.warnings)}
