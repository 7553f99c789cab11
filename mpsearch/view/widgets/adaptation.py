"""An explorer of adaptation: choose a task, press Run, and compare the behaviour before and after adaptation."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.meta_policy import MetaPolicy
from mpsearch.records import AdaptationResult
from mpsearch.tasks import TaskDistribution
from mpsearch.view.applications import picture_of
from mpsearch.view.jupyter import ipywidgets
from mpsearch.view.player import Player, Runner, has_runners, runners_of
from mpsearch.view.plots import AFTER, BEFORE, plot_methods
from mpsearch.view.widgets import shell
from mpsearch.view.widgets.controls import BOTH, chosen_task, make_controls
from mpsearch.view.widgets.episodes import draw_episodes
from mpsearch.view.widgets.shell import LABELS, WIDE, Drawn, errors_in_words

REMEMBERED = 32  # adaptations that the cache holds, about 0.3 MB each


class Stopped(Exception):
    """Raised inside an adaptation after the user has pressed Stop."""


@dataclass(frozen=True)
class Choice:
    """The values of the controls: the methods, the task [P], the number of adaptation steps and the seed."""

    methods: tuple[str, ...]
    task: tuple[float, ...]
    steps: int
    seed: int


Results = Mapping[str, AdaptationResult]  # the result of each method by its name, on one task


class AdaptationExplorer(shell.DrawnBundle, ipywidgets.VBox):  # type: ignore[misc]
    """An explorer that adapts one or more meta-policies to a task of your choice and shows what changes.

    The first adaptation runs while the explorer is created. Later ones start when Run is pressed and run in the
    background, so that the page stays responsive. Stop ends an adaptation once the episodes being collected are
    complete. Pressing Run again during an adaptation has no effect. An adaptation that was computed before is read
    from a cache.

    Controls: ``method`` (if there are several agents), one control for each parameter of the task by its name (or
    ``number``, the number of a held-out task, if it has many), ``steps`` and ``seed``.

    Args:
        agents: meta-policies for the same family of tasks, such as ``mpsearch.load("maml-cheetah-velocity")``.
        seed: the initial value of the seed, which determines the exploration.
        steps: the initial number of adaptation steps.

    Attributes:
        controls: the controls by name; ``controls["seed"].value = 1`` has the same effect as typing 1 there.
        run, stop: the buttons; ``run.click()`` has the same effect as a click with the mouse.
        result: the :class:`AdaptationResult` of each method by its name; empty before the first adaptation.
        player, picture, words, error: the parts of the explorer that show the result.
        episodes: one picture for each method, of an episode before and one after adaptation. Only families that have a
            picture of their own show it. Others have a player if robots or points move in them.
    """

    def __init__(self, *agents: MetaPolicy, seed: int = 0, steps: int = 2) -> None:
        self.words, self.error, self.picture = shell.Words(), shell.Words(role="alert"), shell.Picture()
        self.drawn: Drawn | None = None
        self.player: Player | None = None
        self.episodes = ipywidgets.VBox()
        self._worker: threading.Thread | None = None
        self._stopping = threading.Event()
        self.run = ipywidgets.Button(description=say("Run"), button_style="primary", tooltip=say("Adapt to this task"))
        self.stop = ipywidgets.Button(description=say("Stop"), disabled=True, tooltip=say("Stop adapting"))
        self.progress = ipywidgets.IntProgress(description=say("Ready"), style=LABELS, layout=WIDE)
        super().__init__([self.error], _dom_classes=[shell.EXPLORER])
        with errors_in_words(self.error):
            self.agents, self.family = check_agents(agents)
            self.controls = make_controls(list(self.agents), self.family, seed, steps)
            self._adapted = lru_cache(REMEMBERED)(self._adapt)
            self.run.on_click(lambda _: self.start())
            self.stop.on_click(lambda _: self._stopping.set())
            self._work(self.choice())
            self._lay_out()

    @property
    def result(self) -> dict[str, AdaptationResult]:
        return dict(self.drawn.result) if self.drawn else {}

    def choice(self) -> Choice:
        """Return the present values of the controls."""
        values = {name: control.value for name, control in self.controls.items()}
        method = values.pop("method", BOTH)
        steps, seed = values.pop("steps"), values.pop("seed")
        task = chosen_task(self.family, values)
        return Choice(tuple(self.agents) if method == BOTH else (method,), task, steps, seed)

    def start(self) -> None:
        """Start an adaptation in the background, unless one is already running."""
        if self._worker is not None and self._worker.is_alive():
            return
        self._stopping.clear()
        self._worker = threading.Thread(target=self._work, args=(self.choice(),), daemon=True)
        self._worker.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the running adaptation is done, for at most ``timeout`` seconds."""
        if self._worker is not None:
            self._worker.join(timeout)

    def _lay_out(self) -> None:
        buttons = ipywidgets.HBox([self.run, self.stop, self.progress])
        shown = [self.words, self.error, self.picture, self.episodes, *([self.player] if self.player else [])]
        self.children = (*self.controls.values(), buttons, *shown)

    def _work(self, choice: Choice) -> None:
        self.run.disabled, self.stop.disabled = True, False
        self.progress.max, self.progress.value = len(choice.methods) * (choice.steps + 1), 0
        ended = say("Ready")
        try:
            with errors_in_words(self.error):
                try:
                    results = {
                        name: self._adapted(name, choice.task, choice.steps, choice.seed) for name in choice.methods
                    }
                    self._show(choice, results)
                except Stopped:
                    ended = say("Stopped")
        finally:
            self.progress.description, self.progress.value = ended, 0
            self.run.disabled, self.stop.disabled = False, True

    def _adapt(self, name: str, task: tuple[float, ...], steps: int, seed: int) -> AdaptationResult:
        def report(stage: int) -> None:
            if self._stopping.is_set():
                raise Stopped
            self.progress.description = say(
                "{name}: stage {number} of {count}", name=name, number=stage + 1, count=steps + 1
            )
            self.progress.value += 1

        return self.agents[name].adapt(np.array([task]), seed=seed, steps=steps, callback=report)

    def _show(self, choice: Choice, results: Results) -> None:
        self.drawn = draw(self.family, choice, results)
        self.picture.show(self.drawn.png, self.drawn.alt)
        self.words.value = self.drawn.words
        if drawer := picture_of(self.family.id):
            self.episodes.children = [draw_episodes(drawer, name, result) for name, result in results.items()]
        elif all(map(has_runners, results.values())):
            self._play(race(self.family, choice, results))

    def _play(self, runners: list[Runner]) -> None:
        if self.player is None:
            self.player = Player(runners)
            self._lay_out()
        else:
            self.player.show(runners)


