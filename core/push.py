"""Push: the files of an export to a dataset repository on the Hugging Face hub, in one commit.

This is the only module that writes to the network. The token is an argument: it is never kept, and no error
that leaves this module holds it, nor the request that carried it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.domain import OnProgress, Progress, ignore_progress
from core.errors import DataError, ParameterError, WinnowError
from core.exporting import CROISSANT, README, SUMS, digest_of_bytes, licence_in, merged_card, sha256_of
from core.wording import counted

if TYPE_CHECKING:
    from huggingface_hub import HfApi

REPO = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
MESSAGE = "Selection by Winnow"
KIND = "dataset"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did."""

    url: str
    commit: str
    files: tuple[str, ...]
    removed: tuple[str, ...]
    created: bool
    private: bool

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was done, and where it is."""
        gone = (f"Removed, of an earlier push: {', '.join(self.removed)}.",) if self.removed else ()
        seen = "private" if self.private else "public"
        return (*gone, f"{counted(len(self.files), 'file')} in one commit to {self.url} ({seen}).")


def checked_repo(name: str) -> str:
    """The name of a repository as owner/name.

    Raises:
        ParameterError: the hub takes no such name.
    """
    name = name.strip()
    owner, _, own = name.partition("/")
    odd = any(
        "--" in part or ".." in part or part[-1:] in ("-", ".") or part.endswith(".git")
        for part in (owner, own)
    )
    if odd or not REPO.fullmatch(name):
        raise ParameterError(
            f"{name[:100]!r} is no name of a repository on the hub.",
            "Write owner/name, of letters, digits, -, _ and ., such as my-name/alpaca-1k.",
        )
    return name


def files_of(folder: Path) -> dict[str, str]:
    """What a push of this folder would write: the files of its export, each with its sha256.

    Raises:
        DataError: the folder holds no export with a card, or a file was changed since.
        ParameterError: the licence of the source is unknown, so nothing may be published.
    """
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
        card = (folder / README).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise DataError(
            f"{folder} holds no export with a dataset card.",
            "Export into it with a licence first (--license).",
        ) from None
    named = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if not licence_in(card).is_known:
        raise ParameterError(
            "The licence of the source is unknown, so this export is not published.",
            "Find out what its owner allows, and export again with that licence.",
        )
    for name, digest in named.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise DataError(f"{name} is missing in {folder}.", "Export again.")
        if name != README and sha256_of(path) != digest:
            raise DataError(f"{name} was changed since the export.", "Export again, or push it by hand.")
    return named


def push(
    folder: str | Path,
    repo: str,
    *,
    token: str,
    private: bool = True,
    endpoint: str | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Pushed:
    """Write the files of an export into a dataset repository, which is made where there is none.

    A card that is there is kept: see ``core.exporting.merging``. Files of an earlier push that this export
    does not have go. All of it is one commit on what was there when the push began.

    Raises:
        ParameterError: the name, the licence or the token cannot be used, or a public repository is there
            and a private one was asked for.
        DataError: the folder holds no whole export, or the hub refused it.
    """
    folder, repo = Path(folder), checked_repo(repo)
    named = files_of(folder)
    if not token.strip():
        raise ParameterError(
            "A push needs a token of the hub.", "Make one that may write, and put it into HF_TOKEN."
        )
    told: WinnowError
    try:
        api = _api(token.strip(), endpoint)
        return _push(api, folder, repo, named, private=private, on_progress=on_progress)
    except WinnowError:
        raise
    except Exception as cause:
        from core.push_errors import in_words

        told = in_words(cause, repo)
    raise told  # outside of the handler: no error that leaves here leads back to the request


def _api(token: str, endpoint: str | None) -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    return HfApi(endpoint=endpoint, token=token)


def _push(
    api: HfApi,
    folder: Path,
    repo: str,
    named: Mapping[str, str],
    *,
    private: bool,
    on_progress: OnProgress,
) -> Pushed:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    on_progress(Progress("ask the hub", 0, 1))
    api.whoami()
    found = _repository(api, repo, private)
    head, there = found.head, found.files
    contents = _contents(api, folder, repo, named, head if README in there else "")
    old = _fetched(api, repo, SUMS, head) if SUMS in there else ""
    earlier = {line.partition("  ")[2] for line in old.splitlines()}
    removed = sorted(name for name in (earlier & there) - {*named, SUMS, README})
    adding = [CommitOperationAdd(name, contents.get(name, folder / name)) for name in (*named, SUMS)]
    total, done = sum(each.upload_info.size for each in adding), 0
    for each in adding:
        on_progress(Progress("upload", done, total, each.path_in_repo))
        api.preupload_lfs_files(repo, [each], repo_type=KIND)
        done += each.upload_info.size
    on_progress(Progress("commit", 0, 1))
    commit = api.create_commit(
        repo,
        [*adding, *(CommitOperationDelete(name) for name in removed)],
        commit_message=MESSAGE,
        repo_type=KIND,
        parent_commit=head or None,
    )
    on_progress(Progress("commit", 1, 1))
    url, names = f"{api.endpoint}/datasets/{repo}", tuple(each.path_in_repo for each in adding)
    return Pushed(url, str(commit.oid), names, tuple(removed), found.created, found.private)


class _Repository(NamedTuple):
    """Whether it was made now and who sees it, the commit it stands at, and the files in it."""

    created: bool
    private: bool
    head: str
    files: set[str]


def _repository(api: HfApi, repo: str, private: bool) -> _Repository:
    from huggingface_hub.errors import RepositoryNotFoundError

    created = False
    try:
        info = api.dataset_info(repo)
    except RepositoryNotFoundError:
        api.create_repo(repo, repo_type=KIND, private=private, exist_ok=True)
        created, info = True, api.dataset_info(repo)
    if private and not info.private:
        raise ParameterError(
            f"{repo} is public, and a private push was asked for.",
            "Make it private on the hub, choose another name, or push in public (--public).",
        )
    files = {each.rfilename for each in info.siblings or ()}
    return _Repository(created, bool(info.private), info.sha or "", files)


def _fetched(api: HfApi, repo: str, name: str, revision: str) -> str:
    """A small text file of the repository, which is not kept on disk."""
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    url = f"{api.endpoint}/datasets/{repo}/resolve/{revision}/{name}"
    response = get_session().get(url, headers=build_hf_headers(token=str(api.token)), follow_redirects=True)
    hf_raise_for_status(response)
    return str(response.text)


def _contents(api: HfApi, folder: Path, repo: str, named: Mapping[str, str], head: str) -> dict[str, bytes]:
    """What is written in other words than in the folder: the merged card, the address, and their digests."""
    card = (folder / README).read_text("utf-8")
    if head:
        card = merged_card(_fetched(api, repo, README, head), card)
    contents = {README: card.encode()}
    if CROISSANT in named:
        described: dict[str, Any] = json.loads((folder / CROISSANT).read_text("utf-8"))
        described |= {"url": f"{api.endpoint}/datasets/{repo}"}
        described["creator"] = {"@type": "Organization", "name": repo.partition("/")[0]}
        contents[CROISSANT] = (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode()
    sums = {**named, **{name: digest_of_bytes(content) for name, content in contents.items()}}
    contents[SUMS] = "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()
    return contents
