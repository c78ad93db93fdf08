"""Talking to the hub: what a dataset holds, its files piece by piece, and every failure in plain words."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from core.domain import OnProgress, Progress
from core.errors import DataError, StoreError
from core.loading.layouts import MOST_HEADER
from core.loading.unpacking import leads_out

CONVERTED = "refs/convert/parquet"  # where the hub keeps its own conversion of a dataset
PIECE = 1 << 20  # bytes between two reports
TRIES = 3  # of a download that breaks off; each goes on where the last one ended
SECONDS = 30.0  # without an answer
STAGE = "download"


class RemoteFile(NamedTuple):
    """A file of a dataset: its size in bytes and its digest, where the hub tells them."""

    name: str
    size: int | None
    sha256: str | None
    git_sha1: str | None


class Remote:
    """One dataset on the hub, or on the server that HF_ENDPOINT names."""

    def __init__(self, name: str, token: str | None) -> None:
        self.name = name
        self._token = token or os.environ.get("HF_TOKEN", "").strip() or None
        self._endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"

    def files(self, revision: str) -> tuple[str, dict[str, RemoteFile]]:
        """The commit of a revision, and the files it has.

        Raises:
            DataError: no such dataset or revision, no access, or no answer.
        """
        from huggingface_hub import HfApi

        with self._in_words(revision):
            info = HfApi(endpoint=self._endpoint).dataset_info(
                self.name, revision=revision, files_metadata=True, timeout=SECONDS, token=self._token or False
            )
        found = {}
        for each in info.siblings or []:
            if not leads_out(each.rfilename):
                sha256 = each.lfs.sha256 if each.lfs else None
                git = each.blob_id if each.blob_id and not each.lfs else None
                found[each.rfilename] = RemoteFile(each.rfilename, each.size, sha256, git)
        return str(info.sha), found

    def text(self, name: str, commit: str) -> str:
        """The beginning of a small text file."""
        content = b""
        with self._in_words(commit):
            for piece in self._pieces(name, commit, 0):
                content += piece
                if len(content) > MOST_HEADER:
                    break
        return content.decode(errors="replace")

    def download(
        self, commit: str, files: Sequence[RemoteFile], folder: Path, on_progress: OnProgress
    ) -> None:
        """Bring files into a folder, each whole or not at all; what is there already stays.

        Raises:
            DataError: the hub refuses, the connection breaks off, or a file is not what the hub announces.
            StoreError: there is no room, or the folder cannot be written.
        """
        total, done = sum(file.size or 0 for file in files), 0

        def report(before: int, note: str, size: int) -> None:
            on_progress(Progress(STAGE, min(before + size, total), max(total, 1), note))

        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
            if total > free:
                raise StoreError(
                    f"{self.name} takes {total:,} bytes, and {free:,} are free.",
                    "Free some space, or set WINNOW_HOME.",
                )
            for number, file in enumerate(files, start=1):
                path = folder / file.name
                note = f"file {number} of {len(files)}"
                if not path.is_file() or path.stat().st_size != file.size:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._one(commit, file, path, partial(report, done, note))
                done += file.size or path.stat().st_size
                report(done, note, 0)
        except OSError as cause:
            raise StoreError(
                f"The download could not be kept: {cause.strerror or 'the folder cannot be written'}.",
                "Free some space, or set WINNOW_HOME.",
            ) from None

    def _one(self, commit: str, file: RemoteFile, path: Path, said: Callable[[int], None]) -> None:
        part = path.with_name(f".{path.name}.part")
        for attempt in range(1, TRIES + 1):
            begun = part.stat().st_size if part.is_file() else 0
            if file.size is not None and begun >= file.size:
                begun = 0
            try:
                with self._in_words(commit), part.open("ab" if begun else "wb") as out:
                    for piece in self._pieces(file.name, commit, begun):
                        out.write(piece)
                        said(out.tell())
            except _BrokenOffError as cause:
                if attempt == TRIES:
                    raise cause.words from None
                continue
            if file.size is None or part.stat().st_size >= file.size:
                break
        self._check(file, part)
        part.replace(path)

    def _check(self, file: RemoteFile, part: Path) -> None:
        size = part.stat().st_size
        if file.size is not None and size != file.size:
            raise DataError(
                f"{file.name} came with {size:,} of {file.size:,} bytes: the download was cut.",
                "Try again; it goes on where it ended.",
            )
        with part.open("rb") as content:
            if file.sha256 is not None:
                same = hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
            elif file.git_sha1 is not None:
                digest = hashlib.file_digest(content, lambda: hashlib.sha1(f"blob {size}\0".encode()))
                same = digest.hexdigest() == file.git_sha1
            else:
                same = True
        if not same:
            part.unlink()
            raise DataError(f"{file.name} is not what the hub announces: other bytes came.", "Try again.")

    def _pieces(self, name: str, commit: str, begun: int) -> Iterator[bytes]:
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils._headers import build_hf_headers
        from huggingface_hub.utils._http import hf_raise_for_status

        url = hf_hub_url(self.name, name, repo_type="dataset", revision=commit, endpoint=self._endpoint)
        headers = build_hf_headers(token=self._token or False) | {"Accept-Encoding": "identity"}
        if begun:
            headers["Range"] = f"bytes={begun}-"
        with get_session().stream("GET", url, headers=headers, timeout=SECONDS) as answer:
            if answer.is_error:
                answer.read()
            hf_raise_for_status(answer)
            skipped = 0 if answer.status_code == 206 else begun  # a server that knows no ranges begins anew
            for piece in answer.iter_bytes(PIECE):
                own, skipped = piece[skipped:], max(0, skipped - len(piece))
                if own:
                    yield own

    @contextmanager
    def _in_words(self, revision: str) -> Iterator[None]:
        """Every failure of the hub, or of the way to it, in plain words; none holds the token."""
        import httpx2
        from huggingface_hub import errors

        try:
            yield
        except errors.GatedRepoError:
            raise DataError(
                f"{self.name} is gated: its owner lets in whom they have accepted.",
                "Ask for access on its page on the hub, then give a token that may read it.",
            ) from None
        except errors.DisabledRepoError:
            raise DataError(f"{self.name} was taken off the hub.", "Choose another dataset.") from None
        except errors.RepositoryNotFoundError:
            raise self._no_access(f"There is no dataset {self.name} on the hub, or it is private") from None
        except errors.RevisionNotFoundError:
            raise DataError(
                f"{self.name} has no revision {revision}.", "Name a branch, a tag or a commit of it."
            ) from None
        except errors.HfHubHTTPError as cause:
            raise self._refused(cause.response.status_code) from None
        except (errors.OfflineModeIsEnabled, errors.HFValidationError) as cause:
            offline = isinstance(cause, errors.OfflineModeIsEnabled)
            why = "HF_HUB_OFFLINE is set" if offline else "its name is none that the hub knows"
            raise DataError(
                f"{self.name} could not be looked up: {why}.", "Check the name, or go online."
            ) from None
        except httpx2.HTTPError as cause:
            is_first = isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout))
            why = "cannot be reached" if is_first else "broke the connection off"
            words = DataError(
                f"The hub {why}.", "Check the network, and try again: it goes on where it ended."
            )
            raise (words if is_first else _BrokenOffError(words)) from None
        except (ValueError, TypeError, KeyError):
            raise DataError("The hub's answer could not be read.", "Try again later.") from None

    def _no_access(self, problem: str) -> DataError:
        if self._token is None:
            return DataError(f"{problem}.", "Check the name, or give a token that may read it.")
        return DataError(f"{problem}.", "Check the name; the token that is given may not read it.")

    def _refused(self, status: int) -> DataError:
        if status == 401:
            return DataError("The hub does not accept the token.", "Give another one, or none.")
        if status == 403:
            return self._no_access(f"{self.name} may not be read")
        if status == 404:
            return DataError(f"A file of {self.name} is not on the hub any more.", "Look it up again.")
        if status == 429:
            return DataError(
                "The hub says that it was asked too often.", "Wait some minutes, or give a token."
            )
        return DataError(f"The hub could not answer (status {status}).", "Try again later.")


class _BrokenOffError(DataError):
    """The connection ended early; ``words`` is what is said where that is the end of it."""

    def __init__(self, words: DataError) -> None:
        super().__init__(words.problem, words.hint)
        self.words = words
