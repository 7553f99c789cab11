"""A larger exercise, which is checked in stages: each stage asks for one more thing than the stage before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mpsearch.course.exercises.exercise import Exercise, FillIn, Verdict
from mpsearch.language import say


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
            count = len(self.stages)
            before = say("{number} of {count} stages are done. ", number=number, count=count) if number else ""
            stage_is = say("Stage {number}, {about}: ", number=number + 1, about=say(about))
            return Verdict(verdict.status, before + stage_is + verdict.words)
        return Verdict("right", say("all {count} stages. ", count=len(self.stages)) + say(self.moral))


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
            words = say("check needs the class itself: check({name}), without calling it.", name=self.name)
            return Verdict("wrong", words)
        return super().verdict(partial(self.use, function))

    def blank_words(self) -> str:
        return say("{name} does not have this part. Write it, and run its cell again.", name=self.name)
