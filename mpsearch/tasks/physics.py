"""The batched physics engine: K tasks x E episodes on ``mujoco.batch``.

Stepping is bit-equal to gymnasium's ``MujocoEnv`` from the same state with the same actions, because
the solver's warm start is part of each simulation's state.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import gymnasium
import mujoco
import mujoco.batch
import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.distribution import Batch


@cache
def load_gymnasium_model(name: str) -> mujoco.MjModel:
    """Gymnasium's robot ``name`` (such as ``half_cheetah.xml``), compiled.

    The total mass is set after compiling: MuJoCo 4 deprecates the XML attribute that gymnasium uses
    and prints a warning for it. The model is the same to the bit.
    """
    path = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / name
    root = ElementTree.parse(path).getroot()
    compiler = root.find("compiler")
    mass = compiler.attrib.pop("settotalmass", None) if compiler is not None else None
    model = mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))
    if mass is not None:
        mujoco.mj_setTotalmass(model, float(mass))
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


class MujocoBatch(Batch):
    """E simulations of ``model`` on each of K tasks; subclasses add observation and reward.

    Args:
        model: the compiled robot.
        tasks: [K, P].
        episodes: E.
        frame_skip: physics steps in a control step.
        threads: of the physics; 0 is one for each core.
        fields: model fields by name (``body_mass``, ``dof_damping``, ``geom_friction``,
            ``actuator_gear``, ...) with one value a task, [K, ...], for tasks that change the dynamics.

    A row never depends on its neighbours, on their number or on the number of threads.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        tasks: Array,
        episodes: int,
        *,
        frame_skip: int,
        threads: int = 0,
        fields: Mapping[str, Array] | None = None,
    ) -> None:
        super().__init__(tasks, episodes, model.nu)
        self.model = model
        self.frame_skip = frame_skip
        self.dt = frame_skip * model.opt.timestep
        count = self.shape[0] * self.shape[1]
        self._physics = mujoco.batch.Batch(model, count, min(threads, count) if threads else 0)
        names = ("qpos", "qvel", "ctrl", "time")
        self.qpos, self.qvel, self._ctrl, self._clock = (self._rows(name) for name in names)
        for name, values in (fields or {}).items():
            self._set_field(name, np.asarray(values, dtype=np.float64))

    def _rows(self, name: str) -> Array:
        live = self._physics.bind(name)
        return live.reshape(*self.shape, *live.shape[1:])  # a view: [K, E, ...]

    def _set_field(self, name: str, values: Array) -> None:
        shape = np.shape(getattr(self.model, name, None))
        if name not in mujoco.batch.MODEL_FIELDS or values.shape != (self.shape[0], *shape):
            raise UsageError(
                f"model field {name!r} must be one of MuJoCo's per-simulation fields, with shape"
                f" {(self.shape[0], *shape)}, not {values.shape}"
            )
        self._physics.expand(name)[:] = np.repeat(values, self.episodes, axis=0)
        if name in mujoco.MjModel._setconst_inputs:  # masses and the like: derived constants follow
            self._physics.set_const()

    def set_state(self, qpos: Array, qvel: Array) -> None:
        """Put every simulation into the state ``qpos`` [K, E, nq], ``qvel`` [K, E, nv] at time 0."""
        self._physics.reset(stage=mujoco.mjtStage.mjSTAGE_NONE)
        self.qpos[:] = qpos
        self.qvel[:] = qvel
        self._physics.forward()
        self.time = 0

    def advance(self, actions: Array) -> None:
        """One control step under ``actions`` [K, E, A].

        Raises:
            NonFiniteError: a simulation diverged. (MuJoCo itself would reset it and carry on.)
        """
        self._ctrl[:] = actions
        try:
            self._physics.step(nstep=self.frame_skip)
        except mujoco.batch.SimulationError as error:
            bad = np.zeros(self.shape, dtype=bool)
            bad.flat[list(error.ids)] = True
            raise self.failure(bad, "MuJoCo reports an error") from error
        expected = (self.time + 1) * self.dt
        if abs(self._clock - expected).max() > 0.5 * self.model.opt.timestep:
            raise self.failure(abs(self._clock - expected) > 0.5 * self.model.opt.timestep, "the simulation diverged")

    def positions(self) -> Array:
        return self.qpos.copy()
