"""The Score page against a local server: price first, a run, what became of each row, and where keys go."""

from __future__ import annotations

import time

import pytest
from judge_server import JudgeServer
from screen import EXPLORE, SAMPLE, App, open_app

from core import Project
from core.judging.judgement import Status
from core.price_table import prices
from pages.ui import cached, judge_keys

SCORE = "pages/judge/score.py"
KEY = "sk-of-this-test-alone-77e1"


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    """The environment has no key and no address unless a test gives it one."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def at_server(url: str, *, key: str = "", model: str = "stand-in") -> App:
    """The page with a new judge at that address."""
    app = open_app(SCORE)
    if any(each.key == "judge_chosen" for each in app.at.selectbox):
        app.choose("judge_chosen", "A new judge")
    app.choose("judge_url", url).choose("judge_model", model)
    return app.choose(judge_keys.field_of(url), key) if key else app


def until(app: App, text: str, within: float = 120) -> App:
    """Run the page until it says that."""
    end = time.monotonic() + within
    while not (app.says(text) or any(text in (each.text or "") for each in app.at.get("progress"))):
        assert time.monotonic() < end, app.said()
        time.sleep(0.05)
        app.run()
    return app


def standings(app: App) -> dict[str, str]:
    """status -> rows."""
    table = next(table for table in app.tables() if "status" in table)
    return dict(zip(table["status"], table["rows"], strict=True))


def idle(app: App, within: float = 120) -> App:
    """Run the page until no run goes on."""
    end = time.monotonic() + within
    while "judge_stop" in app.buttons():
        assert time.monotonic() < end, app.said()
        time.sleep(0.05)
        app.run()
    return app.run()


def test_the_prompt_is_there_before_a_model_is(sample):
    """The rubric's words and the first row, fenced; nothing else is asked of a person yet."""
    app = open_app(SCORE)
    system, user = (each.value for each in app.at.code)
    assert "accuracy of the answer" in system
    assert sample["output"][0] in user
    assert app.says("Name a model to go on.")
    assert "judge_start" not in app.buttons()


def test_a_trial_foretells_the_price_and_a_capped_run_ends_as_a_judge_without_a_trace_of_the_key(
    home, caplog, tmp_path
):
    """Faults on the way; every asked row has a status, and the key is in no file, log or text of the page."""
    with JudgeServer(key=KEY, faults={"malformed": 0.1, "hostile": 0.05, "500": 0.05, "429": 0.05}) as server:
        app = at_server(server.url, key=KEY)
        assert app.at.button(key="judge_start").disabled
        idle(app.press("judge_try"))
        assert sum(server.paid.values()) == 20
        for part, price in (("prompt", 2.0), ("completion", 10.0)):
            app.choose(f"price_{part} stand-in", price)
        assert prices(home)["stand-in"].price == (2.0, 10.0, 1.0)
        (found,) = (table for table in app.tables() if "requests" in table)
        assert found["requests"].tolist()[0] == "988"
        assert " to " in found["at once (USD)"][0]
        app.choose("judge_scope", "A sample").choose("judge_most_A sample", 60)
        idle(app.press("judge_start"))
        assert sum(server.paid.values()) == 80
        assert max(server.paid.values()) == 1
        counts = standings(app)
        assert counts.pop("pending") == "928"
        assert sum(map(int, counts.values())) == 80
        assert int(counts["unparsed"]) > 0
        judge = Project.open(SAMPLE, home=home).judges["stand-in accuracy"]
        assert judge.scored == int(counts["ok"])
        said = "\n".join([*app.said(), *caplog.messages, str(app.tables())])
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(home / "store")]
    assert any(path.name == "judgements.sqlite" for path in files)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in said
    explored = open_app(EXPLORE, judge="stand-in accuracy").settle()
    assert explored.value("judge") == "stand-in accuracy"


def test_unparsed_replies_are_shown_and_only_they_are_asked_again(home):
    """One click, one request a row; what was ok is not touched."""
    with JudgeServer(faults={"malformed": 0.3}) as server:
        app = idle(at_server(server.url).press("judge_try"))
        unparsed = int(standings(app)["unparsed"])
        assert unparsed
        replies = next(table for table in app.tables() if "reply" in table)
        assert set(replies["reply"]) == {"I think this is quite good overall."}
        server.faults.clear()
        before = dict(server.requests)
        idle(app.press("judge_again"))
        asked = {name: count - before.get(name, 0) for name, count in server.requests.items()}
        assert sum(asked.values()) == unparsed
        assert standings(app)["ok"] == "20"


