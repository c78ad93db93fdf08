"""Responses in which a model declines, speaks of itself, or asks for what it was not given."""

from __future__ import annotations

import polars as pl

from core.health.check import Check, Found
from core.health.looking import PROMPT, RESPONSE, either, found_where, said_when

GROUP = "Refusals"
HAVE = r"(?:(?:ca|wo)n['’]?t|cannot|can not|will not|(?:am|['’]m) (?:not able|unable) to|do(?:n['’]t| not) have (?:access|the ability|the capability|enough)|(?:am|['’]m) not (?:programmed|designed|capable|allowed|permitted|comfortable|trained|going to))"
DOING = either(
    "assist", r"help (?:you|with)", "provide", "fulfil", "answer", "generate", "comply", "complete", "create", "engage in",
    "support", "discuss", "respond", "offer", "process", "perform", "access", "browse", "display", "show you", "draw",
    "determine", "predict", "tell you", "give you", "write", "translate", "identify", "make that", "do (?:that|so)", "play", "upload", "remind", "send",
    "recommend", "endorse", "promote", "continue", "open", "view", "participate", "speculate", "share", "carry out",
)  # fmt: skip
SORRY = r"(?:unfortunately|(?:i['’]m |i am |we['’]re |we are )?(?:very |really |so |terribly )?sorry|i apologi[sz]e|my apologies|apologies|as (?:an?|your) (?:ai|artificial|large|language|virtual|digital|text|chat|assistant)[^.,\n]{0,60})"
ENGLISH = rf"{SORRY}?[,;:.!]?\s*(?:but |however,? |for (?:the|any) [^.,\n]{{0,40}}[,.] ?(?:but )?)?(?:as an? [^.,\n]{{0,60}}, )?(?:i|we) (?:simply |just |really |currently |personally )?{HAVE}\b(?:[^.!?\n]{{0,20}}\b{DOING}\b|[^.!?\n]{{0,10}} (?:information|context|data|to (?:your|real|current|external))\b)"
OTHERS = either(
    r"lo siento,? (?:pero )?(?:como [^.,\n]{0,60}, )?no puedo (?:ayudar|proporcionar|cumplir|responder|generar|hacer|asistir)",
    r"(?:je suis )?désolée?,? (?:mais )?(?:en tant [^.,\n]{0,60}, )?je ne (?:peux|suis) pas (?:vous |en mesure |répondre|fournir|aider|générer)",
    r"(?:es tut mir leid|tut mir leid|entschuldigung),? (?:aber )?(?:als [^.,\n]{0,60} )?(?:ich )?kann (?:ich )?(?:ihnen |dir |dabei |dies|diese|das |keine)",
    r"(?:desculpe|sinto muito|lamento),? (?:mas )?(?:como [^.,\n]{0,60}, )?(?:eu )?não posso (?:ajudar|fornecer|cumprir|responder|gerar)",
    r"mi dispiace,? (?:ma )?non posso (?:aiutar|fornir|rispondere|soddisfare|generare)",
    r"(?:к сожалению|извините|простите),? (?:но )?(?:я )?не могу (?:помочь|ответить|предоставить|выполнить|создать)",
    r"(?:很?抱歉|对不起)[,，]?(?:但是?)?[^。\n]{0,20}我?(?:无法|不能)(?:提供|回答|帮助|协助|满足|生成)",
    r"申し訳(?:ありません|ございません)[^。\n]{0,30}(?:できません|お手伝いできない|お答えできない)",
    r"죄송(?:합니다|하지만)[^.\n]{0,30}(?:도와드릴 수 없|제공할 수 없|답변할 수 없)",
)  # fmt: skip
TASKED = either(
    r"(?:sorry,? )?(?:but )?(?:this|the|that) (?:type of )?(?:task|instruction|request|prompt)s?\b[^.\n]{0,60} (?:can(?:no|['’])t be|can not be|is (?:beyond|outside|not (?:possible|feasible|suitable|something))|the model (?:cannot|can['’]t))",
    r"sorry,? (?:but )?(?:this|the) (?:task|instruction|request)\b",
    r"<?no ?(?:out|in)put>?[\s-]+[^.\n]{0,80}(?:cannot|can['’]t|not able|unable|model)",
    r"n/a \([^)\n]{3,80}\)",
)  # fmt: skip
REFUSAL = rf"(?i)\A[\s*_]*({either(ENGLISH, OTHERS, TASKED)})"
DECLINES = either(
    "can",
    "no",
    "unable",
    "sorry",
    "n/a",
    "won",
    "不",
    "無",
    "无",
    "ません",
    "없",
    "ich",
    "не ",
    "puedo",
    "peux",
    "posso",
    "désol",
)
INABLE = either(
    r"\bmodels? (?:currently )?(?:cannot|can['’]t|is not able|are not able|is unable|are unable|are not designed)",
    r"(?:cannot|can['’]t|not able to|unable to)[^.\n]{0,50} by (?:a|the|this|an) (?:gpt|language|ai)?[- ]?(?:language )?model",
)  # fmt: skip
OF_MODELS = r"(?i)\b(?:gpt|language model|ai\b|neural|machine learning|model|assistant)"

