"""Chat templates that were laid over a text already: what was asked first, and what was answered last."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

DIVIDED = 0.9  # share of the rows that one template has to divide into a question and an answer


class Template(NamedTuple):
    """The marks of a template, as regular expressions.

    asks, answers: what stands before what a user and an assistant say. stops: what ends either.
    inside: what stands inside a question and belongs to the template, such as the heading of an input.
    """

    name: str
    asks: str
    answers: str
    stops: str
    inside: str = ""


TEMPLATES = (
    Template("ChatML", r"<\|im_start\|>user\s", r"<\|im_start\|>assistant\b", r"<\|im_end\|>"),
    Template(
        "Llama 3",
        r"<\|start_header_id\|>user<\|end_header_id\|>",
        r"<\|start_header_id\|>assistant<\|end_header_id\|>",
        r"<\|eot_id\|>|<\|end_of_text\|>",
    ),
    Template("Gemma", r"<start_of_turn>user\s", r"<start_of_turn>model\b", r"<end_of_turn>"),
    Template("Llama 2", r"\[INST\]", r"\[/INST\]", r"</s>", r"(?s)<<SYS>>.*?<</SYS>>"),
    Template("Zephyr", r"<\|user\|>", r"<\|assistant\|>", r"</s>|<\|end\|>|<\|endoftext\|>"),
    Template(
        "Alpaca", r"(?m:^###\s*Instruction:)", r"(?m:^###\s*Response:)", r"</s>|<\|endoftext\|>",
        r"(?m)^###\s*Input:[ \t]*\n?",
    ),
    Template("Human, Assistant", r"(?m:^###\s*Human:)", r"(?m:^###\s*Assistant:)", r"</s>|<\|endoftext\|>"),
    Template("Vicuna", r"\bUSER:\s", r"\bASSISTANT:", r"</s>"),
)  # fmt: skip


class Divided(NamedTuple):
    """(n,) the question and the answer of each text; one that does not fit the template is a question.

    fits: (n,) whether the template fits.
    """

    template: str
    fits: pl.Series
    prompt: pl.Series
    response: pl.Series


def divided(texts: pl.Series) -> Divided | None:
    """Questions and answers out of templated texts; None where no template divides enough of them."""
    for template in TEMPLATES:
        parts = texts.to_frame("text").select(_asked(template).alias("prompt"), _answered(template))
        fits = ((parts["prompt"] != "") & parts["response"].is_not_null()).fill_null(value=False)
        answered = fits & (parts["response"] != "")
        if len(texts) and answered.sum() >= DIVIDED * len(texts):
            whole = parts.select(
                pl.when(fits).then("prompt").otherwise(texts).alias("prompt"),
                pl.when(fits).then("response").otherwise(pl.lit("")).alias("response"),
            )
            return Divided(template.name, fits, whole["prompt"], whole["response"])
    return None


def _asked(template: Template) -> pl.Expr:
    ends = f"{template.answers}|{template.stops}|{template.asks}"
    said = pl.col("text").str.extract(f"(?s){template.asks}(.*?)(?:{ends})", 1)
    if template.inside:
        said = said.str.replace_all(template.inside, "")
    return said.str.strip_chars()


def _answered(template: Template) -> pl.Expr:
    """What follows the last mark of an answer that stands behind a question."""
    said = pl.col("text").str.extract(f"(?s){template.asks}.*{template.answers}(.*)", 1)
    end = f"(?s)(?:{template.stops}|{template.asks}).*"
    return said.str.replace(end, "").str.strip_chars().alias("response")
