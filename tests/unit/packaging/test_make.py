"""The Makefile: what it offers, and what it does with its variables and with an old Python."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from arrears.settings import PROJECT

TARGETS = {"help", "run", "up", "down", "test", "lint", "bench", "faults", "docs", "lock", "env", "clean"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile, and an environment that looks installed and only tells what it was called with."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    shutil.copy(PROJECT / "env.template", tmp_path)
    shutil.copytree(PROJECT / "requirements", tmp_path / "requirements")
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def _make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _installed(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "python $*"\nenv | grep ^ARREARS_ | sort\n', encoding="utf-8")
    python.chmod(0o755)
    for stamp in (".bootstrap", ".runtime"):
        (checkout / ".venv" / stamp).touch()


def test_help_names_every_target_with_what_it_does(checkout: Path) -> None:
    said = _make(checkout).stdout
    assert {line.split()[1] for line in said.splitlines() if re.match(r"  make \w+ {2,}\w", line)} == TARGETS


def test_variables_become_settings_as_they_are(checkout: Path) -> None:
    _installed(checkout)
    url = "postgresql://me:pa$$word@db/lender"
    ended = _make(checkout, "run", f"LEDGER={url}", "AS_OF=2017-11-30", "MATERIALITY=10%", "GRACE_DAYS=3")
    assert ended.stdout.splitlines() == [
        "python -m arrears.stack run",
        "ARREARS_AS_OF=2017-11-30",
        "ARREARS_GRACE_DAYS=3",
        f"ARREARS_LEDGER={url}",
        "ARREARS_MATERIALITY=10%",
    ]


def test_an_installed_environment_is_not_installed_again(checkout: Path) -> None:
    _installed(checkout)
    assert "Installing" not in _make(checkout, "run").stdout


def test_a_python_that_is_too_old_is_refused_with_what_to_do(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        old = tools / name
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" || exit 1\n', encoding="utf-8")
        old.chmod(0o755)
    ended = _make(checkout, "run", PATH=f"{tools}:/usr/bin:/bin")
    assert ended.returncode != 0
    assert "needs Python 3.11 or newer as python3; found: Python 3.9.2" in ended.stderr
    assert not (checkout / ".venv").exists()


def test_env_fills_in_new_secrets_for_this_user_alone(checkout: Path) -> None:
    assert _make(checkout, "env").returncode == 0
    env = checkout / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    template, written = (_assigned(file) for file in (PROJECT / "env.template", env))
    assert list(written) == list(template)
    secrets = [_secret_of(template[name], value) for name, value in written.items()]
    assert len(set(secrets)) == len(secrets)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}=", secret) for secret in secrets)


def _assigned(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]", line))


def _secret_of(template: str, value: str) -> str:
    before, _, after = (template or "{secret}").partition("{secret}")
    assert value.startswith(before)
    assert value.endswith(after)
    return value.removeprefix(before).removesuffix(after)


def test_env_never_replaces_secrets(checkout: Path) -> None:
    (checkout / ".env").write_text("POSTGRES_PASSWORD=mine\n", encoding="utf-8")
    os.utime(checkout / ".env", (0, 0))
    ended = _make(checkout, "env")
    assert ended.returncode != 0
    assert (checkout / ".env").read_text(encoding="utf-8") == "POSTGRES_PASSWORD=mine\n"