MODEL = r"(?:ai|artificial intelligence|(?:large )?language|chat|machine learning)(?:[- ](?:based|powered|driven))?"
TALK = either(
    rf"\bas an? (?:\w+ )?{MODEL}(?: language)? (?:model|assistant|chatbot|program|system|bot)\b",
    r"\bas an ai\b,?(?: i\b)",
    rf"\bi(?: am|['’]m) (?:just |only |merely )?an? (?:\w+ )?{MODEL}(?: language)? (?:model|assistant|chatbot|program|system)\b",
    r"\b(?:my|of my) (?:last )?(?:knowledge|training)(?: data)?(?: (?:cut-?off|update|ends|only goes)|,? (?:in|as of) (?:\w+ )?20[12]\d)",
    r"\bmy (?:training data|knowledge cut-?off)\b", r"\bi was (?:trained|created|developed) by (?:openai|anthropic|google|meta|mistral)\b",
    r"\bcomo (?:un )?modelo de (?:lenguaje|ia|inteligencia)", r"\ben tant qu['’](?:ia\b|intelligence artificielle|assistant ia|modèle de lang)",
    r"\bals (?:ein )?(?:ki-|künstliche intelligenz|großes sprachmodell|sprachmodell)", r"\bcomo (?:um )?modelo de linguagem",
    r"\bin quanto (?:modello linguistico|ia\b)", r"\bкак (?:языковая модель|искусственный интеллект|ии\b)",
    r"作为(?:一个|一名|一款)?(?:ai|人工智能|大?型?语言模型)", r"(?:aiとして|言語モデルとして)", r"(?:ai|인공지능|언어) ?(?:언어 )?모델로서",
)  # fmt: skip
SELVES = [
    "as an ",
    "as a ",
    "i am a",
    "i'm a",
    "i’m a",
    "m just a",
    "knowledge",
    "training",
    "trained by",
    "created by",
    "developed by",
    "modelo",
    "en tant qu",
    "ki-",
    "sprachmodell",
    "in quanto",
    "как ",
    "作为",
    "として",
    "로서",
]
OPENS = '["“«‘„「]'  # a quoted phrase is somebody else's
SELF_TALK = rf"(?i)(?:\A|[^\"“«‘„「\w])({TALK})"

ASKS = either(
    r"(?:please|kindly|could you(?: please)?|can you(?: please)?) (?:provide|specify|share|give|supply|enter|include|clarify)(?: me| us)?(?: with)? (?:\w+ ){0,4}(?:input|text|sentence|paragraph|passage|article|information|details|context|data|list|code|link|question|document|image|file)",
    r"(?:no|without(?: any| the| more| further)?|insufficient|not enough) (?:\w+ ){0,2}(?:input|text|information|context|data|details|sentence|paragraph|passage)(?: \w+)? (?:was|is|were|has been|have been)? ?(?:provided|given|supplied|specified|available)",
    r"(?:this|the) (?:question|problem|puzzle)[^.\n]{0,30} (?:cannot|can ?not|can['’]t) be (?:\w+ )?(?:answered|completed|determined|fulfilled|performed)",
    r"(?:it is|it['’]s) (?:not possible|impossible) to (?:\w+ )?(?:answer|determine|say|tell|complete|provide|generate|identify|predict)[^.\n]{0,60} without",
    r"(?:i|we) (?:do not|don['’]t|would) (?:have|need) (?:enough|sufficient|more|any|further|additional) (?:\w+ )?(?:information|context|details|data)",
)  # fmt: skip
ASKING = rf"(?i)\A\s*((?:{SORRY}[^.\n]{{0,40}}[.,;] ?(?:but )?)?{ASKS})"
PLAYED = r"(?i)\b(?:no input|response|reply|respond|e-?mail|message|customer|chatbot|dialogue|conversation|letter|request|question|polite|sentence|rewrite|rephrase)"


def _refusal(frame: pl.DataFrame) -> Found:
    start = RESPONSE.str.slice(0, 240)
    of_models = start.str.extract(rf"(?i)({INABLE})")
    seen = pl.coalesce(start.str.extract(REFUSAL), said_when(~PROMPT.str.contains(OF_MODELS), of_models))
    return found_where(frame, seen, among=start.str.contains(f"(?i){DECLINES}"))


def _self_talk(frame: pl.DataFrame) -> Found:
    return found_where(
        frame,
        RESPONSE.str.extract(SELF_TALK),
        among=RESPONSE.str.contains_any(SELVES, ascii_case_insensitive=True),
    )


def _asking(frame: pl.DataFrame) -> Found:
    """Not where the prompt has the response play somebody who asks."""
    seen = RESPONSE.str.slice(0, 300).str.extract(ASKING)
    return found_where(frame, said_when(~PROMPT.str.contains(PLAYED), seen))


CHECKS = (
    Check(
        "refusal",
        "Refusal",
        "The response begins by declining the task: a model learns to decline as well.",
        GROUP,
        1,
        _refusal,
    ),
    Check(
        "self-talk",
        "Talk of being a language model",
        "The response speaks of itself as a model or of its training data, outside of quotes.",
        GROUP,
        1,
        _self_talk,
    ),
    Check(
        "asks-for-input",
        "Response asks for what is missing",
        "The response says that the text or the facts it needs were not given.",
        GROUP,
        1,
        _asking,
    ),
)
