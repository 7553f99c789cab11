import assert from "node:assert/strict";
import { test } from "node:test";
import { Cheetah } from "../src/physics.js";
import { gaussian, uniform } from "../src/policies/random.js";
import { place, shapeOf } from "../src/shape.js";
import { loadModel } from "./fixtures.js";

test("the capsules are where MuJoCo has them", async () => {
  const { mujoco, model } = await loadModel();
  const cheetah = new Cheetah(mujoco, model);
  const draw = uniform(0);
  cheetah.reset(draw, gaussian(draw));
  const drawn = place(shapeOf(model), cheetah.position);
  const centres = drawn.map(({ x1, z1, x2, z2 }) => [(x1 + x2) / 2, (z1 + z2) / 2]);
  const places = cheetah.data.geom_xpos;
  const axes = cheetah.data.geom_xmat;
  assert.equal(drawn.length, model.ngeom - 1);
  drawn.forEach(({ x1, z1, x2, z2 }, i) => {
    const g = i + 1; // the floor is the first
    const half = model.geom_size[g * 3 + 1];
    assert.ok(Math.abs(centres[i][0] - places[g * 3]) < 1e-9);
    assert.ok(Math.abs(centres[i][1] - places[g * 3 + 2]) < 1e-9);
    assert.ok(Math.abs(x2 - x1 - 2 * half * axes[g * 9 + 2]) < 1e-9);
    assert.ok(Math.abs(z2 - z1 - 2 * half * axes[g * 9 + 8]) < 1e-9);
  });
  cheetah.close();
});
