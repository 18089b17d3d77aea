"""What the routes ask in a real process: the desk, the performance and the warehouse, opened at the first request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from arrears.api.routes import Services
from arrears.api.serious import SeriousServices
from arrears.api.settings import ApiSettings
from arrears.desk.callers import Caller
from arrears.desk.desk import Desk
from arrears.kpi.performance import PerformanceBasis, PerformanceView, performance
from arrears.outreach.approvals import Approvals
from arrears.outreach.channels.address import address_from_environment
from arrears.outreach.handling import Contacts
from arrears.outreach.recalls import Recalls
from arrears.outreach.vehicle_steps import Vehicles
from arrears.outreach.webhooks import Webhooks
from arrears.rules.rule_set import load_rule_set
from arrears.settings import Settings
from arrears.warehouse.connect import open_warehouse

_DAYS = 7


class Sources:
    """The warehouse and the desk of one process."""

    def __init__(self, settings: Callable[[], Settings], api: ApiSettings) -> None:
        self._load = settings
        self._api = api
        self._lock = threading.Lock()
        self._open: tuple[Settings, sa.Engine, Desk] | None = None

    def services(self) -> Services:
        """As the application wants them."""
        return Services(desk=lambda: self._opened()[2], performance=self._performance, healthy=self._healthy)

    def serious(self) -> SeriousServices:
        """Approvals, vehicles and recalls, as the application wants them."""
        return SeriousServices(approvals=self._approvals, vehicles=self._vehicles, recalls=self._recalls)

    def contacts(self) -> Contacts:
        """Single contacts, for leads to send again or cancel."""
        settings, engine, _ = self._opened()
        return Contacts(engine, settings.acting_clock())

    def webhooks(self, machine_time: Callable[[], datetime]) -> Webhooks:
        """Takes the calls of providers; their secrets are in the environment, as for a worker."""
        settings = self._load()
        return Webhooks(settings, self.warehouse, address_from_environment, settings.acting_clock(), machine_time)

    def warehouse(self) -> sa.Engine:
        """The engine."""
        return self._opened()[1]

    def now(self) -> datetime:
        """The clock of acting."""
        return self._opened()[0].acting_clock().now()

    def close(self) -> None:
        """Closes what was opened; a later request opens it anew."""
        with self._lock:
            if self._open is not None:
                self._open[2].close()
                self._open[1].dispose()
                self._open = None

    def _opened(self) -> tuple[Settings, sa.Engine, Desk]:
        with self._lock:
            if self._open is None:
                settings = self._load()
                engine = open_warehouse(
                    settings,
                    connections=self._api.threads,
                    wait_seconds=self._api.wait_seconds,
                    statement_seconds=self._api.work_seconds,
                )
                self._open = (settings, engine, Desk(engine, settings, settings.acting_clock()))
            return self._open

    def _performance(
        self, caller: Caller, from_day: date | None, to_day: date | None, basis: PerformanceBasis
    ) -> PerformanceView:
        settings, engine, _ = self._opened()
        last = to_day or settings.acting_clock().today() - timedelta(days=1)
        first = from_day or last - timedelta(days=_DAYS - 1)
        with engine.connect() as connection:
            return performance(connection, from_day=min(first, last), to_day=last, basis=basis, teams=caller.teams)

    def _approvals(self) -> Approvals:
        settings, engine, _ = self._opened()
        return Approvals(engine, settings, settings.acting_clock())

    def _vehicles(self) -> Vehicles:
        settings, engine, _ = self._opened()
        return Vehicles(engine, settings.acting_clock(), partial(load_rule_set, settings.rules))

    def _recalls(self) -> Recalls:
        settings, engine, _ = self._opened()
        return Recalls(engine, settings.acting_clock())

    def _healthy(self) -> None:
        with self.warehouse().connect() as connection:
            connection.execute(sa.select(1))
