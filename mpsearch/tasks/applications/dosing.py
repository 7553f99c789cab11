"""A family from medicine: dose a drug for a patient whose sensitivity and clearance are unknown."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.tasks.applications.application import Application
from mpsearch.tasks.batch import Batch

CLEARANCE, VOLUME = 0.058, 0.474  # L/h/kg and L/kg, of the average patient (Yano et al. 1993, PaCO2 = 40 mmHg)
TARGET, TOXIC = 10.0, 20.0  # mg/L (Holford et al. 1993)
LARGEST_DOSE = 4.0  # mg/kg in an hour
ASSAY_ERROR = 0.05  # standard deviation of a measured level, relative to the level
LEAST_REWARD = -10.0


class Dosing(Application):
    """Infuse theophylline into a patient for a day, with a decision each hour.

    The task is ``(sensitivity, clearance)`` of the patient, both as factors: 1 is the average patient. A sensitivity
    of 2 means that half of the average patient's level has the same effect. Both are log-uniform, over two standard
    deviations of the logarithm either way. It is 0.385 for the clearance, so the range is [0.46, 2.16]; it is 0.5 for
    the sensitivity, so the range is [0.37, 2.7].

    One hour, with the dose ``d`` in mg/kg: the level in mg/L follows the one-compartment model
    ``dlevel/dt = d / VOLUME - k level`` with the elimination rate ``k = clearance * CLEARANCE / VOLUME`` (1/h), which
    is solved exactly. The effect is ``sensitivity * level``. Its unit is mg/L too: it is the level at which the
    average patient would have this effect.

    Observation (3 numbers): the level measured now and an hour ago, in mg/L, each with an error of 5 %, and the last
    dose in mg/kg. The effect is not observed. It is only in the reward, so the sensitivity must be found out.
    Action (1 number ``a`` in [-1, 1], clipped): the next hour's dose, ``4 * ((a + 1) / 2) ** 2`` mg/kg. The square lets
    small doses be set finely: from the most to the least sensitive patient, the best infusion grows thirtyfold.

    Let ``x = effect / TARGET - 1`` at the end of the hour. The reward is ``-x ** 2`` below the target and
    ``-overdose_cost * x ** 2`` above it, but not less than -10. So an untreated hour costs 1, and an hour at the toxic
    level of 20 mg/L costs 5. An episode starts without any drug. It ends at the time limit and never terminates before.

    Sources: Yano et al. 1993 (population pharmacokinetics of theophylline II, intravenous infusion): clearance, volume
    and the spread of 38.5 % of the clearance. Holford et al. 1993 (Clinical Pharmacokinetics 25): a target of 10 mg/L,
    more adverse effects above 20 mg/L. Mitenko and Ogilvie 1973: a loading dose followed by a constant infusion.

    What is a toy: the spread of the sensitivity, the form of the cost, an effect that is proportional to the level and
    follows it at once, equal volumes, and a laboratory that answers each hour.

    Args:
        overdose_cost: how many times more an effect above the target costs than one as far below it.
        horizon: the number of hours in an episode.

    Raises:
        UsageError: ``overdose_cost`` is not a finite number of at least 1.
    """

    id = "dosing"
    field = "medicine"
    standard_name = "population dose"
    observation_dim = 3
    action_dim = 1
    parameter_names = ("sensitivity", "clearance")
    low, high = np.array([0.37, 0.46]), np.array([2.7, 2.16])

    def __init__(self, overdose_cost: float = 5.0, horizon: int = 24) -> None:
        if not 1 <= overdose_cost < np.inf:
            raise UsageError(f"overdose_cost must be a finite number of at least 1, not {overdose_cost}")
        self.overdose_cost, self.horizon = float(overdose_cost), check_count("horizon", horizon)

    @property
    def observation_scale(self) -> Array:
        return np.array([TARGET, TARGET, LARGEST_DOSE])

    @property
    def config(self) -> dict[str, Any]:
        return {"overdose_cost": self.overdose_cost, "horizon": self.horizon}

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` patients [n, 2], log-uniform on the range and together evenly spread."""
        return self._log_uniform(super().sample(n, rng))

    def spread(self, n: int = 5) -> Array:
        """Return ``n`` patients [n, 2]: the more sensitive ones also clear the drug faster."""
        return self._log_uniform(super().spread(n))

    def _log_uniform(self, tasks: Array) -> Array:
        """Map tasks [n, 2] that are uniform on the range to tasks whose logarithms are."""
        share = (tasks - self.low) / (self.high - self.low)
        return self.low * (self.high / self.low) ** share

    def reward(self, effect: Array) -> Array:
        """Return the rewards of hours that end with ``effect`` in mg/L. Any shape is allowed."""
        x = effect / TARGET - 1.0
        return np.maximum(np.where(x > 0, -self.overdose_cost, -1.0) * x**2, LEAST_REWARD)

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> DosingBatch:
        return DosingBatch(self, self.check(tasks), episodes)

    def optimum(self, batch: Batch) -> Array:
        """Bring the effect as near to the target as one hour allows. The rule knows the patient and the true level.

        This is optimal for the whole day. A higher level now leads to higher levels in all later hours, the cost grows
        with the distance from the target, and once the target is reached the effect can stay there.
        """
        assert isinstance(batch, DosingBatch)
        wanted = TARGET / batch.sensitivity
        return _action((wanted - batch.kept * batch.level) / batch.raised)

    def standard(self, batch: Batch) -> Array:
        """Give every patient the dose of the average one: a loading dose, then a constant infusion."""
        first, later = VOLUME * TARGET, CLEARANCE * TARGET
        return np.broadcast_to(_action(np.array(later if batch.time else first)), (*batch.shape, 1))


