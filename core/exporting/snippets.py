"""Settings and scripts that train on the training file: where to begin, with the file's own names in them.

Option names as TRL, axolotl, LLaMA-Factory and Unsloth document them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from core.exporting.formats import TrainingFormat
from core.exporting.formats.shape import Tools

IMPORT_JSON = "import json\n"
MODEL = "Qwen/Qwen3-0.6B"
LENGTH = 2048  # tokens of a row

SNIPPETS = {
    "trl_sft.py": "TRL: a script that fine-tunes on the training file",
    "trl_dpo.py": "TRL: a script that learns from the pairs of the training file (DPO)",
    "axolotl.yaml": "axolotl: a configuration that reads the training file",
    "axolotl_dpo.yaml": "axolotl: a configuration that learns from the pairs (DPO)",
    "dataset_info.json": "LLaMA-Factory: each file as a data set, the main one as winnow",
    "unsloth_sft.py": "Unsloth: a script that fine-tunes a quantised model with LoRA",
    "unsloth_dpo.py": "Unsloth: a script that learns from the pairs (DPO), quantised and with LoRA",
}
FILES = {
    "trl": "trl_sft.py",
    "trl-dpo": "trl_dpo.py",
    "axolotl": "axolotl.yaml",
    "axolotl-dpo": "axolotl_dpo.yaml",
    "llama-factory": "dataset_info.json",
    "unsloth": "unsloth_sft.py",
    "unsloth-dpo": "unsloth_dpo.py",
}


def snippet_files(form: TrainingFormat) -> dict[str, str]:
    """The files that go beside a training file of that form, each with what it is."""
    return {FILES[name]: SNIPPETS[FILES[name]] for name in form.trainers}


def snippets(form: TrainingFormat, tools: Tools, beside: Sequence[TrainingFormat] = ()) -> dict[str, str]:
    """What goes beside a training file of that form with such rows, by file name.

    beside: other training files of the same export, which LLaMA-Factory's list names as well. What only they
    can be used for, such as pairs, has its own settings.
    """
    written: dict[str, str] = {}
    for each in (form, *beside):
        written = {FILES[name]: WRITERS[name](each, tools) for name in each.trainers} | written
    if (listed := FILES["llama-factory"]) in written:
        written[listed] = _data_sets(form, tools, beside)
    return written


def _loading(form: TrainingFormat) -> str:
    kind = "parquet" if form.file.endswith(".parquet") else "json"
    return f'rows = load_dataset("{kind}", data_files=str(HERE / "{form.file}"), split="train")\n'


# How a row becomes messages, where it does not hold them.

ALPACA = '''

def as_messages(row):
    """The instruction with its input, below the system text if there is one; then the answer."""
    asked = row["instruction"] + ("\\n\\n" + row["input"] if row["input"].strip() else "")
    system = [{"role": "system", "content": row["system"]}] if row["system"] else []
    answer = {"role": "assistant", "content": row["output"]}
    return {"messages": [*system, {"role": "user", "content": asked}, answer]}


rows = rows.map(as_messages, remove_columns=rows.column_names)
'''
SHAREGPT = '''ROLES = {
    "human": "user",
    "gpt": "assistant",
    "observation": "tool",
    "function_call": "assistant",
}


def as_messages(row):
    """Roles by the names that chat templates know; a function call stays the JSON text that it is."""
    turns = [{"role": ROLES[turn["from"]], "content": turn["value"]} for turn in row["conversations"]]
    system = [{"role": "system", "content": row["system"]}] if row["system"] else []
    return {"messages": system + turns}


rows = rows.map(as_messages, remove_columns=["conversations", "system"])
'''
TEXTS = """texts = [
    tokenizer.apply_chat_template(messages, tokenize=False) for messages in rows["messages"]
]
"""
TEXTS_WITH_TOOLS = '''

def offered(tools):
    """The tools of a row as a list, whether the file has them so or as JSON text."""
    return json.loads(tools) if tools and isinstance(tools, str) else tools or None


texts = [
    tokenizer.apply_chat_template(messages, tools=offered(tools), tokenize=False)
    for messages, tools in zip(rows["messages"], rows["tools"])
]
'''
MAPPED = {"alpaca": ALPACA, "sharegpt": SHAREGPT}


COMPLETION = "completion_only_loss=True,  # learn from the completion alone"
ANSWERS = "# assistant_only_loss=True,  # learn from answers alone; the chat template must mark them"
WHOLE = 'dataset_text_field="text",  # as it is, without a chat template; all of it is learnt'
LEARNS = {"prompt-completion": COMPLETION, "text": WHOLE}


def _trl(form: TrainingFormat, _: Tools) -> str:
    learns = LEARNS.get(form.name, ANSWERS)
    return f'''"""Fine-tune on {form.file} with TRL: python trl_sft.py"""

from pathlib import Path

from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

HERE = Path(__file__).parent
{_loading(form)}{MAPPED.get(form.name, "")}
trainer = SFTTrainer(
    model="{MODEL}",
    train_dataset=rows,
    args=SFTConfig(
        output_dir=str(HERE / "trained"),
        max_length={LENGTH},  # tokens; the end of a longer row is cut off
        {learns}
    ),
)
trainer.train()
trainer.save_model()
'''


def _trl_dpo(form: TrainingFormat, _: Tools) -> str:
    return f'''"""Learn from the pairs of {form.file} with TRL: python trl_dpo.py"""

from pathlib import Path

from datasets import load_dataset
from trl import DPOConfig, DPOTrainer

HERE = Path(__file__).parent
{_loading(form)}
trainer = DPOTrainer(
    model="{MODEL}",
    train_dataset=rows,
    args=DPOConfig(output_dir=str(HERE / "trained"), beta=0.1, max_length={LENGTH}),
)
trainer.train()
trainer.save_model()
'''


LOADED_BY_UNSLOTH = f"""model, tokenizer = FastLanguageModel.from_pretrained(
    model_name="{MODEL}", max_seq_length={LENGTH}, load_in_4bit=True
)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
"""


def _unsloth_dpo(form: TrainingFormat, _: Tools) -> str:
    return f'''"""Learn from the pairs of {form.file} with Unsloth: python unsloth_dpo.py"""

from pathlib import Path

from unsloth import FastLanguageModel, PatchDPOTrainer  # first: it changes the libraries below

PatchDPOTrainer()

from datasets import load_dataset
from trl import DPOConfig, DPOTrainer

HERE = Path(__file__).parent
{LOADED_BY_UNSLOTH}{_loading(form)}
trainer = DPOTrainer(
    model=model,
    ref_model=None,  # the model without its LoRA
    processing_class=tokenizer,
    train_dataset=rows,
    args=DPOConfig(output_dir=str(HERE / "trained"), beta=0.1, max_length={LENGTH}),
)
trainer.train()
model.save_pretrained(str(HERE / "trained"))
'''


def _unsloth(form: TrainingFormat, tools: Tools) -> str:
    texts = TEXTS_WITH_TOOLS if tools.offered else TEXTS
    is_text = form.name == "text"
    imported, made = ("", "rows") if is_text else ("Dataset, ", 'Dataset.from_dict({"text": texts})')
    return f'''"""Fine-tune on {form.file} with Unsloth: python unsloth_sft.py"""

{IMPORT_JSON if tools.offered else ""}from pathlib import Path

from unsloth import FastLanguageModel  # first: it changes the libraries below

from datasets import {imported}load_dataset
from trl import SFTConfig, SFTTrainer

HERE = Path(__file__).parent
{LOADED_BY_UNSLOTH}{_loading(form)}{MAPPED.get(form.name, "")}{"" if is_text else texts}
trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset={made},
    args=SFTConfig(output_dir=str(HERE / "trained"), dataset_text_field="text", max_length={LENGTH}),
)
trainer.train()
model.save_pretrained(str(HERE / "trained"))
'''


AXOLOTL = {
    "text": """\
    type: completion  # as it is, without a chat template; a longer text is cut into pieces, not left out
    field: text
