"""The three kinds of exercises: write a function, find the bug in a function, predict the result of an experiment."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mpsearch.course.exercises import source
from mpsearch.course.exercises.words import Mistake, difference, same
from mpsearch.language import say

Function = Callable[..., Any]
Trial = tuple[str, tuple[Any, ...]]  # a description of the arguments, and the arguments themselves
LABELS = {
    "right": "Right",
    "wrong": "Not right yet",
    "blank": "Not attempted yet",
    "recorded": "Recorded",
    "unclear": "Not recorded",
    "otherwise": "It came out otherwise",
}
ARTICLES = {"a", "an", "the"}  # they make no difference in an answer
JOINING = {"not", "no", "or", "and"}  # an answer with one of these may mean more than the choice it names


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    Attributes:
        status: the result; "blank" means that the learner has not changed the stub. A prediction is "unclear" if it is
            none of the choices, and "otherwise" if it was not right.
        words: the explanation.
    """

    status: Literal["right", "wrong", "blank", "recorded", "unclear", "otherwise"]
    words: str

    def __str__(self) -> str:
        return say("{verdict}: {words}", verdict=say(LABELS[self.status]), words=self.words)


@dataclass(kw_only=True)
class Exercise:
    """The base class of all exercises.

    Attributes:
        lesson: the name of the lesson's source, such as "01_policy_gradient".
        name: the name of the exercise in the source, and of the learner's function.
        hints: the hints, from the most general to the most concrete.
        moral: what the learner can conclude from the right answer.
    """

    lesson: str
    name: str
    hints: Sequence[str]
    moral: str
    hints_given: int = field(default=0, init=False)

    def hint(self) -> None:
        """Print the next hint. If there are no more, print the last one again."""
        number = self.hints_given = min(self.hints_given + 1, len(self.hints))
        print(say("Hint {number} of {count}: ", number=number, count=len(self.hints)) + say(self.hints[number - 1]))
        if number == len(self.hints):
            print(say("That was the last hint. `.solution()` shows the code."))

    def solution(self) -> None:
        """Print the exercise's code as it is in the notebook of solutions."""
        print(source.solution(self.lesson, self.name))


@dataclass(kw_only=True)
class FillIn(Exercise):
    """An exercise in which the learner writes a function.

    Attributes:
        reference: a right function. The learner's function is right if it gives the same results.
        trials: returns the arguments with which the function is called, the smallest ones first.
        mistakes: typical wrong functions by their description, which must be the end of a sentence.
        probe: computes what is compared from a function and its arguments; by default, the function's result.
        result: the name of what is compared, for the messages.
        stops: what a part of an error's message means here, in words that end a sentence.
    """

    reference: Function
    trials: Callable[[], Sequence[Trial]]
    mistakes: Mapping[str, Function] = field(default_factory=dict)
    probe: Callable[[Function, tuple[Any, ...]], Any] = lambda function, arguments: function(*arguments)
    result: str = "the result"
    stops: Mapping[str, str] = field(default_factory=dict)

    def check(self, function: Any) -> None:
        """Print whether ``function`` is right and, if it is not, what is wrong."""
        print(self.verdict(function))

    def verdict(self, function: Any) -> Verdict:
        """Return what :meth:`check` prints."""
        if function is None or function is ...:
            words = say("write the function {name} and pass it, without brackets, to check.", name=self.name)
            return Verdict("blank", words)
        if not callable(function):
            words = say("check needs the function itself: check({name}), without calling it.", name=self.name)
            return Verdict("wrong", words)
        if self.is_blank(function):
            return Verdict("blank", self.blank_words())
        for words, arguments in self.trials():
            if wrong := self._fault(function, arguments):
                return Verdict("wrong", say("with {arguments}, {wrong}.", arguments=say(words), wrong=wrong))
        return Verdict("right", say(self.moral))

    def is_blank(self, function: Function) -> bool:
        """Return whether ``function`` is still the stub, which returns nothing."""
        _, arguments = self.trials()[0]
        try:
            return (result := function(*copy.deepcopy(arguments))) is None or result is ...
        except Exception:
            return False

    def blank_words(self) -> str:
        return say("{name} returns nothing. Write its code, and `return` the result.", name=self.name)

    def _fault(self, function: Function, arguments: tuple[Any, ...]) -> str | None:
        given = copy.deepcopy(arguments)
        try:
            found = self.probe(function, given)
        except Mistake as mistake:
            return say(str(mistake))
        except Exception as error:
            return self._stop(error)
        expected = self.probe(self.reference, copy.deepcopy(arguments))
        if (wrong := difference(found, expected)) is None:
            return _changed(given, arguments)
        for words, mistaken in self.mistakes.items():
            try:
                typical = self.probe(mistaken, copy.deepcopy(arguments))
                if not same(typical, expected) and same(found, typical):
                    return say(words)
            except Mistake:  # one of the two results is not an array, so this is not the learner's mistake
                continue
        return say("{result} {wrong}", result=say(self.result), wrong=wrong)

    def _stop(self, error: Exception) -> str:
        message = str(error).rstrip(".")
        reasons = [words for part, words in self.stops.items() if part in message]
        because = say(". That means: ") + say(reasons[0]) if reasons else ""
        stopped = say("{name} stops with {error}: ", name=self.name, error=type(error).__name__)
        return f"{stopped}{message}{because}"


