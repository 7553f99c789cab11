// The state of the scene at a time, and functions to draw. Python joins the player's files, this one after what all
// scripts share, into one ES module.

const STRIDE = 0.5; // s; velocities are averaged over this time, which is about one stride

const damaged = (meta) =>
  say(meta?.said, "The player has nothing to draw: its trajectory is missing or damaged. Run the cell again.");

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const smooth = (value, low, high) => {
  const t = clamp((value - low) / (high - low), 0, 1);
  return t * t * (3 - 2 * t);
};
const signed = (value, digits) => value.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");

/** Returns the runners of `meta` with their numbers from `view`, a DataView. Throws an Error if they do not fit. */
function decode(meta, view) {
  if (!meta?.runners?.length || !(view?.byteLength > 0) || view.byteLength % 4) throw new Error(damaged(meta));
  const numbers = new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  let at = 0;
  const runners = meta.runners.map((runner) => {
    const frames = numbers.subarray(at, (at += (runner.steps + 1) * meta.width));
    const rewards = numbers.subarray(at, (at += runner.rewards ? runner.steps : 0));
    let total = 0;
    const returns = runner.rewards ? [0, ...Array.from(rewards, (reward) => (total += reward))] : null;
    return { ...runner, frames, returns };
  });
  if (at !== numbers.length || !numbers.every(Number.isFinite)) throw new Error(damaged(meta));
  return { ...meta, runners, duration: meta.dt * Math.max(...runners.map((runner) => runner.steps)) };
}

/** Returns number `column` of the runner's frame at `time`, interpolated by a spline for robots, a line for points. */
function value(scene, runner, column, time) {
  const u = clamp(time / scene.dt, 0, runner.steps);
  const i = Math.min(Math.floor(u), runner.steps - 1);
  const f = u - i;
  const p = (n) => runner.frames[clamp(n, 0, runner.steps) * scene.width + column];
  const [b, c] = [p(i), p(i + 1)];
  if (!scene.robot) return b + f * (c - b);
  const [a, d] = [i > 0 ? p(i - 1) : 2 * b - c, i + 2 <= runner.steps ? p(i + 2) : 2 * c - b];
  return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a))); // a Catmull-Rom spline
}

const torso = (scene, runner, time) => value(scene, runner, 0, time);
const ghostAt = (runner, time) => runner.frames[0] + runner.target * time;

function velocity(scene, runner, time) {
  const end = clamp(time, scene.dt, runner.steps * scene.dt);
  const start = Math.max(0, end - STRIDE);
  return (torso(scene, runner, end) - torso(scene, runner, start)) / (end - start);
}

/** Returns the number of control steps done at `time`. */
const stepAt = (scene, time) => Math.floor(time / scene.dt + 1e-6);

/** Returns the numbers beside a runner's name at `time`, as text. */
function scores(scene, runner, time) {
  const step = Math.min(stepAt(scene, time), runner.steps);
  const gained = runner.returns ? signed(runner.returns[step], 1) : "–";
  const place = (column) => value(scene, runner, column, time);
  if (scene.robot) {
    const way = place(0) - runner.frames[0];
    return [`${signed(way, 1)} m`, `${signed(velocity(scene, runner, time), 1)} m/s`, gained];
  }
  const [x, y] = runner.goal ?? [runner.frames[0], runner.frames[1]];
  return [`${Math.hypot(place(0) - x, place(1) - y).toFixed(2)} m`, gained];
}

function line(ctx, ...xy) {
  ctx.beginPath();
  for (let n = 0; n < xy.length; n += 2) ctx.lineTo(xy[n], xy[n + 1]);
  ctx.stroke();
}

function text(pen, words, x, y, how = {}) {
  const { align = "left", size = 12, colour = pen.colours.soft, bold = false, halo = false } = how;
  const { ctx } = pen;
  ctx.font = `${bold ? "600 " : ""}${size}px ${pen.font}`;
  ctx.textAlign = align;
  if (halo) {
    ctx.save();
    Object.assign(ctx, { strokeStyle: pen.colours.paper, lineWidth: 4, lineJoin: "round", globalAlpha: 0.85 });
    ctx.strokeText(words, x, y);
    ctx.restore();
  }
  ctx.fillStyle = colour;
  ctx.fillText(words, x, y);
}

function dot(ctx, x, y, radius, colour) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = colour;
  ctx.fill();
}
