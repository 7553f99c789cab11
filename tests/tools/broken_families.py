"""Thermostats that are broken on purpose. Each has one fault, and the name of the check that has to find it."""

from __future__ import annotations

import numpy as np
from thermostat import Thermostat, ThermostatBatch


class Broken(Thermostat):
    """The base class. ``Rooms`` is the batch; ``finding`` and ``words`` are what the diagnosis has to say."""

    id = "broken-thermostat"
    Rooms = ThermostatBatch
    finding = words = ""

    def make_batch(self, tasks, episodes, *, threads=0):
        return self.Rooms(self.check(tasks), episodes, action_dim=self.action_dim)


# The contract.


class NoHorizon(Broken):
    """It has no number of steps."""

    horizon = 0
    finding, words = "attributes", "horizon must be a whole number of at least 1"


class RangeUpsideDown(Broken):
    """Its lowest task is above its highest."""

    low, high = np.array([1.0]), np.array([-1.0])
    finding, words = "attributes", "are not a range"


class TasksOutOfRange(Broken):
    """It draws tasks that it does not accept."""

    finding, words = "tasks", "is not one of broken-thermostat"

    def sample(self, n, rng):
        return rng.uniform(1.0, 3.0, (n, 1))


class TasksFromElsewhere(Broken):
    """It draws tasks without the generator that it is given."""

    finding, words = "tasks", "the same seed draws different tasks"
    hidden = np.random.default_rng(0)

    def sample(self, n, rng):
        return self.hidden.uniform(-1.0, 1.0, (n, 1))


class FlatObservations(Broken):
    """Its observations have no axis O."""

    finding, words = "shapes", "observations of shape [3, 2], not [3, 2, 1]"

    class Rooms(ThermostatBatch):
        def observe(self):
            return self.temperature


class RewardForEachTask(Broken):
    """It gives one reward a task, and not one an episode."""

    finding, words = "shapes", "rewards of shape [3]"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return super()._step(actions).mean(1)


class LiveObservations(Broken):
    """Its observations are the simulation's own memory, which the next step overwrites."""

    finding, words = "shapes", "changed the observations that reset had returned"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            self.temperature += 0.2 * actions[..., 0]
            return -np.abs(self.temperature - self.tasks[:, :1])


class NotANumberAtACorner(Broken):
    """Its reward is NaN at one end of the range."""

    finding, words = "finite numbers", "the reward is not finite in task"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return np.where(self.tasks[:, :1] == 1.0, np.nan, super()._step(actions))


class FailsInTheMiddle(Broken):
    """Its code raises an error after a while."""

    finding, words = "finite numbers", "ZeroDivisionError: division by zero"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return super()._step(actions) + 1 / (10 - self.time)


class OtherGenerator(Broken):
    """It draws start states without the generator that it is given."""

    finding, words = "seeds", "the same seed and actions give different episodes"
    hidden = np.random.default_rng(0)

    class Rooms(ThermostatBatch):
        def _reset(self, rng):
            self.temperature = OtherGenerator.hidden.normal(0.0, 0.1, self.shape)


class SeedIgnored(Broken):
    """It draws the same start states for every seed."""

    finding, words = "seeds", "another seed gives the same ones"

    class Rooms(ThermostatBatch):
        def _reset(self, rng):
            self.temperature = np.random.default_rng(0).normal(0.0, 0.1, self.shape)


class LeftOver(Broken):
    """Its first episode changes the second one."""

    finding, words = "seeds", "when a batch is used again"

    class Rooms(ThermostatBatch):
        warmth = 0.0

        def _step(self, actions):
            self.warmth = self.warmth + 0.1 * actions[..., 0]
            return super()._step(actions) - np.abs(self.warmth)


class LeakingRow(Broken):
    """A simulation is warmed by the one before it."""

    finding, words = "rows", "changes when the actions of other simulations change"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            reward = super()._step(actions)
            self.temperature = self.temperature + 0.1 * np.roll(self.temperature, 1, axis=0)
            return reward


class LeakingTask(Broken):
    """Rewards are relative to the mean of all tasks."""

    finding, words = "rows", "changes when the tasks of other simulations change"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return super()._step(actions) - self.tasks.mean()


class OtherAlone(Broken):
    """The reward of one simulation alone is larger than in a batch."""

    finding, words = "one environment", "the rewards of make_env(task) differ from those of the same task in a batch"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return super()._step(actions) / len(self.tasks)


class LongEnvironment(Broken):
    """Its environment has observations that its own observation space does not contain."""

    finding, words = "one environment", "gymnasium's checker refuses make_env(task)"

    def make_env(self, task, render_mode=None):
        env = super().make_env(task, render_mode)
        env.observation_space = type(env.observation_space)(-1e-9, 1e-9, (1,), np.float64)
        return env


# What there is to learn.


class LargeObservations(Broken):
    """Its observations are ten thousand times larger than it says."""

    finding, words = "observations", "1 of 1 observations are far from their observation_scale"

    class Rooms(ThermostatBatch):
        def observe(self):
            return 1e4 * super().observe()

        positions = observe


class LargeRewards(Broken):
    """Its rewards are ten thousand times larger than usual."""

    finding, words = "size of rewards", "divide the reward by"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return 1e4 * super()._step(actions)


class ConstantReward(Broken):
    """Its reward is always the same."""

    finding, words = "rewards vary", "every reward is 1"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return 0 * super()._step(actions) + 1


class ActionIgnored(Broken):
    """Its actions do nothing."""

    finding, words = "actions", "no action changes anything"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return super()._step(0.5 + 0 * actions)


class IdleAction(Broken):
    """The second number of its action does nothing."""

    action_dim = 2
    finding, words = "actions", "the numbers [1] of an action change nothing"


class RewardIgnoresTask(Broken):
    """Its reward does not depend on the task."""

    finding, words = "tasks differ", "the same on all tasks"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return super()._step(actions) * 0 - np.abs(self.temperature)


class OnlyOneTask(Broken):
    """It always draws the same task."""

    finding, words = "tasks differ", "sample draws only one task, [0.5]"

    def sample(self, n, rng):
        return np.full((n, 1), 0.5)


class TaskObserved(Broken):
    """It observes the task."""

    observation_dim = 2
    finding, words = "tasks are hidden", "one policy can read the task from it"

    class Rooms(ThermostatBatch):
        def observe(self):
            task = np.broadcast_to(self.tasks[:, :1], self.shape)
            return np.stack([self.temperature, task], axis=-1)

        positions = observe


class TaskInTheNoise(Broken):
    """Its tasks want different things, but a large noise hides which."""

    horizon = 60
    finding, words = "tasks can be told", "by chance 25%"

    class Rooms(ThermostatBatch):
        def _reset(self, rng):
            super()._reset(rng)
            self.noise = rng.spawn(1)[0]

        def _step(self, actions):
            reward = super()._step(actions)
            return reward * 0 + 1e-3 * self.tasks[:, :1] * self.temperature + self.noise.normal(0.0, 1.0, self.shape)


class OneWish(Broken):
    """All its tasks want the same; only the size of the reward differs."""

    finding, words = "one policy", "what is better on one task is better on all"

    class Rooms(ThermostatBatch):
        def _step(self, actions):
            return super()._step(actions) * 0 - (2 + self.tasks[:, :1]) * np.abs(self.temperature)


FAMILIES = [
    kind for kind in list(vars().values()) if isinstance(kind, type) and issubclass(kind, Broken) and kind is not Broken
]
