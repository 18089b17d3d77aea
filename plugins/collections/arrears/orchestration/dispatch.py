"""The operator of the Dag that sends through the day what becomes due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class DispatchOperator(BaseOperator):
    """Sends over one channel what has become due."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"doc_md": "Takes in receipts, then sends over every channel what has become due.", **kwargs}
        )

    def execute(self, context: Context) -> dict[str, Any]:
        return {}
