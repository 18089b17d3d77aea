"""`python -m arrears.deploy.healthy PART`: a container's health check; asks Airflow's API server about a part of it.

Light on purpose: it runs every few seconds in several containers, where starting Airflow's own command would take
longer than the answer.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request

_SECONDS = 10


def is_healthy(part: str, url: str) -> bool:
    """Whether the API server at `url` says that `part` is well: metadatabase, scheduler, dag_processor or triggerer."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=_SECONDS) as answer:  # noqa: S310 - ours
            health = json.load(answer)
    except (urllib.error.URLError, TimeoutError, ValueError):
        return False
    return bool(health.get(part, {}).get("status") == "healthy")


if __name__ == "__main__":
    server = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    sys.exit(0 if is_healthy(sys.argv[1], server) else 1)
