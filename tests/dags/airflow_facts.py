"""Loads plugins and Dag files as Airflow does, in a process of its own, and prints what it found as JSON.

Usage: python airflow_facts.py DAGS_FOLDER. AIRFLOW_HOME and the plugins folder come from the environment.
"""

import json
import sys
from typing import Any

HEAVY = ("duckdb", "great_expectations", "pandas", "altair", "vl_convert", "pyspark")


def _task(task: Any) -> dict[str, Any]:
    arguments = getattr(task, "partial_kwargs", None)

    def of(name: str) -> Any:
        return arguments.get(name) if arguments is not None and name in arguments else getattr(task, name, None)

    return {
        "owner": task.owner,
        "retries": of("retries"),
        "retry_seconds": of("retry_delay").total_seconds(),
        "doc_md": of("doc_md"),
        "outlets": [outlet.name for outlet in of("outlets") or []],
        "upstream": sorted(task.upstream_task_ids),
        "mapped": arguments is not None,
        "links": [link.name for link in task.operator_extra_links],
        "trigger_rule": of("trigger_rule").value,
        "tells_failures": getattr(task, "tells_failures", False),
        "type": task.task_type,
    }


def _schedule(timetable: Any) -> dict[str, Any]:
    asset = getattr(timetable, "asset_condition", None)
    return {
        "type": type(timetable).__name__,
        "asset": asset.name if asset is not None else None,
        "expression": getattr(timetable, "expression", None),
        "timezone": str(getattr(timetable, "timezone", "")),
        "key_format": getattr(timetable, "key_format", None),
    }


def main(folder: str) -> None:
    import calendar
    import collections

    before = sorted(name for name in HEAVY if name in sys.modules)
    from airflow import plugins_manager
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    from arrears.orchestration import Tag

    plugins_manager.ensure_plugins_loaded()
    after_plugins = sorted(name for name in HEAVY if name in sys.modules)
    bag = DagBag(folder, collect_dags=True)
    after_dags = sorted(name for name in HEAVY if name in sys.modules)
    for dag in bag.dags.values():
        DagSerialization.from_dict(DagSerialization.to_dict(dag))
    plugin_errors = plugins_manager.get_import_errors()
    facts = {
        "import_errors": bag.import_errors,
        "plugin_errors": plugin_errors,
        "plugins": sorted(str(plugin["name"]) for plugin in plugins_manager.get_plugin_info()),
        "heavy": {"before": before, "after_plugins": after_plugins, "after_dags": after_dags},
        "stdlib": {
            "collections": collections.__file__,
            "calendar": calendar.__file__,
            "collections_now": sys.modules["collections"].__file__,
            "calendar_now": sys.modules["calendar"].__file__,
        },
        "known_tags": sorted(Tag),
        "dags": {
            dag.dag_id: {
                "file": dag.fileloc,
                "doc_md": dag.doc_md,
                "tags": sorted(map(str, dag.tags)),
                "max_active_runs": dag.max_active_runs,
                "catchup": dag.catchup,
                "schedule": _schedule(dag.timetable),
                "tasks": {task.task_id: _task(task) for task in dag.tasks},
            }
            for dag in bag.dags.values()
        },
    }
    print("FACTS" + json.dumps(facts, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
