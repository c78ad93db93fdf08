"""How servers other than OpenAI's answer and refuse, as their documentation and code have it; hooks of the stand-in.

A kind takes a request and what the stand-in would answer, and gives the answer in that server's form, or a
refusal as (status, body).
"""

from __future__ import annotations

import math
import re

THOUGHT = 'It could be a 2. Or {"score": 6}. Let me decide.'


def _refused(message, *, status=400, kind="BadRequestError"):
    return status, {"error": {"message": message, "type": kind, "param": None, "code": status}}


def _odds(text, *, absent=None, grade_at=None):
    """Tokens of a few characters each; 0.8 of the odds on what was said, 0.2 on the grade below."""
    tokens = re.findall(r"[a-zA-Z ]+|\d|[^\w ]+", text)
    at = tokens.index(next(each for each in tokens if each.isdigit())) if grade_at is None else grade_at
    made = []
    for place, token in enumerate(tokens):
        likely = [(token, math.log(0.8) if place == at else -0.001)]
        if place == at:
            likely.append((str(int(token) - 1), math.log(0.2)))
        made.append(
            {
                "token": token,
                "logprob": likely[0][1],
                "bytes": list(token.encode()),
                "top_logprobs": [
                    *({"token": each, "logprob": odds, "bytes": None} for each, odds in likely),
                    {"token": "7", "logprob": absent, "bytes": None},
                ],
            }
        )
    return made


def vllm(body, made):
    """Model names with a slash, a reasoning field beside the answer, odds that are -9999 for the impossible."""
    assert "/" in body["model"]
    message = made["choices"][0]["message"]
    message |= {"reasoning": None, "tool_calls": [], "annotations": None, "audio": None}
    made["choices"][0] |= {"stop_reason": None, "token_ids": None}
    if "logprobs" in body:
        made["choices"][0]["logprobs"] = {"content": _odds(message["content"], absent=-9999.0)}
    return made


def vllm_thinking(body, made):
    """Thoughts in a field of their own, whose tokens are told all the same, before those of the answer."""
    made = vllm(body, made)
    choice = made["choices"][0]
    choice["message"]["reasoning"] = choice["message"]["reasoning_content"] = THOUGHT
    if "logprobs" in body:
        choice["logprobs"]["content"] = _odds(THOUGHT, absent=-9999.0) + choice["logprobs"]["content"]
    return made


def vllm_old(body, made):
    """JSON without a schema alone, and the odds of five tokens at most."""
    if body.get("response_format", {}).get("type") == "json_schema":
        return _refused("[{'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]")  # fmt: skip
    if body.get("top_logprobs", 0) > 5:
        return _refused("Cannot request more than 5 logprobs.")
    return vllm(body, made)


def ollama(body, made):
    """Its older versions pass over the wish for odds, as over every field that they do not know."""
    made["system_fingerprint"] = "fp_ollama"
    made["choices"][0].pop("logprobs", None)
    return made


def ollama_now(body, made):
    """Odds since 0.12.11, 20 at most."""
    assert body.get("top_logprobs", 0) <= 20
    message = made["choices"][0]["message"]
    message["reasoning"] = THOUGHT
    if "logprobs" in body:
        made["choices"][0]["logprobs"] = {"content": _odds(message["content"], absent=-30.5)}
    return ollama_named(made)


def ollama_named(made):
    made["system_fingerprint"] = "fp_ollama"
    return made


def llama_cpp(body, made):
    """An id with each token, null for odds of nothing, timings instead of some fields, thoughts apart."""
    message = made["choices"][0]["message"]
    message["reasoning_content"] = THOUGHT
    if "logprobs" in body:
        content = [{"id": 1, **each} for each in _odds(message["content"])]
        made["choices"][0]["logprobs"] = {"content": content}
    made |= {"timings": {"prompt_n": 1, "predicted_n": 1}, "system_fingerprint": "b8681"}
    return made


def in_the_text(body, made):
    """Thoughts before the answer, in the text itself."""
    message = made["choices"][0]["message"]
    message["content"] = f"<think>\n{THOUGHT}\n</think>\n\n{message['content']}"
    return made


def without_a_beginning(body, made):
    """The chat template has opened the thoughts already, so that their end alone is in the text."""
    message = made["choices"][0]["message"]
    message["content"] = f"{THOUGHT}\n</think>\n\n{message['content']}"
    return made


def uncounted(body, made):
    """No tokens are counted."""
    made.pop("usage", None)
    return made


def newer(body, made):
    """OpenAI's models that think: the limit has another name, and there are no odds."""
    if "max_tokens" in body:
        return _refused("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")  # fmt: skip
    if "logprobs" in body:
        return _refused("You are not allowed to request logprobs from this model")
    return made


TOLD = {vllm, vllm_thinking, vllm_old, ollama_now, llama_cpp}
UNTOLD = {ollama, in_the_text, without_a_beginning, uncounted, newer}
