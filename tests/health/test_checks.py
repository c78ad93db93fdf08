"""Every check on texts written for it: hits, near misses, and texts that nobody wrote for it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from health_rows import found, frame

from core.health import CHECKS, COUNTED, PRIVATE, masked
from core.health.encoding import mended

ASK = "Tell me about the harbour of Lisbon."
TELL = "The harbour lies on the Tagus. Ships have come there since Roman times."

# check -> (pairs that it speaks of, pairs that it does not)
TABLE = {
    "empty-prompt": ([("", TELL), (" \n\t", TELL), ("\u200b\ufeff", TELL)], [("?", TELL), (ASK, "")]),
    "empty-response": ([(ASK, ""), (ASK, "\n  \n"), (ASK, "\u200b")], [(ASK, "0"), (ASK, "。"), ("", TELL)]),
    "placeholder-response": (
        [(ASK, "<nooutput>"), (ASK, "No output required."), (ASK, "[Your answer here]"), (ASK, "N/A"), (ASK, "…")],
        [(ASK, "No"), (ASK, "None of them sank."), (ASK, "Null is a value of SQL."), (ASK, ""), (ASK, "42")],
    ),
    "echo": (
        [(ASK, ASK), (ASK, " " + ASK.rstrip(".") + " ")],
        [(ASK, ASK.upper()), ("2 + 2", "2 + 2"), (ASK, ASK + " " + TELL), ("its a ship", "It's a ship!")],
    ),
    "cut-off": (
        [
            (ASK, "It is old. The harbour of the city lies on the bank of the"),
            (ASK, "Here it is:\n```python\nprint('ship')\n"),
            (ASK, "The harbour is old. It has been a place where ships from many lands come together, and this is"),
            (ASK, "const quays = ships.filter(ship => ship.open);\nfor (const quay of quays) {\n  if (quay.free) {"),
        ],
        [
            (ASK, TELL), (ASK, "Ships. Boats. Quays"), (ASK, "1. Find a quay to moor at\n2. The rope you tie up with"),
            (ASK, "港はテージョ川にあります。船が来ます。"), (ASK, "बंदरगाह पुराना है। जहाज आते हैं।"), (ASK, "It holds 1,200"),
            (ASK, "```python\nprint(1)\n```"), (ASK, "See the sea. #sea #and"), (ASK, "x = 5"),
        ],
    ),
    "input-noise": (
        [("Name a ship.\n\n<noinput>", TELL), ("Name a ship.\nN/A", TELL), ("Name a ship.\n\nNo input required.", TELL)],
        [("Is <noinput> a tag?", TELL), ("Name a ship.\n\nNone of these sank", TELL), ("N/A", TELL)],
    ),
    "refusal": (
        [
            (ASK, "I'm sorry, but I can't assist with that."), (ASK, "I cannot provide directions to a weapon."),
            (ASK, "Unfortunately, as an AI, I am unable to browse the internet."), (ASK, "Lo siento, pero no puedo ayudar con eso."),
            (ASK, "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen."), (ASK, "很抱歉，我无法提供这些信息。"),
            (ASK, "Je suis désolé, mais je ne peux pas vous aider."), (ASK, "申し訳ありませんが、お手伝いできません。"),
            (ASK, "Извините, но я не могу помочь с этим."), (ASK, "This task cannot be completed by a language model."),
        ],
        [
            ("Write a polite e-mail.", "Dear Ana,\nI'm sorry, but I can't come to the party."),
            (ASK, "I can't help but admire the quay."), (ASK, "He said: \"I cannot help you.\""), (ASK, "I will not give up."),
            ("Decline.", "Sorry, I won't be able to make it to the meeting."), (ASK, "Energy cannot be created or destroyed."),
            ("What can a language model not do?", "A language model cannot move things."),
        ],
    ),
    "self-talk": (
        [
            (ASK, "As an AI language model, I have no harbour."), (ASK, "Ships are fine. My knowledge cutoff is 2021."),
            (ASK, "Als KI-Sprachmodell kenne ich den Hafen nicht."), (ASK, "作为一个AI语言模型，我没有港口。"),
            (ASK, "I was trained by OpenAI to talk of ships."),
        ],
        [
            (ASK, 'The robot said "As an AI language model, I sink."'), (ASK, "As an aide, I rowed."),
            (ASK, "I am an assistant harbour master."), (ASK, "My training as a pilot was long."),
        ],
    ),
    "asks-for-input": (
        [
            ("Shorten this text.", "Please provide the text that you want shortened."),
            ("Shorten this.", "I'm sorry, could you please provide more details?"),
            ("How many?", "This question cannot be answered without more facts."),
        ],
        [
            ("Write a reply to a customer.", "Please provide more details of your order."),
            (ASK, "The form asks: please provide the text."), (ASK, TELL),
        ],
    ),
    "repeated-lines": (
        [(ASK, "The quay is open.\n" * 5), (ASK, "Ships:\n" + "- A ship comes in\n" * 6 + "The end.")],
        [(ASK, "}\n" * 9), (ASK, "layers.append(Dense(128))\n" * 9), (ASK, "\n".join(f"Ship number {i} is here" for i in range(9))), (ASK, "-------------\n" * 8)],
    ),
    "loop": (
        [
            (ASK, "The quay is open and the quay is open and the quay is open and the quay is open and so on."),
            (ASK, "very " * 20), (ASK, "船が来る" * 8),
        ],
        [
            (ASK, "no no no"), (ASK, "[0-9][0-9] " * 30), (ASK, "1 2 3 " * 20), (ASK, "print(ship) " * 20), (ASK, "row row row your boat gently down the stream"),
        ],
    ),
    "character-run": (
        [(ASK, "Yes" + "s" * 40), (ASK, "ああ" + "あ" * 30), (ASK, "\0\0 no" + "o" * 30)],
        [(ASK, "-" * 80), (ASK, "=" * 80), (ASK, "0" * 64), (ASK, "Aaaah!"), (ASK, " " * 200 + "."), (ASK, "a b " * 40)],
    ),
    "mojibake": (
        [(ASK, "Itâ€™s a ship."), (ASK, "The cafÃ© is open."), ("QuÃ© hora es?", TELL), (ASK, "ÐŸÑ€Ð¸Ð²ÐµÑ‚")],
        [(ASK, "»CAFÉ« «MAÇÃ» É… Ä–Ö"), (ASK, "It’s a café, naïve, São Paulo, ÅNGSTRÖM."), (ASK, "DÉJÀ» VU"), (ASK, "Привет 你好 🚢"), (ASK, "â and Ã are letters")],
    ),
    "lost-characters": (
        [(ASK, "The qu\ufffdy"), (ASK, "a\x00b"), (ASK, "\ue123"), ("\x1b[0m", TELL)],
        [(ASK, "tab\there\r\nline"), (ASK, "👩‍🚀 zero-width joiner"), (ASK, "שלום"), (ASK, "soft\u00adhyphen")],
    ),
    "other-script": (
        [(ASK, "港はテージョ川の岸にあり、古くから船が来ます。"), ("Расскажи мне о гавани.", "The harbour lies on the river."), (ASK, "Гавань стоит на реке и очень стара.")],
        [
            ("Translate: the harbour is old.", "Гавань очень старая и большая."), (ASK, "The word гавань means harbour in Russian."),
            ("Write it in Japanese.", "港は古いです。船が来ます。"), ("你好吗？请告诉我。", "我很好，谢谢你。"), ("The word гавань means what?", "Это место для кораблей и лодок."), ("2 + 2", "Четыре, как и должно быть всегда."),
        ],
    ),
    "other-language": (
        [
            ("Tell me how old the harbour of Lisbon is and who built it.", "Der Hafen ist sehr alt, und niemand weiß heute noch genau, wer ihn gebaut hat."),
            ("¿Puedes decirme cuántos barcos llegan al puerto cada semana?", "Every week about forty ships arrive, most of them from the north of the continent."),
        ],
        [
            ("Tell me how old the harbour of Lisbon is and who built it.", "The harbour is very old, and nobody knows today who built it in the first place."),
            ("Translate into German: the harbour of Lisbon is very old indeed.", "Der Hafen von Lissabon ist wirklich sehr alt, so sagt man es jedenfalls."),
            ("Tell me how old the harbour of Lisbon is and who built it.", "Das ist sehr alt."), ("How old?", "Der Hafen ist sehr alt, und niemand weiß heute noch genau, wer ihn gebaut hat."),
            ("Name three restaurants near the old harbour in Berlin, please.", "- Hackescher Markt\n- Schlesisches Tor\n- Prenzlauer Berg"),
            ("Write a loop that prints the ships of the harbour one by one.", "```python\nfor schiff in haefen_und_schiffe_von_lissabon:\n    print(schiff)\n```"),
        ],
    ),
    "attachment": (
        [
            ("What is it?\n\n[Image of a ship]", TELL), ("Describe it.\nhttps://a.example/b/ship.png", TELL), ("Describe it.\n\nship.jpg", TELL),
            ("Shorten it.\n<file attached>", TELL), ("Label it (photo)", TELL),
        ],
        [("How do I open a .png file?", TELL), ("See [1] and (imagine)", TELL), ("What does <img> do?", TELL), ("See https://a.example/page", TELL)],
    ),
    "this-picture": (
        [("Describe this picture.", TELL), ("What is shown in the following image?", TELL), ("Transcribe the attached recording.", TELL)],
        [("Describe a picture of a ship.", TELL), ("Describe the following painting.\n\nThe Night Watch", TELL), ("What is this town like?", TELL)],
    ),
    "html": (
        [(ASK, "It is <b>old</b>."), (ASK, "Line<br/>line"), (ASK, '<a href="x">quay</a>')],
        [("Write HTML.", "<b>old</b>"), (ASK, "`<b>` is a tag"), (ASK, "a < b and c > d"), (ASK, "<the quay>"), (ASK, "```\n<p>\n```")],
    ),
    "html-entities": ([(ASK, "Tom &amp; Ana"), (ASK, "&quot;ship&quot;"), (ASK, "it&#39;s")], [(ASK, "R&D; and so on"), ("Escape HTML.", "&amp;"), (ASK, "`&amp;`")]),
    "page-furniture": (
        [(ASK, TELL + "\nRead more…"), (ASK, "Share this post\n" + TELL), (ASK, TELL + " [+1200 chars]")],
        [(ASK, "Read more books about ships."), (ASK, "We learn more from ships."), (ASK, "![image](ship.png)"), (ASK, TELL)],
    ),
    "note-marks": (
        [(ASK, "The quay is old.[1] It is long."), (ASK, "It sank.[2][3]"), (ASK, "It is blue.[citation needed]")],
        [(ASK, "ships[0]"), (ASK, "a = [1]"), ("Cite sources.", "It is old.[1]"), (ASK, "rows.get()[1].x")],
    ),
    "bare-link": (
        [(ASK, "See https://harbour.pt/quay."), (ASK, "www.harbour.pt/quay")],
        [("Read https://harbour.pt", "https://harbour.pt/quay"), (ASK, "https://example.com/x"), (ASK, "`https://harbour.pt`"), (ASK, "http is a protocol")],
    ),
    "email": (
        [(ASK, "Write to ana.sousa77@harbour.pt"), ("Mail r.lima@porto.co.uk", TELL)],
        [(ASK, "user@example.com"), (ASK, "john.doe@company.com"), (ASK, "xxx@harbour.pt"), (ASK, "my_gmail_account@gmail.com"), (ASK, "@handle"), (ASK, "a@b"), (ASK, "git@github.com:x/y")],
    ),
    "phone": (
        [(ASK, "Call +351 21 392 2000"), (ASK, "(212) 736-5000")],
        [(ASK, "(212) 555-0123"), (ASK, "123-456-7890"), (ASK, "2020-10-11 and 1,234,567"), (ASK, "800-736-5000"), (ASK, "3.14159265358979")],
    ),
    "iban": (
        [(ASK, "DE89 3704 0044 0532 0130 00"), (ASK, "GB82WEST12345698765432")],
        [(ASK, "DE88 3704 0044 0532 0130 00"), (ASK, "AB12 CDEF"), (ASK, "THE12SHIPS")],
    ),
    "card": (
        [(ASK, "4539 1488 0343 6467"), (ASK, "371449635398431")],
        [(ASK, "4539 1488 0343 6468"), (ASK, "4242 4242 4242 4242"), (ASK, "4111111111111111"), (ASK, "1234567890123456")],
    ),
    "ip-address": (
        [(ASK, "from 84.23.101.7 today")],
        [(ASK, "192.168.0.1"), (ASK, "10.1.2.3"), (ASK, "127.0.0.1"), (ASK, "8.8.8.8"), (ASK, "203.0.113.9"), (ASK, "1.2.3.4.5"), (ASK, "84.23.101.777"), (ASK, "version 14.2.3.1")],
    ),
    "social-security": ([(ASK, "536-90-4399")], [(ASK, "123-45-6789"), (ASK, "000-12-3456"), (ASK, "912-12-3456"), (ASK, "1536-90-4399")]),
    "first-person": (
        [(ASK, "I think it is old."), (ASK, "In my view, yes."), (ASK, "Well, I'm there.")],
        [(ASK, "World War I was long."), (ASK, "Elizabeth I ruled."), (ASK, "`I think`"), (ASK, "Mythical ships"), (ASK, "i = 1")],
    ),
    "other-answers": (
        [(ASK, "As mentioned above, it is old."), (ASK, "The accepted answer is wrong."), (ASK, "As others have said, no.")],
        [(ASK, "as many ships as before"), (ASK, "The answer is above."), (ASK, "It was mentioned once.")],
    ),
    "short-response": ([(ASK, "Yes."), (ASK, "x" * 19)], [(ASK, "x" * 20), (ASK, ""), (ASK, TELL)]),
    "below-lima-length": ([(ASK, "x" * 1199), (ASK, "Yes.")], [(ASK, "x" * 1200), (ASK, "é" * 1200), (ASK, " "), (ASK, "")]),
    "long-response": ([(ASK, "x" * 4097)], [(ASK, "x" * 4096), (ASK, "é" * 4096)]),
}  # fmt: skip


def test_every_check_has_a_table():
    """A check without one would be untested, and names are unique."""
    assert [check.name for check in CHECKS] == list(dict.fromkeys(check.name for check in CHECKS))
    assert set(TABLE) == {check.name for check in CHECKS}
    assert {check.name for check in CHECKS} >= COUNTED
    assert PRIVATE in {check.group for check in CHECKS}


@pytest.mark.parametrize("name", TABLE)
def test_a_check_speaks_of_its_hits_and_of_nothing_else(name):
    """Each hit is found, each near miss is not; what was seen is short and not empty."""
    hits, misses = TABLE[name]
    seen = found(name, [*misses, *hits])
    missing = [hit for place, hit in enumerate(hits, start=len(misses)) if place not in seen]
    wrong = [(misses[place], seen[place]) for place in seen if place < len(misses)]
    assert (missing, wrong) == ([], [])
    assert all(0 < len(each) <= 120 for each in seen.values())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_no_row_and_no_text_is_no_trouble(check):
    """No rows, null texts, no turns: nothing is found but what is empty or short."""
    assert len(check.find(frame([])).rows) == 0
    nothing = frame([(None, None), (ASK, TELL)])
    nothing = nothing.with_columns(messages=nothing["messages"].clear().extend_constant(None, 2))
    expected = {"empty-prompt": [0], "empty-response": [0], "below-lima-length": [1]}.get(check.name, [])
    assert check.find(nothing).rows.tolist() == expected


HOSTILE = ("a" * 1_000_000, *(
    piece * (60_000 // len(piece))
    for piece in ("1 ", "1", "<", "a@", "```", "[", "\n", "ab ", "A1", "(", "@", "Sorry, ", "Ã", ".", "I cannot ", "<a ", "&", "4539 ")
))  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_hostile_texts_take_no_time(check):
    """A megabyte of anything is read once, not again from each of its characters."""
    rows = frame([pair for text in HOSTILE for pair in ((text, TELL), (ASK, text))])
    start = time.process_time()
    result = check.find(rows)
    assert time.process_time() - start < 10
    assert all(len(seen) <= 120 for seen in result.seen)


def test_what_is_found_does_not_depend_on_the_order_of_the_rows():
    """All tables together, shuffled: the same ids, each with the same seen."""
    pairs = [pair for hits, misses in TABLE.values() for pair in (*hits, *misses)]
    rows = frame(pairs)
    order = np.random.default_rng(4).permutation(rows.height)
    for check in CHECKS:
        one, other = check.find(rows), check.find(rows[order])
        expected = {rows["id"][row]: seen for row, seen in zip(one.rows.tolist(), one.seen, strict=True)}
        turned = {
            rows["id"][int(order[row])]: seen
            for row, seen in zip(other.rows.tolist(), other.seen, strict=True)
        }
        assert expected == turned
        assert (np.diff(one.rows) > 0).all()


def test_private_data_is_masked_wherever_it_is_shown():
    """Neither what was seen nor an example holds it; other text stays as it is."""
    private = ["ana.sousa77@harbour.pt", "+351 21 392 2000", "DE89 3704 0044 0532 0130 00", "4539 1488 0343 6467", "84.23.101.7", "536-90-4399"]  # fmt: skip
    text = f"Ask Ana: {', '.join(private)}. The quay is 120 m long."
    shown = masked(text)
    assert shown.startswith("Ask Ana: ") and shown.endswith(". The quay is 120 m long.")
    assert not any(each in shown for each in private)
    for check in CHECKS:
        if check.group == PRIVATE:
            (seen,) = check.find(frame([(ASK, text)])).seen
            assert "•" in seen
            assert not any(each in seen for each in private)


def test_a_middle_turn_is_looked_at_as_well():
    """Private data and lost characters count wherever in the conversation they stand."""
    rows = frame([(ASK, TELL)])
    turns = [{"role": "user", "content": ASK}, {"role": "assistant", "content": "Mail ana@harbour.pt \ufffd cafÃ©"}, {"role": "user", "content": "And?"}, {"role": "assistant", "content": TELL}]  # fmt: skip
    rows = rows.with_columns(
        messages=type(rows["messages"])("messages", [turns], dtype=rows.schema["messages"])
    )
    spoken = {check.name for check in CHECKS if len(check.find(rows).rows)}
    assert spoken == {"email", "lost-characters", "mojibake", "below-lima-length"}


@pytest.mark.parametrize("text", ["é", "’", "Привет", "日本", "🚢", "naïve", "\u00a0"])
def test_what_was_read_wrongly_is_read_again(text):
    """The bytes of UTF-8, read as Windows-1252 and back."""
    wrong = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())
    assert mended(wrong) == text
    assert mended("é!") is None
