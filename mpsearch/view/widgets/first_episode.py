"""Watch PEARL adapt within its first episode: what it believes and how fast it runs, while the cheetah runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.language import say
from mpsearch.pearl import PEARL
from mpsearch.pearl.probing import believe, explored_context
from mpsearch.records import AdaptationResult, Array
from mpsearch.tasks import CheetahVelocity
from mpsearch.view.jupyter import ipywidgets
from mpsearch.view.player import Chart, Curve, Player, runners_of
from mpsearch.view.plots import CONTROL_STEP, SMOOTHING
from mpsearch.view.widgets import shell
from mpsearch.view.widgets.controls import task_controls
from mpsearch.view.widgets.shell import errors_in_words

KNOWN = 31  # speeds by which the belief is translated into a speed
NEAR = 0.3  # m/s; a speed this close to the wanted one counts as reached, as each stride makes it swing
RENEWALS = (0, 20, 10, 5, 1)  # steps between two draws of z; 0 for one draw
EPISODES = 16  # episodes that the cache holds


@dataclass(frozen=True)
class FirstEpisode:
    """The first episode of PEARL on one wanted speed.

    Attributes:
        adapted: the adaptation, which has this one stage.
        believed: [T + 1] the speed that the mean of the belief stands for, in m/s, before each step and at the end.
        band: [2, T + 1] the speeds that the mean minus and plus one standard deviation stand for.
        ran: [T + 1] the mean speed of the last half second, in m/s.
    """

    adapted: AdaptationResult
    believed: Array
    band: Array
    ran: Array

    @property
    def wanted(self) -> float:
        """The wanted speed in m/s, which the agent is not told."""
        return float(self.adapted.tasks[0, 0])

    @property
    def belief_settled(self) -> float | None:
        """The time in s from which on the belief with its band is near the wanted speed; ``None`` if it is not."""
        return _settled(abs(self.band - self.wanted).max(0))

    @property
    def speed_settled(self) -> float | None:
        """The time in s from which on it runs at nearly the wanted speed; ``None`` if it does not."""
        return _settled(abs(self.ran - self.wanted))


def _settled(distances: Array) -> float | None:
    """The time in s from which on all ``distances`` [T + 1] are small; ``None`` if not even in the last second."""
    far = np.flatnonzero(distances > NEAR)
    first = 0.0 if len(far) == 0 else float(far[-1] + 1) * CONTROL_STEP
    return None if first > (len(distances) - 1) * CONTROL_STEP - 1 else first


@dataclass(frozen=True)
class Translation:
    """Which speed a belief stands for, read from explorations of known speeds.

    Attributes:
        dim: the number of the dimension of z that follows the speed most closely.
        sign: 1 if it grows with the speed, and -1 if it falls.
        places, speeds: [K] where the beliefs about K known speeds lie in this dimension, times ``sign``, both sorted.
    """

    dim: int
    sign: float
    places: Array
    speeds: Array

    def __call__(self, z: Array) -> Array:
        """Return the speeds in m/s that values ``z`` of this dimension stand for, of the same shape."""
        return np.asarray(np.interp(self.sign * z, self.places, self.speeds))


def translate(agent: PEARL, seed: int = 0) -> Translation:
    """Let ``agent`` explore ``KNOWN`` speeds for an episode each, and see where its beliefs about them lie."""
    speeds = np.linspace(agent.tasks.low[0], agent.tasks.high[0], KNOWN)
    means = believe(agent, explored_context(agent, speeds[:, None], seed=seed, episodes=1)).mean.numpy()
    follows = np.corrcoef(means.T, speeds)[-1, :-1]  # [Z]
    dim = int(abs(follows).argmax())
    sign = float(np.sign(follows[dim]))
    return Translation(dim, sign, np.sort(sign * means[:, dim]), speeds)


def watch(agent: PEARL, speed_of: Translation, wanted: float, every: int, seed: int) -> FirstEpisode:
    """Let ``agent`` run its first episode at ``wanted`` m/s, with z drawn anew ``every`` so many steps."""
    adapted = agent.adapt(np.array([[wanted]]), seed=seed, steps=0, resample_every=every)
    assert adapted.beliefs_within is not None
    assert adapted.belief_steps is not None
    x = adapted.trajectories[0, 0, :, 0]
    t = np.arange(len(x))
    known = np.searchsorted(adapted.belief_steps, t, side="right") - 1  # the number of the belief before each step
    mean, std = adapted.beliefs_within[:, 0, 0][:, known, speed_of.dim]  # [T + 1] each
    back = np.minimum(np.maximum(t, 1), round(SMOOTHING / CONTROL_STEP))
    ran = (x[np.maximum(t, 1)] - x[np.maximum(t, 1) - back]) / (back * CONTROL_STEP)
    return FirstEpisode(adapted, speed_of(mean), np.sort([speed_of(mean - std), speed_of(mean + std)], axis=0), ran)


def chart_of(episode: FirstEpisode) -> Chart:
    """Return the chart of the wanted speed, the believed one with its band, and the one that was run."""
    wanted = np.full_like(episode.ran, episode.wanted)
    return Chart(
        say("speed (m/s)"),
        [
            Curve(say("wanted"), wanted, dashed=True),
            Curve(say("believed"), episode.believed, episode.band, "purple"),
            Curve(say("run"), episode.ran, colour="blue"),
        ],
    )


def describe_first_episode(episode: FirstEpisode) -> str:
    """Say in words when the belief and the speed settled, and what the episode was paid."""
    (low, high), draws = episode.band[:, 0], episode.adapted.renewed_every
    words = say(
        "Wanted: {wanted:.2f} m/s. At first it believes in {low:.1f} to {high:.1f} m/s",
        wanted=episode.wanted,
        low=low,
        high=high,
    )
    keeps = say(", and keeps this belief.")
    words += keeps if draws is None else say(", and it looks again every {count} steps.", count=draws)
    speeds = {say("believed speed"): episode.belief_settled, say("speed that it runs"): episode.speed_settled}
    for name, time in speeds.items():
        never = say(" The {name} does not settle.", name=name)
        words += never if time is None else say(" The {name} settles after {time:.1f} s.", name=name, time=time)
    return words + say(
        " (Settled: within {near} m/s of the wanted speed.) Return {value:.0f}.",
        near=NEAR,
        value=episode.adapted.after[0],
    )


class FirstEpisodeExplorer(shell.StaticBundle, ipywidgets.VBox):  # type: ignore[misc]
    """An explorer in which PEARL runs its first episode at a speed of your choice, which it is not told.

    Below the running cheetah, a chart shows the wanted speed, the speed that it believes in, and the one that it runs,
    as far as it has come. Run starts it. For readers with reduced motion, the whole chart is shown at once.

    Controls: ``velocity`` in m/s, ``every`` (steps between two draws of z, 0 for one draw), and ``seed``. Result:
    :class:`FirstEpisode`.

    Args:
        agent: PEARL on cheetah velocities.
        velocity: the initial speed in m/s.
        every: the initial number of steps between two draws: 0, 20, 10, 5 or 1.
        seed: the initial value of the seed, which determines the start and the draws.

    Attributes:
        controls: the controls by name.
        run: the button.
        result, player, words, error: the last episode, and the parts that show it.
    """

    def __init__(self, agent: PEARL, velocity: float = 0.75, every: int = 20, seed: int = 0) -> None:
        self.words, self.error = shell.Words(), shell.Words(role="alert")
        self.controls: dict[str, Any] = {}
        self.player: Player | None = None
        self.result: FirstEpisode | None = None
        self.run = ipywidgets.Button(
            description=say("Run"), button_style="primary", tooltip=say("Run the first episode")
        )
        super().__init__([self.error], _dom_classes=[shell.EXPLORER])
        with errors_in_words(self.error):
            _check(agent, velocity, every)
            self.controls = _controls(agent, velocity, every, check_count("seed", seed, 0))
            speed_of = translate(agent)
            self.watched: Callable[..., FirstEpisode] = lru_cache(EPISODES)(
                lambda velocity, every, seed: watch(agent, speed_of, velocity, every, seed)
            )
            self.run.on_click(lambda _: self.refresh())
            self.refresh()

    def refresh(self) -> None:
        """Run the episode for the present values of the controls, and play it."""
        with errors_in_words(self.error):
            episode = self.watched(**{name: control.value for name, control in self.controls.items()})
            runners = runners_of(episode.adapted, target=episode.wanted, names=[say("first episode")])
            if self.player is None:
                self.player = Player(runners, chart=chart_of(episode))
            else:
                self.player.autoplay = True  # the reader has pressed Run
                self.player.show(runners, chart=chart_of(episode))
            self.result, self.words.value = episode, describe_first_episode(episode)
            self.children = (*self.controls.values(), self.run, self.player, self.words, self.error)

    def snapshot(self) -> tuple[bytes | None, str]:
        """Return the still picture of the player, or ``None`` if there is none, and the sentences."""
        words = " ".join(filter(None, (self.words.value, self.error.value)))
        return (self.player.png() if self.player else None), words


def _check(agent: PEARL, velocity: float, every: int) -> None:
    if not isinstance(agent, PEARL) or not isinstance(agent.tasks, CheetahVelocity):
        raise UsageError(
            'the explorer needs PEARL on cheetah velocities: give mpsearch.load("pearl-cheetah-velocity"),'
            f" not {type(agent).__name__} on {agent.tasks.id}"
        )
    agent.tasks.check(np.array([[velocity]]))
    if every not in RENEWALS:
        raise UsageError(f"every must be one of {', '.join(map(str, RENEWALS))}, not {every!r}")


def _controls(agent: PEARL, velocity: float, every: int, seed: int) -> dict[str, Any]:
    controls = task_controls(agent.tasks)
    controls["velocity"].value = velocity
    look = shell.look(say("Draw z anew"), say("How often it looks at what it has seen"))
    options = [(_renewal(count), count) for count in RENEWALS]
    controls["every"] = ipywidgets.Dropdown(options=options, value=every, **look)
    return controls | {"seed": shell.seed_control(seed)}


def _renewal(every: int) -> str:
    words = {0: say("never"), 20: say("every 20 steps (1 s)"), 1: say("every step")}
    return words.get(every) or say("every {count}", count=every)
