"""The operator that previews changed rules; the one task whose input is the parameters of a run by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from arrears.day import parse_day
from arrears.orchestration.day import airflow_errors
from arrears.orchestration.step import DocumentLink
from arrears.settings import load_settings

if TYPE_CHECKING:
    from airflow.sdk import Context

_DOCUMENT = "preview"


class PreviewOperator(BaseOperator):
    """Previews the rules that the run's parameters name: `change` or `valid_on`, over the book of `as_of`.

    `change` is a folder's name below two configured places, never a path. Nothing is written but the preview's own
    documents; the warehouse is read, in read-only transactions.
    """

    ui_color = "#e7f0f7"

    def __init__(self, **kwargs: Any) -> None:
        does = "Compares a day's book under the present rules and under changed ones; changes nothing that others read."
        super().__init__(**{"doc_md": does, **kwargs})
        self.documents_written: dict[str, str] = {}
        self.operator_extra_links = (DocumentLink(_DOCUMENT),)

    def execute(self, context: Context) -> dict[str, Any]:
        from arrears.preview.change import change_folder
        from arrears.preview.publish import run_preview

        change, valid_on, as_of = (context["params"].get(name) or None for name in ("change", "valid_on", "as_of"))
        with airflow_errors():
            settings = load_settings()
            _, result = run_preview(
                settings,
                as_of=parse_day(as_of, where="as_of") if as_of else None,
                folder=change_folder(settings, change) if change else None,
                valid_on=parse_day(valid_on, where="valid_on") if valid_on else None,
            )
        for warning in result.warnings:
            self.log.warning("%s", warning)
        self.documents_written = dict(result.links)
        return {**result.figures, "documents": result.links}
