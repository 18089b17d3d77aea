"""The supervisor: starts the stack's services in order, runs the day through Airflow, and stops what it started."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import psutil
import sqlalchemy as sa
from filelock import FileLock

from arrears.settings import PROJECT, Settings
from arrears.stack.airflow_api import AirflowApi
from arrears.stack.display import Display
from arrears.stack.environment import METADATA, airflow_environment, connection_environment, library_environment
from arrears.stack.follow import CHAIN, FIRST, DayProgress, follow
from arrears.stack.gateway import GatewayPorts, gateway_connections, gateway_ports, gateway_service
from arrears.stack.home import ADMIN, StackHome
from arrears.stack.lender import DATABASE as LENDER
from arrears.stack.lender import changed, with_collectors, write_lender
from arrears.stack.metadata import migrate_metadata
from arrears.stack.processes import (
    Service,
    StackError,
    identity_of,
    still_runs,
    stop_processes,
    stop_services,
    uninterrupted,
)
from arrears.stack.settings import StackSettings
from arrears.stack.webhooks import api_service, order_webhooks
from arrears.warehouse.connect import DATABASE as WAREHOUSE
from arrears.warehouse.embedded import EmbeddedPostgres, embedded_postgres

DISPATCH = "outreach_dispatch"

_RUNNING = "running.json"
_HEALTHY = "healthy"
_POLL_SECONDS = 0.3
_DOWN_SECONDS = 60


@dataclass
class Stack:
    """The stack of one checkout, from its start to its end."""

    settings: Settings
    stack: StackSettings
    display: Display
    services: list[Service] = field(default_factory=list)
    _api: AirflowApi | None = None
    _lock: FileLock | None = None
    _stops_postgres: bool = False

    @property
    def home(self) -> StackHome:
        """Where the stack keeps its part of the state."""
        return StackHome(self.settings.home)

    @property
    def as_of(self) -> date:
        """The business day that the stack is for."""
        return self.stack.as_of or self.settings.acting_clock().today()

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The embedded server: Airflow's metadata, and by default the warehouse and the generated lender."""
        return embedded_postgres(self.settings.home)

    @contextmanager
    def running(self) -> Iterator[AirflowApi]:
        """Starts everything, gives Airflow's API, and stops everything, whatever happens."""
        try:
            yield self.start()
        finally:
            with uninterrupted():
                self.stop()

    def start(self) -> AirflowApi:
        """Starts everything that a day needs; StackError names what did not start, with the end of its log.

        The lender and the warehouse are made ready while Airflow starts, since neither needs the other.
        """
        self.home.prepare()
        self._lock = self.home.acquire()
        clear_leftovers(self.home)
        with self.display.stage("embedded PostgreSQL"):
            self._stops_postgres = not self.postgres.is_running()
            self.postgres.ensure_running(self.stack.postgres_port)
            self._remember()
        with ThreadPoolExecutor(2) as pool, self.display.stage("Airflow, warehouse, lender and gateway"):
            lender = self._choose_ledger()
            readied = [pool.submit(_migrate_warehouse, self.settings)]
            if lender is not None:
                readied.append(pool.submit(write_lender, self.home, self.stack, lender, self.as_of))
            ports = gateway_ports(self.home, self.stack)
            self._api = self._start_services(ports)
            for future in readied:
                future.result()
            self._let_gateway_report(ports)
        return self._api

    def wait_complete(self) -> None:
        """Waits for what no day waits for."""
        for service in self.services:
            service.wait_ready(self._deadline(), self.services)

    def run_day(self, api: AirflowApi) -> DayProgress:
        """Runs the business day through the Dags and follows it to its end."""
        first = api.trigger(FIRST, self.as_of)
        with self.display.day():
            return follow(
                api,
                first,
                self.as_of,
                seconds=self.stack.day_seconds,
                on_progress=lambda progress: self.display.progress(progress, api.error),
                check=self.check_alive,
            )

    def check_alive(self) -> None:
        """Raises StackError when a service has ended by itself."""
        for service in self.services:
            service.check_alive()

    def stop(self) -> None:
        """Stops what was started and leaves nothing behind; safe to call again."""
        if self._api is not None:
            self._api.close()
            self._api = None
        stop_services(self.services)
        self.services.clear()
        if self._stops_postgres:
            self.postgres.stop()
            self._stops_postgres = False
        if self._lock is not None:
            self.home.forget(_RUNNING)
            self._lock.release()
            self._lock = None

    def _choose_ledger(self) -> sa.URL | None:
        """Settles the settings of this start; gives the generated lender's database unless the ledger is another."""
        if self.settings.warehouse_url is None:
            url = self.postgres.url(WAREHOUSE).render_as_string(hide_password=False)
            self.settings = changed(self.settings, warehouse_url=url)
        if self.settings.ledger is not None:
            self.settings = with_collectors(self.settings, self.as_of)
            return None
        lender = self.postgres.url(LENDER)
        self.settings = changed(self.settings, ledger=lender.render_as_string(hide_password=False))
        return lender

    def _start_services(self, ports: GatewayPorts) -> AirflowApi:
        port = self.home.port("ui", self.stack.ui_port)
        metadata = self.postgres.url(METADATA)
        gateway = self._start(gateway_service(self.home, ports, library_environment(self.settings)))
        environment = airflow_environment(
            self.home, self.settings, metadata, port, gateway_connections(self.home, ports)
        )
        migrate_metadata(self.home, metadata, environment)
        api = self._start_airflow(environment, f"http://127.0.0.1:{port}")
        gateway.wait_ready(self._deadline(), self.services)
        return api

    def _let_gateway_report(self, ports: GatewayPorts) -> None:
        """Lets the gateway send its receipts to an API of the stack where that is asked for; they are polled anyway."""
        port = None
        if self.stack.webhooks:
            port = self.home.port("webhook", self.stack.webhook_port)
            connections = connection_environment(gateway_connections(self.home, ports))
            service = self._start(api_service(self.home, port, library_environment(self.settings, **connections)))
            service.wait_ready(self._deadline(), self.services)
        order_webhooks(self.home, ports.http, port)

    def _start_airflow(self, environment: Mapping[str, str], url: str) -> AirflowApi:
        api = AirflowApi(url, ADMIN, self.home.admin_password())
        since = datetime.now(UTC)

        def service(name: str, part: str, *arguments: str) -> Service:
            return Service(
                name=f"Airflow {name}",
                command=[sys.executable, "-m", "airflow", name, *arguments],
                environment=environment,
                folder=PROJECT,
                log=self.home.logs / f"{name}.log",
                is_ready=lambda: api.health().get(part) == _HEALTHY,
            )

        server = service("api-server", "metadatabase")
        needed = [
            server,
            service("dag-processor", "dag_processor"),
            service("scheduler", "scheduler", "--skip-serve-logs"),
        ]
        for each in needed:
            self._start(each)
        server.wait_ready(self._deadline(), self.services)
        # nothing of the day waits for the triggerer, so it starts when the others need the processors no more
        self._start(service("triggerer", "triggerer", "--skip-serve-logs"))
        for each in needed:
            each.wait_ready(self._deadline(), self.services)
        self._wait_for_dags(api, since)
        return api

    def _wait_for_dags(self, api: AirflowApi, since: datetime) -> None:
        # the metadata still knows the Dags and errors of the last start; only what is read now counts
        deadline = self._deadline()
        wanted = {*CHAIN, DISPATCH}
        while missing := wanted - api.dags(read_since=since).keys():
            self.check_alive()
            errors = api.import_errors(since=since)
            if errors or time.monotonic() > deadline:
                raise StackError(
                    expected=f"the Dags {', '.join(sorted(missing))}",
                    found="; ".join(f"{file}: {error}" for file, error in errors.items()) or "no such Dags in time",
                    where=str(PROJECT / "dags"),
                    action="Correct the Dag file.",
                )
            time.sleep(_POLL_SECONDS)

    def _start(self, service: Service) -> Service:
        # known before it runs, so that an interrupt in between finds it
        self.services.append(service)
        service.start()
        self._remember()
        return service

    def _deadline(self) -> float:
        return time.monotonic() + self.stack.start_seconds

    def _remember(self) -> None:
        self.home.write(
            _RUNNING,
            {
                "supervisor": identity_of(psutil.Process().pid, "supervisor"),
                "services": [service.identity() for service in self.services],
                "postgres": self._stops_postgres,
            },
        )


def clear_leftovers(home: StackHome) -> None:
    """Ends what a supervisor that was killed has left behind."""
    running = home.read(_RUNNING)
    stop_processes([int(service["pid"]) for service in running.get("services", []) if still_runs(service)])
    if running.get("postgres"):
        embedded_postgres(home.home).stop()
    home.forget(_RUNNING)


def stop_running(home: StackHome) -> bool:
    """Stops the stack of `home` from outside; False when none runs. Waits until it has ended."""
    running = home.read(_RUNNING)
    supervisor = running.get("supervisor", {})
    if still_runs(supervisor):
        process = psutil.Process(int(supervisor["pid"]))
        process.terminate()
        try:
            process.wait(_DOWN_SECONDS)
        except psutil.TimeoutExpired:
            raise StackError(
                expected="the stack to stop when asked",
                found=f"process {process.pid} still there after {_DOWN_SECONDS} seconds",
                where=str(home.folder),
                action="Look at the terminal where `make up` runs.",
            ) from None
        return True
    if running:
        clear_leftovers(home)
        return True
    return False


def _migrate_warehouse(settings: Settings) -> None:
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.migrate import upgrade

    engine = open_warehouse(settings)
    try:
        upgrade(engine)
    finally:
        engine.dispose()
