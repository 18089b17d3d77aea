"""docker-compose.yml, Dockerfile and env.template: pinned, checked for health, without secrets, and of one mind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from arrears.docs.settings_page import settings_of
from arrears.settings import PROJECT

COMPOSE = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
TEMPLATE = (PROJECT / "env.template").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
AIRFLOW = {"api-server", "scheduler", "dag-processor", "worker", "triggerer"}
ONCE = {"init", "demo"}
"""Services that do one thing and end."""


def _offered() -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", TEMPLATE, re.MULTILINE))


def _secrets() -> set[str]:
    return set(re.findall(r"^([A-Z][A-Z0-9_]+)=", TEMPLATE, re.MULTILINE))


def _asked() -> set[str]:
    return set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", COMPOSE))


def test_the_services_are_these() -> None:
    assert {"postgres", "redis", "init", *AIRFLOW} <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    assert re.search(r":\d+\.\d+", SERVICES[name]["image"])


def test_the_base_image_is_pinned_to_a_version() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11\.\d+-slim-bookworm$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ONCE])
def test_a_service_that_stays_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(ONCE & set(SERVICES)))
def test_a_service_that_ends_is_not_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(AIRFLOW))
def test_airflow_waits_for_prepared_databases(name: str) -> None:
    assert SERVICES[name]["depends_on"]["init"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", ["scheduler", "worker", "triggerer", "dag-processor", "api-server"])
def test_airflow_shares_lake_reports_logs_and_rules(name: str) -> None:
    places = {volume.rsplit(":", 1)[0] if volume.endswith(":ro") else volume for volume in SERVICES[name]["volumes"]}
    mounted = {place.rsplit(":", 1)[1] for place in places}
    assert {
        "/var/lib/arrears/lake",
        "/var/lib/arrears/reports",
        "/var/lib/arrears/outbox",
        "/opt/airflow/logs",
        "/opt/arrears/include/rules",
    } <= mounted


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("secret", sorted(_secrets()))
def test_a_missing_secret_stops_compose_with_a_message(secret: str) -> None:
    assert f"${{{secret}:?" in COMPOSE


def test_no_variable_stands_inside_another() -> None:
    # docker-compose 1 would take the inner one as text
    assert not re.search(r"\$\{[^}]*\$\{", COMPOSE)


def test_no_secret_is_written_down() -> None:
    values = dict(re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", TEMPLATE, re.MULTILINE))
    for name, value in values.items():
        assert value == "" or re.fullmatch(r"postgresql://\w+:\{secret\}@postgres:5432/\w+", value), name
    for name, value in _environment_of_all():
        if (
            re.search(r"PASSWORD|SECRET|TOKEN|KEY|URL|CONN|BACKEND", name)
            and "FILE" not in name
            and "://localhost" not in value
        ):
            without = re.sub(r"\$\{[^}]*\}", "", value)
            assert not re.search(r"://[^/@]*:[^/@{]+@", without), f"{name} has a password"
            assert "://" in value or value.startswith("${"), f"{name} has a value of its own"
    assert not re.search(r"^\s*(ENV|ARG).*(PASSWORD|SECRET|TOKEN)", DOCKERFILE, re.MULTILINE)


def _environment_of_all() -> list[tuple[str, str]]:
    return [
        (name, str(value)) for service in SERVICES.values() for name, value in service.get("environment", {}).items()
    ]


def test_the_template_offers_what_compose_asks_for_and_no_more() -> None:
    of_make_run = {each.variable for each in settings_of("arrears.stack.settings:StackSettings")}
    in_image = set(re.findall(r"(ARREARS_\w+)=", DOCKERFILE))
    assert _asked() <= _offered()
    assert _offered() - _asked() <= of_make_run | in_image


def test_every_setting_of_the_library_reaches_the_containers() -> None:
    in_image = set(re.findall(r"(ARREARS_\w+)=", DOCKERFILE))
    passed = {name for name in SERVICES["worker"]["environment"] if name.startswith("ARREARS_")}
    known = {each.variable for each in settings_of("arrears.settings:Settings")}
    assert in_image | passed == known
    assert not in_image & passed


def test_the_image_is_made_from_the_lock_and_runs_as_nobody_special() -> None:
    assert DOCKERFILE.count("--require-hashes") == 2
    assert "-r requirements/runtime.txt" in DOCKERFILE
    user = DOCKERFILE.rindex("\nUSER arrears")
    assert "\nRUN" not in DOCKERFILE[user:]


def test_the_image_takes_only_what_runs() -> None:
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert {name.split("/")[0] for name in copied} == allowed


def test_the_demo_leads_to_the_gateway_that_compose_starts(tmp_path: Path) -> None:
    from arrears.demo.gateway.identity import NAMES, gateway_identity
    from arrears.deploy.demo import HOME, gateway_connections

    command = SERVICES["gateway"]["command"]
    connections = gateway_connections("gateway", "token", gateway_identity(tmp_path))
    assert set(connections) == {"arrears_sms", "arrears_dialer", "arrears_email", "arrears_agency"}
    assert "gateway" in NAMES, "its certificate has the name under which the others reach it"
    for service in ("demo", "gateway"):
        assert f"gateway:{HOME}" in SERVICES[service]["volumes"]
    assert f"--home={HOME}" in command
    for connection in connections.values():
        assert f"--{connection['conn_type']}-port={connection['port']}" in command
        assert connection["host"] in SERVICES
