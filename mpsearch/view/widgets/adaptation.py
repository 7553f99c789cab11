"""Choose a task, press Run, and see meta-policies adapt to it: returns before and after, and the run itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.meta_policy import MetaPolicy
from mpsearch.records import AdaptationResult
from mpsearch.tasks import TaskDistribution
from mpsearch.view.jupyter import ipywidgets
from mpsearch.view.player import Player, runners_of
from mpsearch.view.plots import AFTER, BEFORE, plot_methods
from mpsearch.view.widgets import shell
from mpsearch.view.widgets.shell import LABELS, WIDE, Drawn, errors_in_words

REMEMBERED = 32  # adaptations, about 0.3 MB each
MOST_STEPS = 5
BOTH = "both"


class Stopped(Exception):
    """The reader pressed Stop."""


@dataclass(frozen=True)
class Choice:
    """What is to be adapted: by which methods, to which task [P], in how many steps, with which seed."""

    methods: tuple[str, ...]
    task: tuple[float, ...]
    steps: int
    seed: int


Results = Mapping[str, AdaptationResult]  # one a method, each of one task


class AdaptationExplorer(shell.DrawnBundle, ipywidgets.VBox):  # type: ignore[misc]
    """Adapts one or more meta-policies to a task of your choice, when Run is pressed, and shows what changed.

    The first adaptation happens at once. Later ones work in the background: the page stays responsive, Stop ends
    them after the present episodes, and a second Run while one works does nothing. An adaptation that was done
    before comes from a cache.

    Controls: ``method`` (with several agents), ``task`` (or one for each of the task's numbers), ``steps``, ``seed``.

    Args:
        agents: meta-policies for the same family of tasks, such as ``mpsearch.load("maml-cheetah-velocity")``.
        seed: of the exploration, at first.

    Attributes:
        controls: the controls by name; ``controls["seed"].value = 1`` does what the reader's hand does.
        run, stop: the buttons; ``run.click()`` presses.
        result: the :class:`AdaptationResult` of each method by name; empty before there is one.
        player, picture, words, error: what is shown.
    """

    def __init__(self, *agents: MetaPolicy, seed: int = 0) -> None:
        self.words, self.error, self.picture = shell.Words(), shell.Words(role="alert"), shell.Picture()
        self.drawn: Drawn | None = None
        self.player: Player | None = None
        self._worker: threading.Thread | None = None
        self._stopping = threading.Event()
        self.run = ipywidgets.Button(description="Run", button_style="primary", tooltip="Adapt to this task")
        self.stop = ipywidgets.Button(description="Stop", disabled=True, tooltip="Stop adapting")
        self.progress = ipywidgets.IntProgress(description="Ready", style=LABELS, layout=WIDE)
        super().__init__([self.error], _dom_classes=[shell.EXPLORER])
        with errors_in_words(self.error):
            self.agents, self.family = check_agents(agents)
            self.controls = make_controls(list(self.agents), self.family, seed)
            self._adapted = lru_cache(REMEMBERED)(self._adapt)
            self.run.on_click(lambda _: self.start())
            self.stop.on_click(lambda _: self._stopping.set())
            self._work(self.choice())
            self._lay_out()

    @property
    def result(self) -> dict[str, AdaptationResult]:
        return dict(self.drawn.result) if self.drawn else {}

    def choice(self) -> Choice:
        """What the controls ask for."""
        values = {name: control.value for name, control in self.controls.items()}
        method = values.pop("method", BOTH)
        steps, seed = values.pop("steps"), values.pop("seed")
        return Choice(tuple(self.agents) if method == BOTH else (method,), tuple(values.values()), steps, seed)

    def start(self) -> None:
        """Adapt in the background; nothing happens while an adaptation is at work."""
        if self._worker is not None and self._worker.is_alive():
            return
        self._stopping.clear()
        self._worker = threading.Thread(target=self._work, args=(self.choice(),), daemon=True)
        self._worker.start()

    def wait(self, timeout: float | None = None) -> None:
        """Return when the adaptation at work is done, or after ``timeout`` seconds."""
        if self._worker is not None:
            self._worker.join(timeout)

    def _lay_out(self) -> None:
        buttons = ipywidgets.HBox([self.run, self.stop, self.progress])
        shown = [self.words, self.error, self.picture, *([self.player] if self.player else [])]
        self.children = (*self.controls.values(), buttons, *shown)

    def _work(self, choice: Choice) -> None:
        self.run.disabled, self.stop.disabled = True, False
        self.progress.max, self.progress.value = len(choice.methods) * (choice.steps + 1), 0
        ended = "Ready"
        try:
            with errors_in_words(self.error):
                try:
                    results = {name: self._adapted(name, choice.task, choice.steps, choice.seed)
                               for name in choice.methods}  # fmt: skip
                    self._show(choice, results)
                except Stopped:
                    ended = "Stopped"
        finally:
            self.progress.description, self.progress.value = ended, 0
            self.run.disabled, self.stop.disabled = False, True

    def _adapt(self, name: str, task: tuple[float, ...], steps: int, seed: int) -> AdaptationResult:
        def report(stage: int) -> None:
            if self._stopping.is_set():
                raise Stopped
            self.progress.description = f"{name}: stage {stage + 1} of {steps + 1}"
            self.progress.value += 1

        return self.agents[name].adapt(np.array([task]), seed=seed, steps=steps, callback=report)

    def _show(self, choice: Choice, results: Results) -> None:
        self.drawn = draw(self.family, choice, results)
        self.picture.show(self.drawn.png, self.drawn.alt)
        self.words.value = self.drawn.words
        runners = race(self.family, choice, results)
        if self.player is None:
            self.player = Player(runners)
            self._lay_out()
        else:
            self.player.show(runners)


def check_agents(agents: tuple[MetaPolicy, ...]) -> tuple[dict[str, MetaPolicy], TaskDistribution]:
    """The agents by the name of their method, and the family of tasks that they share.

    Raises:
        UsageError: none, something else, two of one method, or different families.
    """
    if not agents or not all(isinstance(agent, MetaPolicy) for agent in agents):
        raise UsageError('give one or more meta-policies, such as mpsearch.load("maml-cheetah-velocity")')
    named = {agent.algorithm.upper(): agent for agent in agents}
    if len(named) < len(agents):
        raise UsageError("give at most one meta-policy of each algorithm: they are told apart by its name")
    first = agents[0].tasks
    for agent in agents[1:]:
        if (agent.tasks.id, agent.tasks.config) != (first.id, first.config):
            raise UsageError(
                f"the meta-policies must share their tasks: {first.id} {first.config} is not"
                f" {agent.tasks.id} {agent.tasks.config}"
            )
    return named, first


def make_controls(methods: list[str], family: TaskDistribution, seed: int) -> dict[str, Any]:
    """The controls by name, in the order in which they are shown."""
    shared: dict[str, Any] = {"style": LABELS, "layout": WIDE}
    controls: dict[str, Any] = {}
    if len(methods) > 1:
        controls["method"] = ipywidgets.ToggleButtons(
            options=[*methods, BOTH], value=BOTH, description="Method", tooltip="Which meta-policy adapts", **shared
        )
    middle = (family.low + family.high) / 2
    if family.contains(middle):
        for name, low, high in zip(family.parameter_names, family.low, family.high, strict=True):
            controls[name] = ipywidgets.FloatSlider(
                value=low + 0.75 * (high - low), min=low, max=high, step=(high - low) / 60, readout_format=".2f",
                description=f"Task: {name}", tooltip="The task, which the agent is not told", **shared,
            )  # fmt: skip
    else:  # a few tasks and nothing between them
        (name,) = family.parameter_names
        values = sorted({float(task[0]) for task in family.spread()}, reverse=True)
        controls[name] = ipywidgets.ToggleButtons(
            options=[(f"{value:+g}", value) for value in values], description=f"Task: {name}",
            tooltip="The task, which the agent is not told", **shared,
        )  # fmt: skip
    controls["steps"] = ipywidgets.IntSlider(
        value=2, min=1, max=MOST_STEPS, description="Steps of adaptation",
        tooltip="Gradient steps for MAML, exploration episodes for PEARL", **shared,
    )  # fmt: skip
    controls["seed"] = shell.seed_control(seed)
    return controls


def draw(family: TaskDistribution, choice: Choice, results: Results) -> Drawn:
    """Returns before and after, and on the way, with a sentence that says the same."""
    figure, (left, right) = shell.new_figure(2)
    figure.set_layout_engine("constrained")
    plot_pairs(results, left)
    plot_methods(results, right)
    right.set_ylabel("mean return")  # the left one says what that is
    words = describe(family, choice, results)
    return Drawn(shell.to_png(figure), words, words, results)


def plot_pairs(results: Results, axes: Axes) -> Axes:
    """Mean return before and after adaptation of each method, joined."""
    for x, result in enumerate(results.values()):
        before, after = result.before[0], result.after[0]
        axes.plot([x - 0.15, x + 0.15], [before, after], color="0.45", linewidth=1.2, zorder=1)
        for shift, value, colour, marker, name in (
            (-0.15, before, BEFORE, "o", "before adaptation"), (0.15, after, AFTER, "D", "after adaptation"),
        ):  # fmt: skip
            label = name if x == 0 else None
            axes.scatter(x + shift, value, s=70, color=colour, marker=marker, edgecolors="white", label=label, zorder=2)
            above = value == max(before, after)  # the line leaves the other marker upwards
            offset, side = (0, 9 if above else -9), "bottom" if above else "top"
            number, point = f"{value:.0f}", (x + shift, value)
            axes.annotate(number, point, xytext=offset, textcoords="offset points", ha="center", va=side)
    axes.set_xticks(range(len(results)), list(results))
    axes.set_xlim(-0.6, len(results) - 0.4)
    axes.margins(y=0.25)
    axes.set_ylabel("return (sum of rewards)")
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return axes


def describe(family: TaskDistribution, choice: Choice, results: Results) -> str:
    """The summary: what each method gained on the task, and at which cost."""
    task = ", ".join(f"{name} {value:.2f}" for name, value in zip(family.parameter_names, choice.task, strict=True))
    gains = [
        f"{name} goes from a return of {result.before[0]:.0f} to {result.after[0]:.0f}"
        f" with {result.env_steps[-1]:,} steps on the task"
        for name, result in results.items()
    ]
    return f"Task: {task}. {'; '.join(gains)}."


def race(family: TaskDistribution, choice: Choice, results: Results) -> list[Any]:
    """A runner before and one after adaptation for each method."""
    target = choice.task[0] if family.parameter_names == ("velocity",) else None
    pattern = "{method} {when}" if len(results) > 1 else "{when} adaptation"
    return [
        runner
        for name, result in results.items()
        for runner in runners_of(
            result, target=target, names=[pattern.format(method=name, when=when) for when in ("before", "after")]
        )
    ]
