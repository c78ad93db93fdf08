"""What the hub answered, in words: never the request, which carried the token."""

from __future__ import annotations

from core.errors import DataError, ParameterError, WinnowError

BY_STATUS = {
    400: ("The hub did not take the files of {repo}{said}.", "See what it says, or report this."),
    401: (
        "The hub does not know this token.",
        "Make a new one on the hub's settings page, one that may write.",
    ),
    403: ("This token may not write to {repo}.", "Use one that may write there, or another owner."),
    404: ("The hub has no {repo}, or this token may not see it.", "Check the owner and the name."),
    409: ("{repo} was changed on the hub meanwhile.", "Push again: what was changed is then kept."),
    412: ("{repo} was changed on the hub meanwhile.", "Push again: what was changed is then kept."),
    413: ("The hub finds these files too large.", "Choose fewer rows, or push them by hand."),
    429: ("The hub asks to be asked less often.", "Wait some minutes, then push again."),
}
AFTER = "Nothing was committed, and nothing in the repository is half written. Push again."


def in_words(cause: BaseException, repo: str) -> WinnowError:
    """An error for people, which holds nothing of the request."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    chain = _chain(cause)
    for each in chain:
        status = getattr(getattr(each, "response", None), "status_code", None)
        if isinstance(each, HfHubHTTPError) and status is not None:
            return _of_status(int(status), str(each.server_message or ""), repo)
    if any(isinstance(each, OfflineModeIsEnabled) for each in chain):
        return DataError("The hub is switched off here (HF_HUB_OFFLINE).", "Unset it to push.")
    names = {kind.__name__ for each in chain for kind in type(each).__mro__}
    if names & {"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror", "ProxyError"}:
        return DataError("The hub cannot be reached.", f"Check the network. {AFTER}")
    if names & {"TransportError", "ConnectionError", "TimeoutException", "TimeoutError"}:
        return DataError("The connection to the hub was cut.", AFTER)
    if isinstance(cause, ValueError) and "metadata" in str(cause):
        return DataError(
            "The hub finds the front matter of the card wrong.", "Mend the README.md on the hub."
        )
    return DataError(f"The push broke off ({type(cause).__name__}).", AFTER)


def _of_status(status: int, said: str, repo: str) -> WinnowError:
    if status >= 500:
        return DataError(f"The hub has a fault of its own ({status}).", AFTER)
    problem, hint = BY_STATUS.get(status, (f"The hub answered {status}.", AFTER))
    words = f": {' '.join(said.split())[:200].rstrip('.')}" if said else ""
    kind = ParameterError if status in (401, 403, 404) else DataError
    return kind(problem.format(repo=repo, said=words), hint)


def _chain(cause: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    each: BaseException | None = cause
    while each is not None and each not in found:
        found.append(each)
        each = each.__cause__ or each.__context__
    return found
