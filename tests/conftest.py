"""Fixtures for tests in more than one place."""

from __future__ import annotations

import pytest

import core.__main__ as command


@pytest.fixture
def run(capsys):
    """(exit code, stdout, stderr) of a command in this process."""

    def call(*arguments):
        code = command.main([str(each) for each in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
