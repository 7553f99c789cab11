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

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch

DIVERGED = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)


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
        # The solver's tolerance is relative to these means, which only the compiler computes.
        model.stat.meanmass = sum(model.body_mass[1:].tolist()) / (model.nbody - 1)
        model.stat.meaninertia = sum(model.dof_M0.tolist()) / model.nv
    return model


def quiet_mujoco() -> None:
    """Keep MuJoCo's deprecation warnings about gymnasium's own model files from the learner's screen."""
    mujoco.set_mju_user_warning(lambda message: None)


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
        feel_contacts: make :meth:`contact_forces` possible, for 0.2 MB a simulation.

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
        feel_contacts: bool = False,
    ) -> None:
        super().__init__(tasks, episodes, model.nu)
        self.model = model
        self.frame_skip = frame_skip
        self.dt = frame_skip * model.opt.timestep
        count = self.shape[0] * self.shape[1]
        threads = check_count("threads", threads, least=0)
        self._physics = mujoco.batch.Batch(model, count, min(threads, count), persistent=feel_contacts)
        self.qpos, self.qvel, self._ctrl = (self._rows(name) for name in ("qpos", "qvel", "ctrl"))
        self._diverged = self._physics.warning[:, DIVERGED, 1]  # live counts since the reset, [K * E, 3]
        for name, values in (fields or {}).items():
            self._set_field(name, np.asarray(values, dtype=np.float64))

    def _rows(self, name: str) -> Array:
        live = self._physics.bind(name)
        return live.reshape(*self.shape, *live.shape[1:])  # a view: [K, E, ...]

    def _set_field(self, name: str, values: Array) -> None:
        shape = np.asarray(getattr(self.model, name, None)).shape
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
        qpos, qvel = np.array(qpos), np.array(qvel)  # they may be this batch's own, which the reset clears
        self._physics.reset(stage=mujoco.mjtStage.mjSTAGE_NONE)
        self.qpos[:] = qpos
        self.qvel[:] = qvel
        self._physics.forward()
        self._begin()

    def advance(self, actions: Array) -> None:
        """One control step under ``actions`` [K, E, A].

        Raises:
            NonFiniteError: a simulation that has not ended diverged. (MuJoCo itself would reset it and carry on.)
        """
        self._ctrl[:] = actions
        try:
            self._physics.step(nstep=self.frame_skip)
        except mujoco.batch.SimulationError as error:
            bad = np.zeros(self.shape, dtype=bool)
            bad.flat[list(error.ids)] = True
            self._require_ended(bad, "MuJoCo reports an error", error)
        if np.count_nonzero(self._diverged):
            self._require_ended(self._diverged.any(-1).reshape(self.shape), "the simulation diverged")

    def _require_ended(self, failed: Array, what: str, cause: Exception | None = None) -> None:
        """Raise if any of the ``failed`` [K, E] simulations still counts."""
        bad = failed & ~self.ended
        if bad.any():
            raise self.failure(bad, what) from cause

    def contact_forces(self) -> Array:
        """[K, E, bodies * 6] external torques (N m) and forces (N) on the bodies, as MuJoCo's ``cfrc_ext``.

        A step does not compute them, so that each simulation's own data is asked, one after the other: this
        adds a tenth to the time of an ant's step. They are those of the last substep, as in gymnasium.
        """
        forces, data = np.empty((*self.shape, self.model.nbody * 6)), mujoco.MjData(self.model)
        for n, row in enumerate(forces.reshape(-1, self.model.nbody * 6)):
            self._physics.get_data(n, data)
            mujoco.mj_rnePostConstraint(self.model, data)
            row[:] = data.cfrc_ext.ravel()
        return forces

    def positions(self) -> Array:
        return self.qpos.copy()