def check_agents(agents: tuple[MetaPolicy, ...]) -> tuple[dict[str, MetaPolicy], TaskDistribution]:
    """Return the agents by the name of their method, and the family of tasks that they share.

    Raises:
        UsageError: there are no agents, one is not a meta-policy, two have the same method, or their families of
            tasks differ.
    """
    if not agents or not all(isinstance(agent, MetaPolicy) for agent in agents):
        raise UsageError('give one or more meta-policies, such as mpsearch.load("maml-cheetah-velocity")')
    named = {agent.algorithm.upper(): agent for agent in agents}
    if len(named) < len(agents):
        raise UsageError("give at most one meta-policy of each algorithm, because its name labels the results")
    first = agents[0].tasks
    for agent in agents[1:]:
        if (agent.tasks.id, agent.tasks.config) != (first.id, first.config):
            raise UsageError(
                f"the meta-policies must share their tasks: {first.id} {first.config} differs from"
                f" {agent.tasks.id} {agent.tasks.config}"
            )
    return named, first


def draw(family: TaskDistribution, choice: Choice, results: Results) -> Drawn:
    """Draw the returns before and after adaptation and at each stage, with a sentence that describes them."""
    figure, (left, right) = shell.new_figure(2, widths=(1, 2) if len(results) == 1 else None)
    figure.set_layout_engine("constrained")
    plot_pairs(results, left)
    plot_methods(results, right)
    right.set_ylabel(say("mean return"))  # a short label, because the left plot already explains the return
    words = describe(family, choice, results)
    return Drawn(shell.to_png(figure), words, words, results)


def plot_pairs(results: Results, axes: Axes) -> Axes:
    """Plot the mean return of each method before and after adaptation, joined by a line."""
    for x, result in enumerate(results.values()):
        before, after = result.before[0], result.after[0]
        axes.plot([x - 0.15, x + 0.15], [before, after], color="0.45", linewidth=1.2, zorder=1)
        for shift, value, colour, marker, name in (
            (-0.15, before, BEFORE, "o", say("before adaptation")),
            (0.15, after, AFTER, "D", say("after adaptation")),
        ):
            label = name if x == 0 else None
            axes.scatter(x + shift, value, s=70, color=colour, marker=marker, edgecolors="white", label=label, zorder=2)
            above = value == max(before, after)  # the number stands on the side where the line is not
            offset, side = (0, 9 if above else -9), "bottom" if above else "top"
            number, point = f"{value:.0f}", (x + shift, value)
            axes.annotate(number, point, xytext=offset, textcoords="offset points", ha="center", va=side)
    axes.set_xticks(range(len(results)), list(results))
    axes.set_xlim(-0.6, len(results) - 0.4)
    axes.margins(y=0.25)
    axes.set_ylabel(say("return (sum of rewards)"))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return axes


def describe(family: TaskDistribution, choice: Choice, results: Results) -> str:
    """Return the sentence that says how much each method gained on the task, and in how many steps."""
    gains = [
        say(
            "{name} goes from a return of {before:.0f} to {after:.0f} with {steps:,} steps on the task",
            name=name,
            before=result.before[0],
            after=result.after[0],
            steps=result.env_steps[-1],
        )
        for name, result in results.items()
    ]
    task = family.describe_task(np.array(choice.task))
    return say("Task: {task}. {rows}.", task=task, rows=say("; ").join(gains))


def race(family: TaskDistribution, choice: Choice, results: Results) -> list[Runner]:
    """Return two runners for each method, one before and one after adaptation."""
    target = choice.task[0] if family.parameter_names == ("velocity",) else None

    def names(method: str) -> list[str]:
        if len(results) == 1:
            return [say("before adaptation"), say("after adaptation")]
        return [say("{method} before", method=method), say("{method} after", method=method)]

    return [
        runner
        for name, result in results.items()
        for runner in runners_of(
            result,
            target=target,
            names=names(name),
            faded=family.weak_parts(np.array(choice.task)),
        )
    ]
