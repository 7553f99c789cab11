"""The player with robots other than the cheetah: planar ones along x, the others from the side of their way."""

from __future__ import annotations

import json
from dataclasses import replace

import mujoco
import numpy as np
import pytest
from runs import three_speeds

from mpsearch.errors import UsageError
from mpsearch.tasks.robots import ROBOTS
from mpsearch.view.player import Player, play, runners_of
from mpsearch.view.player.film import film
from mpsearch.view.player.kinematics import BALL, capsule_radii, capsules, standing
from mpsearch.view.player.runners import Runner, describe, pack
from mpsearch.view.player.strip import draw_strip

pytestmark = pytest.mark.usefixtures("no_window")
every_robot = pytest.mark.parametrize("robot", ROBOTS)
GEOMS = {"HalfCheetah": 8, "Walker2d": 7, "Hopper": 4, "Ant": 13, "Humanoid": 17}  # capsules and balls


def positions_of(robot, steps=20, speed=(1.0, 0.0)):
    """[T + 1, Q] that moves at ``speed`` along x and, in space, along y in m/s, with joints that swing."""
    found = ROBOTS[robot]
    positions = np.tile(found.model.qpos0, (steps + 1, 1))
    first = 3 if found.planar else 7
    swing = np.sin(np.arange(steps + 1)[:, None] * np.linspace(0.2, 0.5, positions.shape[1] - first))
    positions[:, first:] += 0.3 * swing
    for column in range(1 if found.planar else 2):
        positions[:, column] += speed[column] * found.dt * np.arange(steps + 1)
    return positions


@every_robot
def test_parts_are_where_mujoco_has_them(robot) -> None:
    model, heading = ROBOTS[robot].model, 0.0 if ROBOTS[robot].planar else 0.7
    qpos = positions_of(robot, speed=(3.0, 2.0))[-1]
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    ends = capsules(qpos, robot, heading)
    drawn = [g for g in range(model.ngeom) if model.geom_type[g] != mujoco.mjtGeom.mjGEOM_PLANE]
    assert ends.shape == (GEOMS[robot], 2, 2)
    along = np.array([np.cos(heading), np.sin(heading), 0.0])
    for g, pair in zip(drawn, ends, strict=True):
        if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_SPHERE:
            half = BALL * along
        else:
            half = data.geom_xmat[g].reshape(3, 3) @ [0, 0, model.geom_size[g, 1]]
        expected = [[p @ along, p[2]] for p in (data.geom_xpos[g] - half, data.geom_xpos[g] + half)]
        np.testing.assert_allclose(pair, expected, atol=1e-9)
    np.testing.assert_array_equal(capsule_radii(robot), model.geom_size[drawn, 0])


@every_robot
def test_the_message_holds_the_way_the_capsules_and_the_rewards(robot) -> None:
    runner = Runner("r", positions_of(robot), np.arange(20.0), robot=robot)
    player = Player([runner])
    width = player.meta["width"]
    assert width == 1 + 4 * GEOMS[robot] == 1 + len(player.meta["standing"])
    numbers = np.frombuffer(pack([runner]), "<f4")
    frames = numbers[: 21 * width].reshape(21, width)
    np.testing.assert_allclose(frames[:, 0], runner.positions[:, 0], atol=1e-6)
    np.testing.assert_array_equal(numbers[21 * width :], np.arange(20.0))
    assert len(player.meta["radii"]) == GEOMS[robot]
    assert player.meta["dt"] == pytest.approx(ROBOTS[robot].dt)
    assert json.loads(json.dumps(player.meta)) == player.meta


@every_robot
def test_distance_and_velocity_take_the_robots_own_time(robot) -> None:
    runner = Runner("r", positions_of(robot, speed=(2.0, 0.0)), robot=robot)
    assert runner.velocity == pytest.approx(2.0, rel=1e-4)
    assert describe([runner]).startswith(f"One {robot} run of {20 * ROBOTS[robot].dt:.1f} s (20 steps).")


def test_a_robot_in_space_is_seen_from_the_side_of_its_heading() -> None:
    positions = positions_of("Ant", speed=(0.0, 1.5))
    assert Runner("r", positions, robot="Ant").distance == pytest.approx(0.0, abs=1e-6)
    sideways = Runner("r", positions, robot="Ant", heading=np.pi / 2)
    assert sideways.velocity == pytest.approx(1.5, rel=1e-4)
    assert Runner("r", positions, robot="Ant", heading=-np.pi / 2).velocity == pytest.approx(-1.5, rel=1e-4)


@pytest.mark.slow
def test_the_strip_is_as_tall_as_the_robot(tmp_path) -> None:
    heights = {robot: draw_strip([Runner("r", positions_of(robot), robot=robot)]).get_figheight() for robot in ROBOTS}
    assert heights["HalfCheetah"] == heights["Ant"] == pytest.approx(1.75)
    assert heights["Humanoid"] > heights["Walker2d"] > heights["HalfCheetah"]
    assert Player([Runner("r", positions_of("Humanoid"), robot="Humanoid")]).png()[:4] == b"\x89PNG"


def test_a_ghost_stands_with_its_joints_in_their_ranges() -> None:
    straight = capsules(ROBOTS["Ant"].model.qpos0, "Ant")
    assert np.ptp(straight[..., 1]) < 0.01
    assert np.ptp(standing("Ant")[..., 1]) > 0.2  # the ankles are bent
    np.testing.assert_array_equal(standing("HalfCheetah"), capsules(np.zeros(9)))


@pytest.mark.parametrize(("task", "heading"), [([2.1], 2.1), ([-1.0, 1.0], 3 * np.pi / 4)])
def test_a_result_knows_its_robot_and_where_its_task_lies(task, heading) -> None:
    ways = np.stack([positions_of("Ant"), positions_of("Ant")])
    one = {"tasks": np.array([task]), "trajectories": ways[None], "rewards": np.zeros((1, 2, 20))}
    result = replace(three_speeds(), **one, env_steps=np.array([0, 60]), robot="Ant")
    assert [(runner.robot, runner.heading) for runner in runners_of(result)] == [("Ant", pytest.approx(heading))] * 2
    assert "Ant runs" in play(result).summary


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Runner("r", positions_of("Ant")), r"other robots need robot=, such as 'Ant', not \(21, 15\)"),
        (lambda: Runner("r", positions_of("Ant"), robot="Hopper"), r"\[T \+ 1, 6\] for Hopper, not \(21, 15\)"),
        (lambda: Runner("r", positions_of("Ant"), robot="Cat"), "unknown robot 'Cat'; known: Ant, HalfCheetah"),
        (lambda: Runner("r", positions_of("Hopper"), robot="Hopper", heading=1.0), "only Ant and Humanoid can have"),
        (lambda: Runner("r", positions_of("Ant"), robot="Ant", heading=np.nan), "the heading are not finite"),
        (
            lambda: Runner("r", positions_of("Ant"), robot="Ant", goal=(1, 1)),
            "'r' is not a point but Ant: .* not a goal",
        ),
        (lambda: capsules(np.zeros(9), "Ant"), r"Ant has 15 generalised positions \[..., 15\], not \(9,\)"),
        (
            lambda: Player([Runner("r", positions_of(r), robot=r) for r in ("HalfCheetah", "Walker2d")]),
            "HalfCheetah and Walker2d cannot be on one track",
        ),
        (lambda: film(Runner("r", positions_of("Walker2d"), robot="Walker2d")), "only HalfCheetahs can be filmed"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(make, message) -> None:
    with pytest.raises(UsageError, match=message):
        make()
