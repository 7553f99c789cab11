"""Lie to the cheetah: one forged reward tells PEARL a speed, and it runs at that speed, whatever it is paid for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes

from mpsearch.errors import UsageError, check_count
from mpsearch.language import say
from mpsearch.pearl import PEARL
from mpsearch.pearl.probing import act_on, believe, explored, transitions_of
from mpsearch.records import Array
from mpsearch.tasks import CheetahVelocity
from mpsearch.tasks.cheetah import velocity_reward
from mpsearch.view.jupyter import ipywidgets
from mpsearch.view.plots import AFTER, CONTROL_STEP, TARGET
from mpsearch.view.widgets.shell import Drawn, Shell, errors_in_words, look, new_figure, seed_control, to_png

PAID_FOR = 1.5  # m/s, the speed that the rewards of the episode really ask for
STILL = 0.1  # m/s; a cheetah below this has not got away from its place
STEP = 0.1  # m/s between two lies


@dataclass(frozen=True)
class Lies:
    """What PEARL does after one transition whose reward was forged, for L different lies.

    Attributes:
        told: [L] the speed that the forged reward stands for, in m/s.
        paid_for: the speed that the task really asks for, in m/s.
        moved: the speed of the one step that it saw, in m/s.
        honest: the reward that this step had.
        forged: [L] the rewards put in its place.
        mean, std: [L, Z] the beliefs.
        x: [L, T + 1] where it ran, in m.
    """

    told: Array
    paid_for: float
    moved: float
    honest: float
    forged: Array
    mean: Array
    std: Array
    x: Array

    @property
    def ran(self) -> Array:
        """[L] the mean speed in the second half of the episode, in m/s."""
        half = self.x.shape[1] // 2
        return np.asarray((self.x[:, -1] - self.x[:, half]) / ((self.x.shape[1] - 1 - half) * CONTROL_STEP))


def tell_lies(agent: PEARL, told: Array, *, seed: int, paid_for: float = PAID_FOR) -> Lies:
    """Let ``agent`` make one step, forge its reward, and let it act on the belief after this one transition.

    The forged reward is what a cheetah that is asked for the speed ``told`` [L] would have got for the same step.

    Raises:
        UsageError: the agent is not PEARL on cheetah velocities, or a number is not allowed.
    """
    if not isinstance(agent, PEARL) or not isinstance(agent.tasks, CheetahVelocity):
        raise UsageError(
            'lies are for PEARL on cheetah velocities: give mpsearch.load("pearl-cheetah-velocity"),'
            f" not {type(agent).__name__} on {agent.tasks.id}"
        )
    (seen,) = explored(agent, np.array([[paid_for]]), seed=seed, episodes=1)
    first, x = transitions_of(seen)[:, :1], np.asarray(seen.positions)[0, :2, 0]
    moved, action = float(x[1] - x[0]) / CONTROL_STEP, seen.actions[0, 0, 0]
    forged = velocity_reward(np.asarray(told, dtype=float), np.array(moved), action)  # [L]
    rows = first.repeat(len(forged), 1, 1)
    rows[:, 0, agent.tasks.observation_dim + agent.tasks.action_dim] = torch.from_numpy(forged).float()
    belief = believe(agent, rows)
    episode = act_on(agent, np.full((len(forged), 1), paid_for), belief.mean, seed=seed)
    run = np.asarray(episode.positions)[:, :, 0]
    arrays = (belief.mean.numpy(), belief.stddev.numpy(), run)
    return Lies(np.asarray(told), paid_for, moved, float(seen.rewards[0, 0, 0]), forged, *arrays)


def plot_lies(lies: Lies, which: int, axes: Axes) -> Axes:
    """Plot the speed that was run against the speed that was told; a larger mark shows the lie number ``which``."""
    ends = [0, lies.told.max()]
    paid = say("what it is paid for: {speed:g} m/s", speed=lies.paid_for)
    axes.plot(ends, ends, "--", color="0.45", linewidth=1, label=say("obeys to the letter"))
    axes.axhline(lies.paid_for, color=TARGET, linewidth=1.2, label=paid)
    axes.plot(lies.told, lies.ran, ".-", color=AFTER, linewidth=1, label=say("what it runs"))
    axes.plot(lies.told[which], lies.ran[which], "D", color=AFTER, markersize=10, markeredgecolor="white")
    axes.set_xlabel(say("speed told by one forged reward (m/s)"))
    axes.set_ylabel(say("speed run (m/s)"))
    axes.set_xlim(-0.05, ends[1] + 0.05)
    axes.legend(frameon=False, loc="upper left", fontsize="small")
    return axes


def describe_lie(lies: Lies, which: int) -> str:
    """Return the sentences that say what it was told, what it then ran, and why it could go wrong."""
    told, ran = lies.told[which], lies.ran[which]
    words = say(
        "One reward forged, {forged:.2f} in the place of {honest:.2f}: told {told:.1f} m/s,"
        " it ran {ran:.2f} m/s, and was paid for {paid_for:g} m/s.",
        forged=lies.forged[which],
        honest=lies.honest,
        told=told,
        ran=ran + 0.0,
        paid_for=lies.paid_for,
    )
    if abs(ran) < STILL < told:
        words += say(" It stood still.")
    if told < lies.moved:
        words += say(
            " In the step that it saw it moved at {moved:.2f} m/s, faster than it was told. The same reward would"
            " stand for {other:.2f} m/s, and the encoder has to guess which.",
            moved=lies.moved,
            other=2 * lies.moved - told,
        )
    return words


class LieExplorer(Shell):
    """An explorer that forges one reward, and shows at what speed PEARL then runs.

    Controls: ``told``, in m/s, and ``seed``. Result: :class:`Lies`, with the one that is shown at the place ``which``.

    Args:
        agent: PEARL on cheetah velocities.
        told: the initial lie, in m/s.
        seed: the initial value of the seed, which determines the one step that the agent sees.
    """

    def __init__(self, agent: PEARL, told: float = 2.4, seed: int = 0) -> None:
        super().__init__()
        with errors_in_words(self.error):
            self.agent = agent
            self.told = lru_cache(16)(lambda seed: tell_lies(agent, self.choices, seed=seed))
            self.choices = np.arange(0, 3 + STEP / 2, STEP).round(3)
            if not 0 <= told <= self.choices[-1]:
                raise UsageError(f"told must be a speed from 0 to {self.choices[-1]:g} m/s, not {told!r}")
            slider = ipywidgets.FloatSlider(
                told,
                min=0.0,
                max=float(self.choices[-1]),
                step=STEP,
                continuous_update=False,
                **look(say("Tell it (m/s)"), say("The speed that the forged reward stands for; arrow keys move it")),
            )
            first = seed_control(check_count("seed", seed, 0), tooltip=say("Another seed gives another step to forge"))
            self.use(told=slider, seed=first)

    def draw(self, *, told: float, seed: int) -> Drawn:
        lies, which = self.told(seed), int(abs(self.choices - told).argmin())
        figure, (axes,) = new_figure()
        plot_lies(lies, which, axes)
        words = describe_lie(lies, which)
        rows = say("; ").join(f"{a:.1f}: {b + 0.0:.1f}" for a, b in zip(lies.told[::5], lies.ran[::5], strict=True))
        return Drawn(to_png(figure), words + say(" Told and run (m/s): {rows}.", rows=rows), words, lies)
