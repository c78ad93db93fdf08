"""Which key goes where, and which addresses are refused."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from asked import QUICK, asking, place
from judge_server import KEY, JudgeServer

from core.errors import ParameterError
from core.judging.blocking import until_done
from core.judging.client import Outside, Refused
from core.judging.endpoint import endpoint, is_public, normal
from core.judging.judgement import Status

OWN = {"OPENAI_API_KEY": KEY}


def test_the_environments_key_goes_to_its_own_host_alone():
    """The default host, or the one that the environment names; an address that is typed gets none."""
    assert endpoint(environment=OWN).key.reveal() == KEY
    assert not endpoint("https://elsewhere.example/v1", environment=OWN).key
    assert not endpoint("https://api.openai.com.evil.example/v1", environment=OWN).key
    assert not endpoint("https://api.openai.com:8443/v1", environment=OWN).key
    named = {**OWN, "OPENAI_BASE_URL": "https://elsewhere.example/v1/"}
    assert endpoint("https://elsewhere.example/v1", environment=named).key.reveal() == KEY
    assert not endpoint(environment=named).key
    assert (
        endpoint("https://elsewhere.example/v1", key="typed-by-hand", environment=OWN).key.reveal()
        == "typed-by-hand"
    )


def test_nothing_else_of_the_environment_reaches_an_address_that_is_typed(tmp_path, monkeypatch):
    """Neither its key nor its organisation nor its headers."""
    for name, value in {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-mine", "OPENAI_PROJECT_ID": "project-mine",
                        "OPENAI_ADMIN_KEY": "admin-mine", "OPENAI_CUSTOM_HEADERS": "X-Mine: mine-too"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with JudgeServer() as server:
        asking(tmp_path, server, 5).run(endpoint(server.url), limits=QUICK).go()
        sent = str(server.headers)
        assert len(server.headers) == 5
        assert not [word for word in (KEY, "mine", "authorization") if word in sent]


def test_a_key_is_not_sent_in_the_open_and_not_in_an_address():
    """Unencrypted only to this machine and the own network; no password in a URL."""
    with pytest.raises(ParameterError, match="unencrypted"):
        endpoint("http://example.org/v1", key=KEY, environment={})
    assert endpoint("http://localhost:11434/v1", key=KEY, environment={}).key
    for bad in (
        "https://me:secret@host/v1",
        "https://host/v1?key=1",
        "file:///etc/passwd",
        "host",
        "https://h:x/",
    ):
        with pytest.raises(ParameterError):
            normal(bad)
    assert normal("HTTPS://Host:443/v1/") == "https://host/v1"


def test_a_key_is_neither_shown_nor_written():
    """Its repr hides it, and it cannot be pickled."""
    where = endpoint("http://localhost:1/v1", key=KEY, environment={})
    assert KEY not in f"{where} {where!r} {where.key}"
    with pytest.raises(TypeError):
        pickle.dumps(where.key)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1",
     "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "255.255.255.255"],
)  # fmt: skip
def test_addresses_inside_are_not_public(address):
    """Private, local, metadata and those that stand for them; the others are."""
    assert not is_public(address)
    assert is_public("1.1.1.1")
    assert is_public("2606:4700::1111")


def test_a_shared_app_reaches_no_address_inside(tmp_path):
    """By number or by a name that leads there; not one request arrives."""
    with JudgeServer() as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
            found = asking(tmp_path, server, 5)
            found = type(found)(
                found.dataset, type(found.judge)(model="m", base_url=url, name=url), home=tmp_path
            )
            standing = found.run(endpoint(url, shared=True, environment={}), limits=QUICK).go()
            assert standing.failed
            assert "inside this network" in standing.note
        assert server.headers == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(tmp_path, status):
    """The run ends with one sentence, and neither the rows nor the key go to the other address."""
    with JudgeServer() as other:

        def onwards(*_):
            return status, {}, {"location": f"{other.url}/chat/completions"}

        with JudgeServer(key=KEY, kind=onwards) as server:
            standing = asking(tmp_path, server, 5).run(place(server), limits=QUICK).go()
            assert standing.failed
            assert "sends requests on to another address" in standing.note
            assert len(server.headers) == 1
        assert other.headers == []


def test_every_address_of_a_name_is_looked_at(monkeypatch):
    """One public address does not excuse a private one beside it."""

    async def both():
        async def resolved(*_, **__):
            return [(2, 1, 6, "", ("1.1.1.1", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
        await Outside().connect_tcp("name.example", 443)

    with pytest.raises(Refused):
        until_done(both)


def test_a_cell_of_a_notebook_can_ask_though_a_loop_is_running(tmp_path):
    """Within a running loop the run has a thread of its own, and what it raises arrives."""

    async def cell(server):
        return asking(tmp_path, server, 5).run(endpoint(server.url, environment={}), limits=QUICK).go()

    async def failing():
        async def broken():
            raise Refused("no")

        until_done(broken)

    with JudgeServer() as server:
        assert until_done(lambda: cell(server)).counts == {Status.OK: 5}
    with pytest.raises(Refused, match="no"):
        until_done(failing)
