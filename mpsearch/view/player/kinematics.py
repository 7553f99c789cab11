"""Where the parts of the planar cheetah are: MuJoCo's kinematics alone, without physics and without OpenGL."""

from __future__ import annotations

from functools import cache

import mujoco
import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.physics import load_gymnasium_model

POSITIONS = 9  # x, z, pitch, then hind thigh, shin, foot and front thigh, shin, foot


def capsules(qpos: Array) -> Array:
    """Ends of the cheetah's 8 capsules: [..., 8, 2, 2], the last axis (x, z) in m.

    The order is torso, head, hind thigh, shin, foot, front thigh, shin, foot. The floor is z = 0.

    Args:
        qpos: [..., 9] generalised positions, x and z in m, angles in rad.

    Raises:
        UsageError: ``qpos`` has another number of positions.
    """
    ends = relative_capsules(qpos)
    ends[..., 0] += np.asarray(qpos, dtype=np.float64)[..., 0, None, None]
    return ends


def relative_capsules(qpos: Array) -> Array:
    """As :func:`capsules`, with x measured from ``qpos[..., 0]``, so that float32 is exact enough anywhere."""
    qpos = np.array(qpos, dtype=np.float64)
    if qpos.ndim == 0 or qpos.shape[-1] != POSITIONS:
        raise UsageError(f"the cheetah has {POSITIONS} generalised positions [..., {POSITIONS}], not {qpos.shape}")
    qpos[..., 0] = 0
    model = load_gymnasium_model("half_cheetah.xml")
    data, parts = mujoco.MjData(model), _parts()
    centres, axes = np.empty((2, qpos[..., 0].size, len(parts), 2))
    for n, row in enumerate(qpos.reshape(-1, POSITIONS)):
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        centres[n] = data.geom_xpos[parts][:, [0, 2]]
        axes[n] = data.geom_xmat[parts][:, [2, 8]]  # x and z of the capsule's own z axis
    reach = axes * model.geom_size[parts, 1, None]
    return np.stack([centres - reach, centres + reach], axis=-2).reshape(*qpos.shape[:-1], len(parts), 2, 2)


def capsule_radii() -> Array:
    """[8] radii of the capsules in m."""
    return load_gymnasium_model("half_cheetah.xml").geom_size[_parts(), 0].copy()


@cache
def _parts() -> Array:
    model = load_gymnasium_model("half_cheetah.xml")
    return np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE)
