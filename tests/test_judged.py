"""What a judge will read: exchanges of random conversations, told in other words than the code's."""

from __future__ import annotations

import json
import random

import polars as pl
import pytest

from core.domain import JUDGED_CHOICES
from core.errors import DataError, ParameterError
from core.judged import judged
from core.loading import load

ROLES = ("user", "assistant", "tool", "system")


def exchanges(turns):
    """(turns before the answer, answer) of each answered exchange, by a walk over the turns."""
    groups = []
    before = None
    for role, said in turns:
        if role == "user" and before != "user":
            groups.append([])
        if groups:
            groups[-1].append((role, said))
        before = role
    found = []
    for group in groups:
        places = [k for k, (role, said) in enumerate(group) if role == "assistant" and said.strip()]
        if places:
            found.append((group[: places[-1]], group[places[-1]][1]))
    return found


def told(turns):
    if all(role == "user" for role, _ in turns):
        return "\n\n".join(said for _, said in turns)
    return "\n\n".join(f"{role}:\n{said}" for role, said in turns)


def expected(row, choice):
    turns = [(each["role"], each["content"]) for each in row["messages"] if each["role"] != "system"]
    found = exchanges(turns)
    question, answer = row["prompt"], row["response"]
    if found:
        asked, answer = found[0] if choice.startswith("first") else found[-1]
        if choice.startswith("conversation"):
            # Every content is unique, so its place tells where the last answer stands.
            asked = turns[: turns.index(("assistant", answer))]
        question = told(asked)
    if choice.endswith("-with-system") and row["system"].strip():
        question = f"system:\n{row['system']}\n\n{question}"
    return question, answer


@pytest.mark.parametrize("choice", JUDGED_CHOICES)
def test_every_choice_reads_what_it_says(choice):
    """On random conversations: tools between, users who speak twice, answers that are missing or blank."""
    draw = random.Random(5)
    rows = []
    for k in range(200):
        roles = draw.choices(ROLES, (4, 4, 1, 0), k=draw.randint(0, 8))
        turns = [
            (role, f"{role} {k} {n}" if draw.random() < 0.9 else " " * n) for n, role in enumerate(roles)
        ]
        system = draw.choice(("", " ", f"rule {k}"))
        turns = ([("system", system)] if system else []) + turns
        messages = [{"role": role, "content": said} for role, said in turns]
        rows.append({"prompt": f"p{k}", "response": f"r{k}", "system": system, "messages": messages})
    texts = pl.Struct({"role": pl.String, "content": pl.String})
    frame = pl.DataFrame(rows, schema_overrides={"messages": pl.List(texts)})
    read = judged(frame, choice)
    assert list(zip(read.questions, read.answers, strict=True)) == [expected(row, choice) for row in rows]


def test_the_choice_is_kept_and_changes_no_digest(tmp_path):
    """It is no part of what is computed; one that there is not is refused in both places."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"prompt": "a", "completion": "b"}))
    first, other = load(path), load(path, judged=JUDGED_CHOICES[3])
    assert (first.judged, other.judged) == (JUDGED_CHOICES[0], JUDGED_CHOICES[3])
    assert (first.fingerprint, first.text_fingerprint) == (other.fingerprint, other.text_fingerprint)
    with pytest.raises(DataError, match="no choice 'all'"):
        load(path, judged="all")
    with pytest.raises(ParameterError, match="no choice 'all'"):
        judged(first.frame, "all")
