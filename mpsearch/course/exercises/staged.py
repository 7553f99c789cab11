"""A larger exercise, which is checked in stages: each stage asks for one more thing than the stage before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mpsearch.course.exercises.exercise import Exercise, FillIn, Verdict


@dataclass(kw_only=True)
class Staged(Exercise):
    """An exercise in which the learner writes a function or a class of 20 to 40 lines.

    Attributes:
        stages: the checks in their order, by what each is about. Each of them checks the same function or class.
    """

    stages: Mapping[str, FillIn]

    def check(self, written: Any) -> None:
        """Print which stages of ``written`` are right, and what is wrong with the first one that is not."""
        print(self.verdict(written))

    def verdict(self, written: Any) -> Verdict:
        """Return what :meth:`check` prints."""
        for number, (about, stage) in enumerate(self.stages.items()):
            verdict = stage.verdict(written)
            if verdict.status == "right":
                continue
            before = f"{number} of {len(self.stages)} stages are done. " if number else ""
            return Verdict(verdict.status, f"{before}Stage {number + 1}, {about}: {verdict.words}")
        return Verdict("right", f"all {len(self.stages)} stages. {self.moral}")


@dataclass(kw_only=True)
class Part(FillIn):
    """A stage of an exercise in which the learner writes a class.

    Attributes:
        use: what is done with the learner's class and the arguments of a trial, such as calling one of its methods.
    """

    use: Callable[..., Any]

    def verdict(self, function: Any) -> Verdict:
        """Return whether the class ``function`` does this part right."""
        if function is None or function is ...:
            return super().verdict(function)
        if not isinstance(function, type):
            return Verdict("wrong", f"check needs the class itself: check({self.name}), without calling it.")
        return super().verdict(partial(self.use, function))

    def blank_words(self) -> str:
        return f"{self.name} does not have this part. Write it, and run its cell again."
