// The cheetah's shape, seen from the side: where its capsules are, given its positions.

/** What drawing needs of a model: its moving bodies and their capsules. Numbers are in m. */
export function shapeOf(model) {
  const bodies = Array.from({ length: model.nbody - 1 }, (_, i) => ({
    parent: model.body_parentid[i + 1] - 1, // -1 for the world
    x: model.body_pos[(i + 1) * 3],
    z: model.body_pos[(i + 1) * 3 + 2],
  }));
  const capsules = [];
  for (let g = 0; g < model.ngeom; g++) {
    const body = model.geom_bodyid[g] - 1;
    if (body < 0) continue; // the floor
    const [w, x, y, z] = model.geom_quat.subarray(g * 4, g * 4 + 4);
    const half = model.geom_size[g * 3 + 1];
    const axis = [2 * (x * z + w * y) * half, (1 - 2 * (x * x + y * y)) * half];
    const centre = [model.geom_pos[g * 3], model.geom_pos[g * 3 + 2]];
    capsules.push({ body, centre, axis, radius: model.geom_size[g * 3] });
  }
  return { bodies, capsules };
}

/** The ends of the capsules at positions [9]: the torso's x, z and pitch, then the angles of the six other bodies. */
export function place({ bodies, capsules }, positions) {
  const places = [];
  bodies.forEach(({ parent, x, z }, i) => {
    if (parent < 0) {
      places.push({ x: x + positions[0], z: z + positions[1], angle: positions[2] });
    } else {
      const [dx, dz] = turn(places[parent].angle, x, z);
      const angle = places[parent].angle + positions[i + 2];
      places.push({ x: places[parent].x + dx, z: places[parent].z + dz, angle });
    }
  });
  return capsules.map(({ body, centre, axis, radius }) => {
    const [cx, cz] = turn(places[body].angle, ...centre);
    const [ax, az] = turn(places[body].angle, ...axis);
    const [x, z] = [places[body].x + cx, places[body].z + cz];
    return { x1: x - ax, z1: z - az, x2: x + ax, z2: z + az, radius };
  });
}

/** Turns (x, z) by an angle about the y axis, which points into the picture. */
function turn(angle, x, z) {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [c * x + s * z, c * z - s * x];
}
