"""A user's own family, as the README shows it."""

import numpy as np

from mpsearch import Batch, TaskDistribution


class Thermostat(TaskDistribution):
    """Hold a temperature that is not observed: task = target in [-1, 1]; reward = -|temperature - target|."""

    id = "thermostat"
    horizon, observation_dim, action_dim = 20, 1, 1
    parameter_names = ("target",)
    low, high = np.array([-1.0]), np.array([1.0])

    def make_batch(self, tasks, episodes, *, threads=0):
        return ThermostatBatch(self.check(tasks), episodes, action_dim=1)


class ThermostatBatch(Batch):
    """K x E rooms."""

    def _reset(self, rng):
        self.temperature = rng.normal(0.0, 0.1, self.shape)

    def _step(self, actions):
        self.temperature = self.temperature + 0.2 * actions[..., 0]
        return -np.abs(self.temperature - self.tasks[:, :1])

    def observe(self):
        return self.temperature[..., None]

    positions = observe