def _changed(given: tuple[Any, ...], arguments: tuple[Any, ...]) -> str | None:
    for mine, original in zip(given, arguments, strict=True):
        if isinstance(original, np.ndarray) and not np.array_equal(mine, original):
            return say("the result is right, but the array that was passed in is changed too; work on a copy")
    return None


@dataclass(kw_only=True)
class FindTheBug(FillIn):
    """An exercise in which the learner repairs a function that has one bug.

    The exercise's cell in the source must not use names from earlier cells, because the check runs it by itself.
    """

    def is_blank(self, function: Function) -> bool:
        """Return whether ``function`` is still the code with the bug. Comments, docstring and spaces do not matter."""
        stub: dict[str, Any] = {}
        exec(source.blank(source.exercise_cell(self.lesson, self.name)), stub)
        return _code(function) == _code(stub[self.name])

    def blank_words(self) -> str:
        return say(
            "{name} still is the code with the bug. Change the line that is wrong, and run its cell again.",
            name=self.name,
        )


def _code(function: Function) -> Any:
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    constants = [c for c in code.co_consts if not hasattr(c, "co_code") and c != function.__doc__]
    return code.co_code, code.co_names, constants


@dataclass(kw_only=True)
class Predict(Exercise):
    """An exercise in which the learner predicts the result of an experiment, runs it, and compares.

    Attributes:
        choices: the possible answers.
        outcome: returns the right answer, given what the experiment measured.
        also: other spellings, and the choice that each stands for.
    """

    choices: Sequence[str]
    outcome: Callable[..., str]
    also: Mapping[str, str] = field(default_factory=dict)
    predicted: str | None = field(default=None, init=False)

    def predict(self, answer: Any) -> None:
        """Record the learner's ``answer`` before the experiment runs."""
        print(self.record(answer))

    def record(self, answer: Any) -> Verdict:
        """Return what :meth:`predict` prints, and record the answer."""
        allowed = ", ".join(f'"{choice}"' for choice in self.choices)
        if answer is ... or (answer is None and "none" not in self.choices):
            self.predicted = None
            words = say("replace the dots with one of {allowed}, then run the cell again.", allowed=allowed)
            return Verdict("blank", words)
        if (choice := self._choice(str(answer))) is None:
            words = say("the answer must be one of {allowed}, not {answer!r}.", allowed=allowed, answer=answer)
            return Verdict("unclear", words)
        self.predicted = choice
        words = say('you predict "{predicted}". Now run the experiment.', predicted=self.predicted)
        return Verdict("recorded", words)

    def _choice(self, answer: str) -> str | None:
        """The choice that ``answer`` means; ``None`` if it means none or could mean several."""
        said = _plain(answer)
        words = {choice: _plain(choice) for choice in self.choices}
        words |= {other: _plain(other) for other in self.also}
        exact = [choice for choice, its in words.items() if its == said]
        close = [choice for choice, its in words.items() if said < its or (its < said and not said & JOINING)]
        means = {self.also.get(choice, choice) for choice in (exact or close) if said}
        return means.pop() if len(means) == 1 else None

    def check(self, *measured: Any) -> None:
        """Print whether the prediction was right, given what the experiment measured."""
        print(self.verdict(*measured))

    def verdict(self, *measured: Any) -> Verdict:
        """Return what :meth:`check` prints."""
        if self.predicted is None:
            words = say("no prediction was recorded. Make one above before you read on: it helps you learn.")
            return Verdict("blank", words)
        truth = self.outcome(*measured)
        if self.predicted == truth:
            return Verdict("right", say('it was "{truth}". ', truth=truth) + say(self.moral))
        both = say('you predicted "{predicted}", and it was "{truth}". ', predicted=self.predicted, truth=truth)
        return Verdict("otherwise", both + say(self.moral))


def _plain(answer: str) -> frozenset[str]:
    """The words of ``answer`` in small letters, without quotes, stops and articles."""
    return frozenset(re.findall(r"\w+", answer.lower())) - ARTICLES
