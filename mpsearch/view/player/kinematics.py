"""The places of a robot's parts, seen from the side. This needs only MuJoCo's kinematics, no physics and no OpenGL."""

from __future__ import annotations

import mujoco
import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.robots import find_robot

DRAWN = (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_SPHERE)
BALL = 1e-3  # m; balls are drawn as capsules of this half length, because a capsule without length would be invisible


def capsules(qpos: Array, robot: str = "HalfCheetah", heading: float = 0.0) -> Array:
    """Return the ends (x, z) in m of the robot's capsules, [..., C, 2, 2]. Balls are very short capsules.

    The capsules have the order of the model. For HalfCheetah they are torso, head, hind thigh, shin, foot, front thigh,
    shin, foot. The floor is z = 0. For a robot that moves in space, x is the distance along ``heading``.

    Args:
        qpos: [..., Q] generalised positions in the model's units, m and rad.
        robot: a name in :data:`mpsearch.tasks.robots.ROBOTS`.
        heading: angle in rad from the x axis towards the y axis.

    Raises:
        UsageError: ``qpos`` has the wrong number of positions, or there is no such robot.
    """
    ends = relative_capsules(qpos, robot, heading)
    ends[..., 0] += way(np.asarray(qpos, dtype=np.float64), robot, heading)[..., None, None]
    return ends


def way(qpos: Array, robot: str, heading: float = 0.0) -> Array:
    """Return the robot's distance along its track in m, [...], at positions [..., Q]."""
    if find_robot(robot).planar:
        return qpos[..., 0]
    return np.cos(heading) * qpos[..., 0] + np.sin(heading) * qpos[..., 1]


def relative_capsules(qpos: Array, robot: str = "HalfCheetah", heading: float = 0.0) -> Array:
    """Return :func:`capsules` with x relative to :func:`way`, so that float32 is exact enough far from the start."""
    model = find_robot(robot).model
    qpos = np.array(qpos, dtype=np.float64)
    if qpos.ndim == 0 or qpos.shape[-1] != model.nq:
        raise UsageError(f"{robot} has {model.nq} generalised positions [..., {model.nq}], not {qpos.shape}")
    qpos[..., : 1 if find_robot(robot).planar else 2] = 0
    data, parts = mujoco.MjData(model), _parts(model)
    side = np.array([[np.cos(heading), np.sin(heading), 0.0], [0.0, 0.0, 1.0]]).T  # from (x, y, z) to the picture
    balls = model.geom_type[parts] == mujoco.mjtGeom.mjGEOM_SPHERE
    ends = np.empty((qpos[..., 0].size, len(parts), 2, 2))
    for row, pair in zip(qpos.reshape(-1, model.nq), ends, strict=True):
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        axes = data.geom_xmat[parts][:, [2, 5, 8]]  # the capsules' own z axes
        reach = np.where(balls[:, None], [BALL, 0.0], axes @ side * model.geom_size[parts, 1, None])
        pair[:] = np.stack([data.geom_xpos[parts] @ side - reach, data.geom_xpos[parts] @ side + reach], axis=-2)
    return ends.reshape(*qpos.shape[:-1], len(parts), 2, 2)


def capsule_radii(robot: str = "HalfCheetah") -> Array:
    """Return the radii [C] of the capsules in m."""
    model = find_robot(robot).model
    return model.geom_size[_parts(model), 0].copy()


def standing(robot: str) -> Array:
    """Return the ends [C, 2, 2] of the capsules in the model's default posture, with each joint inside its range."""
    model = find_robot(robot).model
    qpos, joints = model.qpos0.copy(), np.flatnonzero(model.jnt_limited)
    at = model.jnt_qposadr[joints]
    qpos[at] = qpos[at].clip(*model.jnt_range[joints].T)
    return relative_capsules(qpos, robot)


def height(robot: str) -> float:
    """Return the height in m that a picture shows above the floor: the standing robot's, or more for leaps."""
    return max(1.25, 1.1 * float((standing(robot)[..., 1].max(-1) + capsule_radii(robot)).max()))


def _parts(model: mujoco.MjModel) -> Array:
    return np.flatnonzero(np.isin(model.geom_type, DRAWN))