class DosingBatch(Batch):
    """K x E days of patients, hour by hour.

    Attributes:
        sensitivity: [K, 1].
        kept: [K, 1] the share of a level that is left after an hour.
        raised: [K, 1] the level at the end of an hour in which 1 mg/kg was infused, in mg/L.
        dose, level, measured: [K, E] the last dose in mg/kg, and the true and the measured level in mg/L.
    """

    def __init__(self, family: Dosing, tasks: Array, episodes: int) -> None:
        super().__init__(tasks, episodes, family.action_dim)
        self.family = family
        self.sensitivity, clearance = np.split(self.tasks, 2, axis=1)
        self.kept = np.exp(-clearance * CLEARANCE / VOLUME)
        self.raised = (1.0 - self.kept) / (clearance * CLEARANCE)
        self._reset(np.random.default_rng(0))

    def _reset(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.dose, self.level, self.measured, self.before = np.zeros((4, *self.shape))

    def _step(self, actions: Array) -> Array:
        self.dose = LARGEST_DOSE * ((actions[..., 0] + 1.0) / 2.0) ** 2
        self.level = self.kept * self.level + self.raised * self.dose
        self.before = self.measured
        self.measured = self.level * (1.0 + ASSAY_ERROR * self.rng.standard_normal(self.shape))
        return self.family.reward(self.effect)

    @property
    def effect(self) -> Array:
        """[K, E] the present effect in mg/L."""
        return self.sensitivity * self.level

    def observe(self) -> Array:
        return np.stack([self.measured, self.before, self.dose], axis=-1)

    def positions(self) -> Array:
        """Return the last dose (mg/kg), the true level and the effect (both in mg/L), [K, E, 3]."""
        return np.stack([self.dose, self.level, self.effect], axis=-1)


def overdose(positions: Array) -> Array:
    """Return the share of hours with an effect above the toxic level [...], for trajectories [..., T + 1, 3]."""
    return (positions[..., 1:, 2] > TOXIC).mean(axis=-1)


def _action(dose: Array) -> Array:
    """Return the actions [..., 1] that give ``dose`` [...] in mg/kg, or the nearest possible dose."""
    return 2.0 * np.sqrt((dose / LARGEST_DOSE).clip(0.0, 1.0))[..., None] - 1.0