@pytest.mark.parametrize(
    ("server", "says"),
    [({"key": "sk-another-key"}, "key"), ({"account": False}, "account")],
)
def test_a_bad_key_and_an_empty_account_are_one_sentence(server, says, home):
    """The run ends at once, and no row is an error."""
    with JudgeServer(**server) as running:
        app = idle(at_server(running.url, key=KEY).press("judge_try"))
        (sentence,) = app.said("error", "warning")
        assert says in sentence
        assert KEY not in sentence
        assert sum(running.requests.values()) <= 40
        project = Project.open(SAMPLE, home=home)
        assert Status.ERROR.word not in {word for table in app.tables() for word in table.get("status", [])}
        assert "stand-in accuracy" not in project.judges


def test_a_key_goes_only_where_it_belongs(monkeypatch):
    """The environment's to its own host; a typed one to the address it was typed for."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    with JudgeServer() as mine, JudgeServer() as other:
        idle(at_server(mine.url, key=KEY).press("judge_try"))
        app = at_server(mine.url, key=KEY, model="second").choose("judge_url", other.url)
        idle(app.press("judge_try"))
        assert {each["authorization"] for each in mine.headers} == {f"Bearer {KEY}"}
        assert other.headers
        for each in other.headers:
            assert "sk-" not in each.get("authorization", "")


def test_a_shared_app_lends_its_key_only_where_its_operator_says_so(monkeypatch):
    """Visitors of an app that others reach do not spend the operator's money unasked."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    assert judge_keys.environment()["OPENAI_API_KEY"] == "sk-of-the-environment"
    monkeypatch.setattr(judge_keys, "is_shared", lambda: True)
    assert "OPENAI_API_KEY" not in judge_keys.environment()
    monkeypatch.setenv("WINNOW_JUDGE_KEY", "shared")
    assert judge_keys.environment()["OPENAI_API_KEY"] == "sk-of-the-environment"


def test_a_shared_app_asks_no_address_inside(monkeypatch):
    """One sentence, and the server is never spoken to."""
    monkeypatch.setattr(judge_keys, "is_shared", lambda: True)
    with JudgeServer() as server:
        app = idle(at_server(server.url).press("judge_try"))
        assert len(app.said("error", "warning")) == 1
        assert not server.headers


def test_a_rubric_is_edited_beside_its_prompt(home):
    """The prompt follows the boxes, and a line that is no grade is said; the judge keeps the rubric."""
    app = open_app(SCORE).choose("judge_rubric", "My own")
    app.at.text_area(key="rubric_asks").set_value("Grade how well the answer rhymes.")
    app.choose("rubric_dimension", "rhyme of the answer").choose("rubric_name", "rhyme")
    assert "Grade how well the answer rhymes." in app.at.code[0].value
    app.at.text_area(key="rubric_grades").set_value("5: every line rhymes\nsome words")
    app.run()
    assert app.says("The line 'some words' begins with no grade.")
    app.at.text_area(key="rubric_grades").set_value("5: every line rhymes")
    app.run()
    assert "5: every line rhymes" in app.at.code[0].value
    with JudgeServer() as server:
        app.choose("judge_url", server.url).choose("judge_model", "poet")
        idle(app.press("judge_try"))
    (known,) = Project.open(SAMPLE, home=home).judgements.judges()
    assert (known.judge.title, known.judge.rubric.asks) == ("poet rhyme", "Grade how well the answer rhymes.")


def test_a_run_is_paused_seen_by_another_session_and_stopped():
    """It belongs to no session; what came back is kept."""
    with JudgeServer(delay=0.2) as server:
        app = idle(at_server(server.url).press("judge_try")).press("judge_start")
        until(app, "Scoring").press("judge_pause")
        until(app, "Paused")
        other = until(open_app(SCORE), "Paused")
        assert other.at.button(key="judge_start").disabled
        other.press("judge_stop")
        idle(app)
        assert app.says("Stopped. What came back is kept")
        counts = standings(app)
        assert int(counts["ok"]) == sum(server.paid.values())


