"""Conversations of every shape that forms have to hold, and hostile ones."""

from __future__ import annotations

CALL = {"name": "add", "arguments": {"a": 1, "b": [2]}}
OPENAI_CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1,"b":[2]}'}}
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
HOSTILE = [
    "two\nlines\r\n",
    "line \u2028 and paragraph \u2029",
    "nul \0, escape \x1b, next line \x85",
    "quotes \" ' \\ \\n \\ud800 \\u0041",
    "=1+1",
    "\ufeffmark",
    "\U0001f469\u200d\U0001f680 e\u0301 \u202eback",
    '{"role": "user"}',
    "</s><|im_end|>",
    "long " * 50_000,
    " ",
    "null",
]


def turns_of(*pairs):
    return [{"role": role, "content": text} for role, text in pairs]


_RECORDS = [
    {"messages": turns_of(("user", "q"), ("assistant", "a"))},
    {"messages": turns_of(("system", "s"), ("user", "q"), ("assistant", "a"))},
    {"messages": turns_of(("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "4"))},
    {"messages": turns_of(("user", "q"), ("assistant", "a"), ("user", "open"))},
    {"messages": turns_of(("assistant", "alone"))},
    {"messages": turns_of(("developer", "d"), ("user", "q"), ("assistant", "a"))},
    {"messages": turns_of(("user", "q"), ("critic", "c"), ("assistant", "a"))},
    {"messages": turns_of(("user", "q"), ("system", "late"), ("assistant", "a"))},
    {
        "messages": [
            *turns_of(("user", "q")),
            {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
            {"role": "tool", "content": "3", "tool_call_id": "c1"},
            *turns_of(("assistant", "three")),
        ],
        "tools": TOOLS,
    },
    {
        "messages": [
            *turns_of(("user", "q")),
            {"role": "assistant", "content": "let me", "tool_calls": [OPENAI_CALL]},
            {"role": "tool", "content": "3", "tool_call_id": "c1"},
            *turns_of(("assistant", "three")),
        ]
    },
    {
        "messages": [
            *turns_of(("user", "q")),
            {"role": "assistant", "content": "a", "reasoning_content": "hm"},
        ]
    },
    {
        "messages": [
            *turns_of(("user", "q")),
            {"role": "assistant", "content": None, "tool_calls": [{"function": CALL, "type": "function"}]},
            {"role": "tool", "content": "3"},
            *turns_of(("assistant", "three")),
        ]
    },
    {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url"}]},
            *turns_of(("assistant", "a")),
        ]
    },
    *({"messages": turns_of(("user", text), ("assistant", text[::-1]))} for text in HOSTILE),
]
CHATS = [{"id": f"c{k}", **record} for k, record in enumerate(_RECORDS)]