""",
    "alpaca": """\
    type: alpaca  # reads instruction, input and output; a system text is not read
""",
    "sharegpt": """\
    type: chat_template
    field_messages: conversations
    field_system: system  # an empty one may become an empty system turn; messages has none then
    message_property_mappings:
      role: from
      content: value
    roles:
      system: [system]
      user: [human]
      assistant: [gpt, function_call]
      tool: [observation]
    roles_to_train: [assistant]
""",
}
CHAT = """\
    type: chat_template
    field_messages: messages
    message_property_mappings:
      role: role
      content: content
    roles_to_train: [assistant]
"""


TRAINED = """\
output_dir: trained
num_epochs: 3
micro_batch_size: 2
gradient_accumulation_steps: 8
learning_rate: {rate}
optimizer: adamw_torch
lr_scheduler: cosine
"""


def _axolotl(form: TrainingFormat, tools: Tools) -> str:
    kind = "parquet" if form.file.endswith(".parquet") else "json"
    offered = "    field_tools: tools\n" if tools.offered else ""
    longer = "" if form.name == "text" else "; a longer row is left out"
    return f"""# Fine-tune on {form.file} with axolotl, from this folder: axolotl train axolotl.yaml
base_model: {MODEL}
datasets:
  - path: "{form.file}"
    ds_type: {kind}
{AXOLOTL.get(form.name, CHAT)}{offered}sequence_len: {LENGTH}  # tokens{longer}
{TRAINED.format(rate="2.0e-5")}"""


def _axolotl_dpo(form: TrainingFormat, _: Tools) -> str:
    return f"""# Learn from the pairs of {form.file} with axolotl, here: axolotl train axolotl_dpo.yaml