def test_the_offline_indicator_is_switched_on_as_a_judge_and_off_again(home):
    """Labelled as an indicator wherever a judge is chosen; undo on Load knows the step."""
    app = open_app(SCORE)
    assert app.says("An indicator, not a language model")
    toggle = next(each for each in app.at.toggle if str(each.key).startswith("indicator_"))
    toggle.set_value(True)
    app.run()
    assert Project.open(SAMPLE, home=home).judges["offline indicator"].scored == 1008
    explored = open_app(EXPLORE, judge="offline indicator").settle()
    assert explored.value("judge") == "offline indicator"
    toggle = next(each for each in app.at.toggle if str(each.key).startswith("indicator_"))
    toggle.set_value(False)
    app.run()
    assert "offline indicator" not in Project.open(SAMPLE, home=home).judges


def waiting(app: App) -> list[str]:
    """The states of the batches on the page."""
    return [state for table in app.tables() if "name at the server" in table for state in table["state"]]


def done(app: App, within: float = 40) -> App:
    """Run the page until nothing is being done about batches."""
    end = time.monotonic() + within
    while any(each in app.said("caption") for each in ("Sending the batch.", "Looking at the server.", "Cancelling the batches.")):  # fmt: skip
        assert time.monotonic() < end, app.said()
        time.sleep(0.05)
        app.run()
    return app.run()


def test_a_batch_is_priced_sent_found_after_a_restart_and_collected(home, monkeypatch):
    """Both prices stand beside each other; a run meanwhile asks for none of its rows, and no answer is paid twice."""
    with JudgeServer(key=KEY) as server:
        server.batch_done = False
        app = idle(at_server(server.url, key=KEY).press("judge_try"))
        for part, price in (("prompt", 2.0), ("completion", 10.0), ("batch", 50.0)):
            app.choose(f"price_{part} stand-in", price)
        assert prices(home)["stand-in"].price == (2.0, 10.0, 0.5)
        (found,) = (table for table in app.tables() if "requests" in table)
        at_once, batch = (found[f"{way} (USD)"].str.split(" to ").str[-1].astype(float) for way in ("at once", "as a batch"))  # fmt: skip
        assert (batch / at_once).round(1).tolist() == [0.5] * len(found)
        app.choose("judge_way", "As a batch").choose("judge_scope", "A sample").choose(
            "judge_most_A sample", 60
        )
        done(app.press("judge_start"))
        assert app.says("Sent 60 requests.")
        assert waiting(app) == ["sent"]
        app.choose("judge_way", "At once").choose("judge_scope", "A sample")
        idle(app.choose("judge_most_A sample", 60).press("judge_start"))
        assert sum(server.paid.values()) == 20 + 60
        cached.judge_batches.clear()
        cached.judge_runs.clear()
        server.batch_done = True
        later = open_app(SCORE).choose("judge_chosen", "stand-in accuracy")
        assert waiting(later) == ["sent"]
        later.choose(judge_keys.field_of(server.url), KEY)
        done(later.run())
        assert later.says("Collected 60 judgements.")
        assert waiting(later) == []
        assert standings(later)["ok"] == "140"
        assert set(server.paid.values()) == {1}
        kept = [path for path in home.rglob("*") if path.is_file()]
        assert not [path for path in kept if KEY.encode() in path.read_bytes()]


def test_a_batch_is_cancelled_and_one_that_is_refused_says_why():
    """What was answered is kept; the reasons are the server's own."""
    with JudgeServer() as server:
        server.batch_done, server.batch_answers = False, 0.5
        app = idle(at_server(server.url).press("judge_try"))
        app.choose("judge_way", "As a batch").choose("judge_scope", "A sample").choose(
            "judge_most_A sample", 40
        )
        done(app.press("judge_start"))
        done(app.press("batch_cancel"))
        assert app.says("A batch ended as cancelled.")
        assert standings(app)["ok"] == "40"
        server.no_batches = True
        done(app.choose("judge_way", "As a batch").press("judge_start"))
        assert any("takes no batches" in each for each in app.said("error"))


@pytest.mark.parametrize("odds", [True, False])
def test_the_page_says_how_a_score_comes_about(odds):
    """Weighed by the odds of tokens where the server tells them, else by what it is instead."""
    with JudgeServer(odds=odds) as server:
        app = at_server(server.url)
        app.at.toggle(key="judge_weighted").set_value(True)
        idle(app.run().press("judge_try"))
        weighed = app.says("A score is the grades, weighed by the odds of their tokens.")
        itself = app.says("A score is the grade itself, for the server tells no odds.")
        assert (weighed, itself) == (odds, not odds)
