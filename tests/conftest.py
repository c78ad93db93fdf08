"""Fixtures for tests in more than one place."""

from __future__ import annotations

import os
import subprocess

import pytest
from real_rows import FILE, made_once

import core.__main__ as command
from core import Project

MAKING = 1800  # seconds that a test may take which may have to make the map of the real rows


def pytest_make_parametrize_id(val):
    """Bytes are named by their length: packed ones hold the time, and workers have to agree on a name."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items):
    """Files with slow tests first, so that no worker is left with one; the browser's last, as it leaves a loop."""
    for item in items:
        if "real_home" in item.fixturenames:
            item.add_marker(pytest.mark.timeout(MAKING))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (bool(item.get_closest_marker("browser")), item.path not in slow))


@pytest.fixture(scope="session")
def real_home(tmp_path_factory):
    """A home with the map of the real rows, made once a run by whichever worker asks first."""
    own = tmp_path_factory.getbasetemp()
    return made_once(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def real_project(real_home):
    """The real rows with every stage of their map stored."""
    return Project.open(FILE, home=real_home)


@pytest.fixture
def run(capsys):
    """(exit code, stdout, stderr) of a command in this process."""

    def call(*arguments):
        code = command.main([str(each) for each in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def read_only(tmp_path):
    """A home on a file system that is then made read-only, and what does that."""
    home = tmp_path / "mounted"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(home)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("Mounting a small file system needs root and a machine that allows it.")
    yield home, lambda: subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
    subprocess.run(["umount", "--lazy", str(home)], check=True)
