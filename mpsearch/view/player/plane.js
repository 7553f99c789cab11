// Draws points in the plane, seen from above.

/** The area that contains all paths and goals: [left, right, bottom, top] in m. */
function planeOf(scene) {
  const bounds = [Infinity, -Infinity, Infinity, -Infinity];
  const include = (x, y, r) => [x - r, x + r, y - r, y + r].forEach((edge, n) => {
    bounds[n] = n % 2 ? Math.max(bounds[n], edge) : Math.min(bounds[n], edge);
  });
  for (const { frames, goal, radius } of scene.runners) {
    for (let n = 0; n < frames.length; n += 2) include(frames[n], frames[n + 1], 0.05);
    if (goal) include(...goal, radius);
  }
  return bounds;
}

/** Draws the points, in one plane for all or in one plane for each. */
function drawPlanes(pen, scene, time) {
  const groups = scene.layout === "panels" ? scene.runners.map((runner) => [runner]) : [scene.runners];
  const width = pen.width / groups.length;
  const [left, right, bottom, top] = planeOf(scene);
  const scale = Math.min((width - 90) / (right - left), (pen.height - 70) / (top - bottom)); // px/m
  groups.forEach((group, n) => {
    const middle = [n * width + width / 2 + 16, pen.height / 2 - 4];
    const at = (x, y) => [middle[0] + (x - (left + right) / 2) * scale, middle[1] - (y - (bottom + top) / 2) * scale];
    drawGrid(pen, { x: n * width + 44, y: 12, width: width - 54, height: pen.height - 48 }, at, scale);
    for (const runner of group) if (runner.goal) drawGoal(pen, scene, at(...runner.goal), runner.radius * scale);
    for (const runner of group) drawPoint(pen, scene, runner, at, time, (n + 1) * width);
  });
}

function drawGrid(pen, box, at, scale) {
  const { ctx, colours } = pen;
  const step = niceStep(50 / scale);
  const [x0, y0] = at(0, 0);
  ctx.strokeStyle = colours.soft;
  ctx.lineWidth = 1;
  const mark = (n) => signed(n * step, step < 1 ? 1 : 0);
  const rule = (n, ...xy) => {
    ctx.globalAlpha = n === 0 ? 0.6 : 0.2;
    line(ctx, ...xy);
    ctx.globalAlpha = 1;
  };
  for (let n = Math.ceil((box.x - x0) / scale / step); x0 + n * step * scale <= box.x + box.width; n++) {
    const x = x0 + n * step * scale;
    rule(n, x, box.y, x, box.y + box.height);
    text(pen, mark(n), x, box.y + box.height + 15, { align: "center", size: 11 });
  }
  for (let n = Math.ceil((y0 - box.y - box.height) / scale / step); y0 - n * step * scale >= box.y; n++) {
    const y = y0 - n * step * scale;
    rule(n, box.x, y, box.x + box.width, y);
    text(pen, mark(n), box.x - 6, y + 4, { align: "right", size: 11 });
  }
  text(pen, "x (m)", box.x + box.width / 2, box.y + box.height + 30, { align: "center" });
  text(pen, "y (m)", box.x - 38, box.y + 2);
}

function drawGoal(pen, scene, [x, y], radius) {
  const { ctx, colours } = pen;
  ctx.globalAlpha = 0.12;
  dot(ctx, x, y, radius, colours.ink);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colours.ink;
  ctx.lineWidth = 1.5;
  ctx.setLineDash([5, 4]);
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.stroke();
  ctx.setLineDash([]);
  text(pen, say(scene.said, "goal"), x, y + 0.75 * radius, { align: "center", colour: colours.ink });
}

/** Draws the path so far with a dot at each step, and the runner's sign and name at its place. */
function drawPoint(pen, scene, runner, at, time, edge) {
  const { ctx, colours } = pen;
  const odd = scene.runners.indexOf(runner) % 2; // odd runners have another line style and label position
  const steps = Math.min(stepAt(scene, time), runner.steps);
  const way = [];
  for (let t = 0; t <= steps; t++) way.push(at(runner.frames[2 * t], runner.frames[2 * t + 1]));
  const here = at(value(scene, runner, 0, time), value(scene, runner, 1, time));
  ctx.strokeStyle = runner.colour;
  ctx.lineWidth = 2;
  ctx.setLineDash(odd ? [] : [6, 3]);
  line(ctx, ...way.flat(), ...here);
  ctx.setLineDash([]);
  for (const [x, y] of way) dot(ctx, x, y, 2.4, runner.colour);
  text(pen, runner.glyph, here[0], here[1] + 7, { align: "center", size: 20, colour: runner.colour, halo: true });
  const x = Math.min(here[0] + 13, edge - 8 - 7.5 * runner.name.length); // so that the name stays within the plane
  text(pen, runner.name, x, here[1] + (odd ? 20 : -12), { colour: colours.ink, bold: true, halo: true });
}
