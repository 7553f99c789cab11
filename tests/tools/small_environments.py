"""Small gymnasium environments, one for each thing that one can do: end, raise, say NaN, have odd spaces."""

from __future__ import annotations

import os

import gymnasium
import numpy as np
from gymnasium import spaces

UNIT = spaces.Box(-1.0, 1.0, (1,))


class Slide(gymnasium.Env):
    """A point on a line that starts near 0 and moves by ``0.2 * action``; reward ``-|x - goal|``."""

    def __init__(self, goal=0.0, observation_space=UNIT, action_space=UNIT):
        self.goal, self.observation_space, self.action_space = goal, observation_space, action_space
        self.x, self.steps, self.over, self.closed, self.actions = 0.0, 0, False, False, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.steps, self.over = self.np_random.normal(0.0, 0.05), 0, False
        return self.see(), {}

    def step(self, action):
        assert not self.over, "stepped after its end"
        self.actions.append(action)
        self.x, self.steps = self.x + 0.2 * float(action.flat[0]), self.steps + 1
        terminated, truncated = self.ends()
        self.over = terminated or truncated
        return self.see(), -abs(self.x - self.goal), terminated, truncated, {}

    def see(self):
        return np.array([self.x], dtype=np.float32)

    def ends(self):
        return False, False

    def close(self):
        self.closed = True


class Ends(Slide):
    """Terminated after 3 steps where the goal is negative, truncated after 5 elsewhere."""

    def ends(self):
        return self.goal < 0 and self.steps == 3, self.goal >= 0 and self.steps == 5


class Raises(Slide):
    """Raises at step 57 where the goal is positive."""

    def step(self, action):
        if self.goal > 0 and self.steps == 57:
            raise ZeroDivisionError("a cosmic ray")
        return super().step(action)


class SaysNaN(Slide):
    """Its observation or its reward (``what``) is not a number at step 4."""

    def __init__(self, goal, what):
        super().__init__(goal)
        self.what = what

    def step(self, action):
        seen, reward, *rest = super().step(action)
        bad = self.goal > 0 and self.steps == 5
        if bad and self.what == "reward":
            return seen, np.nan, *rest
        return (seen * np.nan if bad else seen), reward, *rest


class Dies(Slide):
    """Ends its whole process at its first step."""

    def step(self, action):
        os._exit(3)


def slide(task):
    return Slide(task[0])


def ends(task):
    return Ends(task[0])


def raises(task):
    return Raises(task[0])


def dies(task):
    return Dies(task[0])