# Of an answer of several turns it takes the last one alone, and it reads no tools: TRL takes both whole.
base_model: {MODEL}
rl: dpo
datasets:
  - path: "{form.file}"
    ds_type: json
    split: train
    type: chat_template.default
    field_messages: prompt
    field_chosen: chosen
    field_rejected: rejected
    message_property_mappings:
      role: role
      content: content
sequence_len: {LENGTH}  # tokens
{TRAINED.format(rate="5.0e-6")}"""


# A part of a block left out is null for LLaMA-Factory, not its default: so every name is written.
NO_COLUMNS: dict[str, str | None] = dict.fromkeys(
    (
        *("prompt", "query", "response", "history", "messages", "system", "tools"),
        *("images", "videos", "audios", "chosen", "rejected", "kto_tag"),
    )
)
COLUMNS = {
    "alpaca": {"prompt": "instruction", "query": "input", "response": "output", "system": "system"},
    "sharegpt": {"messages": "conversations", "system": "system", "tools": "tools"},
    "preference-sharegpt": {
        "messages": "conversations", "chosen": "chosen", "rejected": "rejected", "system": "system"
    },
    "text": {"prompt": "text"},  # with stage: pt
}  # fmt: skip
KINDS = {"alpaca": "alpaca", "sharegpt": "sharegpt", "preference-sharegpt": "sharegpt", "text": "alpaca"}

SHAREGPT_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
MESSAGE_TAGS = {
    **SHAREGPT_TAGS,
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
}


def _data_sets(form: TrainingFormat, tools: Tools, beside: Sequence[TrainingFormat]) -> str:
    """The training file as ``winnow``, and each other file that is read as ``winnow_`` with its form."""
    entries = {"winnow": _entry(form, tools)}
    for each in beside:
        if "llama-factory" in each.trainers and each.file != form.file:
            entries[f"winnow_{each.name.replace('-', '_')}"] = _entry(each, tools)
    return json.dumps(entries, indent=2) + "\n"


def _llama_factory(form: TrainingFormat, tools: Tools) -> str:
    return _data_sets(form, tools, ())


def _entry(form: TrainingFormat, tools: Tools) -> dict[str, Any]:
    """``openai`` where there are tool calls in messages, which ``sharegpt`` does not read."""
    messages = {"messages": "messages"} | ({"tools": "tools"} if tools.offered else {})
    kind = KINDS.get(form.name, "openai" if tools.offered or tools.used else "sharegpt")
    entry: dict[str, Any] = {
        "file_name": form.file,
        "formatting": kind,
        "ranking": form.name == "preference-sharegpt",
        "columns": NO_COLUMNS | COLUMNS.get(form.name, messages),
    }
    if kind != "alpaca":
        entry["tags"] = SHAREGPT_TAGS if form.name in KINDS else MESSAGE_TAGS
    return entry


WRITERS: dict[str, Callable[[TrainingFormat, Tools], str]] = {
    "trl": _trl,
    "trl-dpo": _trl_dpo,
    "axolotl": _axolotl,
    "axolotl-dpo": _axolotl_dpo,
    "llama-factory": _llama_factory,
    "unsloth": _unsloth,
    "unsloth-dpo": _unsloth_dpo,
}
