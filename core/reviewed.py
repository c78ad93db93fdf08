"""The half of a project that holds what people said about its rows, and makes judges of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from core import model_scores, review, scoring
from core.domain import Positions, ScoreColumn, ScoreFile, Scores, Selection
from core.draws import Keys, draws, id_keys
from core.errors import ParameterError, StoreError
from core.exporting import ids_digest
from core.exporting.names import RATINGS
from core.pair_rates import Vote
from core.rating_table import RatingTable
from core.ratings import EVERYONE, Rating, Snapshot, checked, opinions, scale_of, snapshot
from core.review import SAMPLE_SIZE, Sample, Stratum
from core.scored import Scored

FOLDER = "ratings"  # of a home: ratings that are judges, as files
APART = 1_000_003  # seeds of samples are not those of selections


class Reviewed(Scored):
    """A project whose rows people rate. Safe to share between threads."""

    def _begin(self) -> None:
        super()._begin()
        self._ratings = RatingTable(self.home / "ledger.sqlite", self.dataset.origin)

    # What people say.

    def ratings(self) -> tuple[Rating, ...]:
        """Everything that people said of rows of this dataset, in sequence; raises ``StoreError``."""
        return self._ratings.all()

    def rate(self, rating: Rating) -> Rating:
        """Keep a rating as one step that ``undo_rating`` takes back; as it was kept, blind or not.

        Raises:
            ParameterError: a grade that is not on its scale, or no name.
            StoreError: it cannot be written.
        """
        return self._ratings.add(checked(rating))

    def undo_rating(self, person: str) -> str | None:
        """Take back the last thing that a person said; the id of its row, None where there is nothing."""
        return self._ratings.undo(person)

    def position(self, row: str) -> int | None:
        """Where the row of that id is; None where it is not among the rows of this project."""
        found = (self.dataset.frame["id"] == row).arg_max()
        return found if found is not None and self.dataset.frame["id"][found] == row else None

    # Which rows they see.

    def widest_spread(self, size: int) -> Positions:
        """The rows that the judges disagree about most, by mid-rank percentiles; people are left out."""
        names = self.judges_of_people()
        judges = [each for name, each in self.judges.items() if name not in names]
        return review.widest(review.spreads(judges, len(self.dataset)), draw=self._own_draw(0), size=size)

    def sample(self) -> Sample | None:
        """The blind sample that was drawn last."""
        return self._ratings.sample()

    def draw_sample(self, chosen: Selection, *, size: int = SAMPLE_SIZE, seed: int = 0) -> Sample:
        """Draw a blind sample and keep it: half within one step of the threshold, half of that selected.

        Raises:
            StoreError: it cannot be written.
        """
        params, n = chosen.params, len(self.dataset)
        judge = self.judges.get(params.judge or "")
        selected = np.zeros(n, dtype=bool)
        selected[chosen.rows] = True
        near = review.near_threshold(judge, params.min_score, n)
        ids = self.dataset.frame["id"]
        drawn = review.drawn_sample(near, selected, draw=self._own_draw(seed), size=size)
        strata = tuple(
            Stratum(
                is_near, is_selected, int((near == is_near)[selected == is_selected].sum()),
                tuple(ids.gather(rows).to_list()),
            )
            for is_near, is_selected, rows in drawn
        )  # fmt: skip
        width = 0.0 if judge is None else review.step_of(judge)
        sample = Sample(params.judge, params.min_score, width, seed, ids_digest(chosen.ids), strata)
        self._ratings.keep_sample(sample)
        return sample

    def sample_rows(self, sample: Sample) -> Positions:
        """Where the rows of a sample are, in a sequence that tells nothing of their parts."""
        wanted = set(sample.ids)
        ids = self.dataset.frame["id"].to_list()
        rows = np.array([place for place, each in enumerate(ids) if each in wanted], dtype=np.int64)
        shuffled: Positions = rows[np.argsort(self._own_draw(sample.seed + 1)[rows])]
        return shuffled

    def _own_draw(self, seed: int) -> Keys:
        return draws(id_keys(self.dataset.frame["id"]), APART + seed)

    # Judges of what they said.

    def keep_ratings(self, person: str | None = None, *, bar: float | None = None) -> Self:
        """Make the ratings so far of a person, or the median of all, judges beside the others.

        They are kept as a file in the home, whose name and sha256 are the decision, so a recipe names the
        very ratings. Grades become the judge of the person's name, verdicts the one of the name with "keeps".
        Later ratings change nothing before this is called again.

        Raises:
            ParameterError: there are no ratings, or another judge has the name.
            StoreError: the file or the decision cannot be written.
        """
        found = snapshot(self.ratings(), person=person, bar=bar)
        columns = self._columns(found, person or EVERYONE)
        taken = [each.name for each in columns if each.name in self.judges.keys() - self.judges_of_people()]
        if taken:
            raise ParameterError(
                f"There is a judge {taken[0]} already, which is not a person.",
                "Rename that judge on the Load page, or rate under another name.",
            )
        return self.keep_scores(scoring.decided(self.scores, columns))

    def ratings_since(self, person: str | None = None, *, bar: float | None = None) -> bool:
        """Whether there are ratings that the judge of this person, or of all, does not hold yet."""
        kept = opinions(self.ratings(), person=person)
        if not len(kept):
            return False
        name = snapshot(self.ratings(), person=person, bar=bar).name
        return all(each.file is None or each.file.name != name for each in self.scores)

    def judges_of_people(self) -> set[str]:
        """The names of the judges that are people's ratings."""
        return {each.name for each in self.scores if each.file is not None and _is_ratings(each.file)}

    def rating_files(self) -> Mapping[str, str]:
        """name -> content of the ratings that are judges; an export holds them, so that it replays."""
        names = {each.file.name for each in self.scores if each.file is not None and _is_ratings(each.file)}
        paths = [(name, self.home / FOLDER / name) for name in sorted(names)]
        return {name: path.read_text("utf-8") for name, path in paths if path.is_file()}

    def score_files(self) -> dict[str, str]:
        """name -> content of every file of scores that an export holds: people's ratings, models' scores."""
        return {**self.rating_files(), **self.model_files()}

    def _found(self, column: ScoreColumn, places: Sequence[Path] = ()) -> Scores:
        """The scores; ratings of elsewhere are kept in this home, so that its own exports hold them."""
        if column.file is None or not _is_ratings(column.file):
            return super()._found(column, places)
        folder = self.home / FOLDER
        places = (folder, *places, Path(self.dataset.source).parent)
        found = super()._found(column, places)
        content, _ = model_scores.content_of(column.file, places)
        if content is not None:
            model_scores.keep(folder, column.file, content)
        return found

    def _columns(self, found: Snapshot, name: str) -> tuple[ScoreColumn, ...]:
        path = self.home / FOLDER / found.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(found.content)
            temporary.replace(path)
        except OSError as cause:
            raise StoreError(
                f"The ratings could not be written to {path}: {cause.strerror or cause}.",
                "Free some space or check the folder's rights; the ratings themselves are safe.",
            ) from cause
        file = ScoreFile(
            name=found.name, sha256=hashlib.sha256(found.content).hexdigest(), by="id", key="id",
            path=str(path.absolute()),
        )  # fmt: skip
        graded = (ScoreColumn(name=name, column="score", file=file),) if found.has_scores else ()
        return (*graded, ScoreColumn(name=f"{name} keeps", column="keep", file=file))

    # What they say about a selection and about judges.

    def precision(
        self, chosen: Selection, *, person: str | None = None, bar: float | None = None
    ) -> review.Precision | None:
        """The share of the selection that people keep, from the blind sample; None before one is drawn."""
        sample = self.sample()
        if sample is None:
            return None
        found = opinions(self.ratings(), person=person, bar=bar, blind=True)
        keeps = dict(zip(found["id"].to_list(), found["keep"].to_list(), strict=True))
        moved = sample.selection != ids_digest(chosen.ids)
        return review.keep_precision(sample, keeps, frozenset(chosen.ids), moved=moved)

    def people_beside_judges(
        self, *, person: str | None = None, bar: float | None = None, among: Collection[str] | None = None
    ) -> dict[str, tuple[review.Beside, review.Calibration | None]]:
        """Judge -> how far people agree with it, and its isotonic calibration by their verdicts.

        Blind ratings only. Where enough rows of the blind sample are rated, they alone count, each for the
        rows that it stands for; else all rated rows count alike.

        among: ids that count; None: as said above.
        """
        found = opinions(self.ratings(), person=person, bar=bar, blind=True)
        sample = self.sample()
        weight = review.weights(sample, found["id"].to_list()) if sample else {}
        if among is None and len(weight) < review.ENOUGH:
            weight = {}
        here = {each: place for place, each in enumerate(self.dataset.frame["id"].to_list())}
        ids = [each for each in (among or weight or found["id"].to_list()) if each in here]
        rows = np.array([here[each] for each in ids], dtype=np.int64)
        keeps, grades = (review.columns_of(found, ids, name) for name in ("keep", "score"))
        graded = np.isfinite(grades).sum() >= np.isfinite(keeps).sum() / 2
        counts = np.array([weight.get(each, 1.0) for each in ids])
        out = {}
        for name, judge in self.judges.items():
            if name not in self.judges_of_people():
                scores = judge.scores[rows].astype(np.float64)
                beside = review.beside_judge(name, grades if graded else keeps, scores)
                out[name] = (beside, review.calibrated(name, scores, keeps, counts))
        return out

    def people_at(
        self, judge: str, min_score: float, *, person: str | None = None, bar: float | None = None
    ) -> review.Crossed:
        """Blind verdicts of people beside a threshold of a judge, over all rated rows alike."""
        found = opinions(self.ratings(), person=person, bar=bar, blind=True)
        ids = self.dataset.frame.select("id").with_row_index("row")
        both = found.join(ids, on="id", how="inner")
        scores = self.judges[judge].scores[both["row"].to_numpy()].astype(np.float64)
        return review.crossed(both["keep"].to_numpy(), scores, min_score)

    def scale_of_people(self) -> int:
        """The highest grade of the widest scale that was used."""
        return scale_of(self.ratings())

    # Pairs.

    def pair_votes(self, digest: str) -> tuple[Vote, ...]:
        """The votes on pairs of that digest; raises ``StoreError``."""
        return self._ratings.votes(digest)

    def vote(self, digest: str, vote: Vote) -> None:
        """Keep a vote on a pair as one step that ``undo_vote`` takes back; raises ``StoreError``."""
        self._ratings.vote(digest, vote)

    def undo_vote(self, digest: str, person: str) -> str | None:
        """Take back the last vote of a person; the id of its pair, None where there is none."""
        return self._ratings.undo_vote(digest, person)


def _is_ratings(file: ScoreFile) -> bool:
    return file.name.startswith(RATINGS) and (file.by, file.key) == ("id", "id")
