// The cheetahs and their ground, seen from the side.

import { place } from "../shape.js";
import { line, pen, text } from "./canvas.js";

const SCALE = { most: 105, least: 9 }; // pixels a metre
const GROUND = 38; // pixels of it that are shown
const HEIGHT = 1.9; // m above the ground that are shown

/** Draws runners `{positions [9], colour, alpha, label}`, with names of colours; the camera stands at x = `centre` and shows `span` m. */
export function drawScene(canvas, shape, runners, { centre, span = 0, tilt = 0 }) {
  const tools = pen(canvas);
  if (!tools) return;
  const { ctx, width, height, colours } = tools;
  const fit = Math.min(SCALE.most, (height - GROUND) / HEIGHT);
  const scale = Math.max(SCALE.least, Math.min(fit, width / (span + 3)));
  const floor = height - GROUND;
  const at = (x, z) => [width / 2 + (x - centre) * scale, floor - z * scale];
  ctx.save();
  ctx.translate(width / 2, floor);
  ctx.rotate((-tilt * Math.PI) / 180);
  ctx.translate(-width / 2, -floor);
  drawGround(ctx, { width, floor, centre, scale, colours });
  for (const runner of runners) {
    drawRunner(ctx, place(shape, runner.positions), at, scale, { ...runner, colour: colours[runner.colour] });
  }
  ctx.restore();
  runners
    .filter(({ label }) => label)
    .forEach(({ label, colour }, i) => text(ctx, label, 10, 18 + 17 * i, { colour: colours[colour] }));
}

function drawGround(ctx, { width, floor, centre, scale, colours }) {
  const half = width / 2 / scale + 2;
  const [left, right] = [-width, 2 * width];
  line(ctx, [[left, floor], [right, floor]], { colour: colours.line, width: 2 });
  const each = scale > 40 ? 1 : 5;
  for (let x = Math.ceil((centre - half) / each) * each; x <= centre + half; x += each) {
    const px = width / 2 + (x - centre) * scale;
    line(ctx, [[px, floor], [px, floor + (x % 5 ? 5 : 10)]], { colour: colours.line });
    if (x % 5 === 0) text(ctx, `${x} m`.replace("-", "−"), px, floor + 24, { colour: colours.soft, align: "center" });
  }
}

function drawRunner(ctx, capsules, at, scale, { colour, alpha = 1 }) {
  ctx.save();
  ctx.globalAlpha = alpha;
  for (const { x1, z1, x2, z2, radius } of capsules) {
    line(ctx, [at(x1, z1), at(x2, z2)], { colour, alpha, width: Math.max(2, 2 * radius * scale) });
  }
  ctx.restore();
}
