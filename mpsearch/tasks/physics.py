"""Steps the MuJoCo simulations of K tasks x E episodes together, with ``mujoco.batch``.

From the same state and with the same actions, the results equal those of gymnasium's ``MujocoEnv`` to the bit. The
reason is that the state of each simulation includes the starting point of MuJoCo's constraint solver (its warm start).
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

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
    """Load and compile gymnasium's robot ``name``, such as ``half_cheetah.xml``.

    The total mass is set after compiling, because MuJoCo 4 prints a warning for the deprecated XML attribute that
    gymnasium uses. The resulting model is the same to the bit.
    """
    path = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / name
    root = ElementTree.parse(path).getroot()
    compiler = root.find("compiler")
    mass = compiler.attrib.pop("settotalmass", None) if compiler is not None else None
    model = mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))
    if mass is not None:
        mujoco.mj_setTotalmass(model, float(mass))
        mujoco.mj_setConst(model, mujoco.MjData(model))
        # The solver's tolerance is relative to these two means. The compiler computes them, mj_setConst does not.
        model.stat.meanmass = sum(model.body_mass[1:].tolist()) / (model.nbody - 1)
        model.stat.meaninertia = sum(model.dof_M0.tolist()) / model.nv
    return model


def quiet_mujoco() -> None:
    """Hide MuJoCo's warnings, such as the one that gymnasium's model files use a deprecated attribute.

    Otherwise MuJoCo prints each of them and appends it to a file ``MUJOCO_LOG.TXT`` in the current folder.
    """
    mujoco.set_mju_user_warning(lambda message: None)


class MujocoBatch(Batch):
    """E simulations of ``model`` on each of K tasks. Subclasses add the observation and the reward.

    A simulation does not depend on the other simulations, on their number or on the number of threads. A copied or
    unpickled batch has its own threads and continues with the same numbers.

    Args:
        model: the compiled robot.
        tasks: [K, P] the tasks.
        episodes: E, the number of simulations of each task.
        frame_skip: the number of physics steps in a control step.
        threads: the number of threads that simulate; 0 means one for each core.
        fields: for tasks that change the dynamics, the fields of the model that differ between tasks, by name
            (``body_mass``, ``dof_damping``, ``geom_friction``, ``actuator_gear``, ...). Each is [K, ...].
        feel_contacts: whether :meth:`contact_forces` can be asked for; it takes 0.2 MB a simulation.

    Raises:
        UsageError: a field is not one of MuJoCo's fields that simulations may differ in, or its shape is wrong.
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
        self._threads, self._persistent = check_count("threads", threads, least=0), feel_contacts
        self._open()
        for name, values in (fields or {}).items():
            self._set_field(name, np.asarray(values, dtype=np.float64))

    def _open(self) -> None:
        """Create MuJoCo's simulations, and views of the parts of their memory that every batch needs."""
        count = self.shape[0] * self.shape[1]
        self._physics = mujoco.batch.Batch(self.model, count, min(self._threads, count), persistent=self._persistent)
        self._diverged = self._physics.warning[:, DIVERGED, 1]  # live counts since the reset, [K * E, 3]
        self._live: dict[str, Array] = {}  # by MuJoCo's name: views [K, E, ...] of the simulations' memory
        self.qpos, self.qvel, self._ctrl = (self._watch(name) for name in ("qpos", "qvel", "ctrl"))

    def _watch(self, name: str) -> Array:
        rows = self._physics.bind(name)
        self._live[name] = rows.reshape(*self.shape, *rows.shape[1:])
        return self._live[name]

    def __getstate__(self) -> dict[str, Any]:
        names = (name for name in mujoco.batch.MODEL_FIELDS if self._physics.expanded(name) is not None)
        changed = {name: self._physics.expanded(name) for name in sorted(names)}
        return vars(self) | {"_physics": (self._physics.state, self._physics.warning, changed)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        rows, warnings, changed = state["_physics"]
        self._open()
        for name, values in changed.items():
            self._physics.expand(name)[:] = values
        for name, values in state["_live"].items():
            live = self._watch(name)
            live.flags.writeable = True  # these values are of the last step, so MuJoCo cannot compute them again
            live[:] = values
        self._physics.state[:], self._physics.warning[:] = rows, warnings

    def _set_field(self, name: str, values: Array) -> None:
        shape = np.asarray(getattr(self.model, name, None)).shape
        if name not in mujoco.batch.MODEL_FIELDS or values.shape != (self.shape[0], *shape):
            raise UsageError(
                f"model field {name!r} must be one of MuJoCo's per-simulation fields, with shape"
                f" {(self.shape[0], *shape)}, not {values.shape}"
            )
        self._physics.expand(name)[:] = np.repeat(values, self.episodes, axis=0)
        if name in mujoco.MjModel._setconst_inputs:  # such as masses, from which MuJoCo derives other constants
            self._physics.set_const()

    def set_state(self, qpos: Array, qvel: Array) -> None:
        """Set every simulation to the state ``qpos`` [K, E, nq], ``qvel`` [K, E, nv] at time 0."""
        qpos, qvel = np.array(qpos), np.array(qvel)  # copies, because the reset clears this batch's own arrays
        self._physics.reset(stage=mujoco.mjtStage.mjSTAGE_NONE)
        self.qpos[:] = qpos
        self.qvel[:] = qvel
        self._physics.forward()
        self._begin()

    def advance(self, actions: Array) -> None:
        """Advance every simulation that has not ended by one control step with ``actions`` [K, E, A].

        Those that have ended stay as they are. A robot that lies on the ground has many contacts, whose simulation
        would take more time than that of one that runs.

        Raises:
            NonFiniteError: a simulation that has not ended diverged. MuJoCo itself would reset it and continue.
        """
        self._ctrl[:] = actions
        running = None if self._last is None else np.flatnonzero(~self.ended)
        try:
            self._physics.step(running, nstep=self.frame_skip)
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
