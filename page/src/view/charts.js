// The charts: belief and speed over the last seconds, the gradient step, and returns against environment steps.

import { line, pen, signed, text } from "./canvas.js";

const MARGIN = { left: 44, right: 12, top: 8, bottom: 28 };
const SECONDS = 10;

/** Draws axes for x in [0, 1] of the width and y in `range`, and returns the functions from values to pixels. */
function axes({ ctx, width, height, colours }, range, ticks) {
  const [low, high] = range;
  const bottom = height - MARGIN.bottom;
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top);
  const x = (share) => MARGIN.left + share * (width - MARGIN.left - MARGIN.right);
  for (const tick of ticks) {
    line(ctx, [[x(0), y(tick)], [x(1), y(tick)]], { colour: colours.faint });
    text(ctx, signed(tick, Number.isInteger(tick) ? 0 : 1), x(0) - 6, y(tick) + 4, { colour: colours.soft, align: "right" });
  }
  return { x, y };
}

/** Numbers with round distances that cover [low, high]. */
export function ticksOf(low, high, count = 4) {
  const raw = (high - low) / count || 1;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * ten).find((value) => value >= raw);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

function timeAxis(tools, x) {
  for (const ago of [10, 5, 0]) {
    const words = ago ? `−${ago} s` : "0";
    text(tools.ctx, words, x(1 - ago / SECONDS), tools.height - 6, { colour: tools.colours.soft, align: "center" });
  }
}

/** The belief: a lane for each latent number, with its mean as a line in a band of one standard deviation. */
export function drawBelief(canvas, frames) {
  const tools = pen(canvas);
  if (!tools || !frames.length) return;
  const { ctx, colours, height } = tools;
  const now = frames.at(-1).time;
  const { x } = axes(tools, [0, 1], []);
  timeAxis(tools, x);
  const count = frames[0].belief.mean.length;
  const lane = (height - MARGIN.bottom - MARGIN.top) / count;
  for (let i = 0; i < count; i++) {
    const middle = MARGIN.top + (i + 0.5) * lane;
    const y = (value) => middle - (Math.max(-2.5, Math.min(2.5, value)) / 2.5) * (lane / 2 - 2);
    line(ctx, [[x(0), middle], [x(1), middle]], { colour: colours.faint });
    text(ctx, `z${"₁₂₃₄₅₆₇₈₉"[i] ?? i + 1}`, x(0) - 8, middle + 4, { colour: colours.soft, align: "right" });
    const at = frames.map(({ time, belief }) => [x(1 - (now - time) / SECONDS), belief.mean[i], belief.std[i]]);
    const upper = at.map(([px, mean, std]) => [px, y(mean + std)]);
    const lower = at.map(([px, mean, std]) => [px, y(mean - std)]).reverse();
    ctx.save();
    Object.assign(ctx, { fillStyle: colours.pearl, globalAlpha: 0.25 });
    ctx.beginPath();
    for (const [px, py] of [...upper, ...lower]) ctx.lineTo(px, py);
    ctx.fill();
    ctx.restore();
    line(ctx, at.map(([px, mean]) => [px, y(mean)]), { colour: colours.pearl });
  }
}

/** The speed as a line, the wanted speed or sign of it as dashes. */
export function drawSpeed(canvas, frames, family) {
  const tools = pen(canvas);
  if (!tools || !frames.length) return;
  const range = family === "velocity" ? [-1, 4] : [-12, 12];
  const now = frames.at(-1).time;
  const { x, y } = axes(tools, range, family === "velocity" ? [-1, 0, 1, 2, 3, 4] : [-10, -5, 0, 5, 10]);
  timeAxis(tools, x);
  const at = ({ time }) => x(1 - (now - time) / SECONDS);
  const inside = (value) => y(Math.max(range[0], Math.min(range[1], value)));
  const { ctx, colours } = tools;
  if (family === "velocity") {
    line(ctx, frames.map((frame) => [at(frame), inside(frame.task)]), { colour: colours.wanted, dash: [6, 5] });
  } else {
    const arrow = frames.at(-1).task > 0 ? "▲" : "▼";
    text(ctx, arrow, x(1) - 4, frames.at(-1).task > 0 ? y(11) + 8 : y(-11), { colour: colours.wanted, align: "right" });
  }
  line(ctx, frames.map((frame) => [at(frame), inside(frame.speed)]), { colour: colours.pearl, width: 2 });
}

/** A bar for each part of the network: the length of its change in a gradient step. */
export function drawGradient(canvas, moved) {
  const tools = pen(canvas);
  if (!tools || !moved) return;
  const { ctx, width, height, colours } = tools;
  const entries = Object.entries(moved);
  const most = Math.max(...entries.map(([, length]) => length));
  const row = (height - 8) / entries.length;
  entries.forEach(([name, length], i) => {
    const y = 4 + i * row;
    text(ctx, name, 108, y + row / 2 + 4, { colour: colours.soft, align: "right" });
    ctx.fillStyle = colours.maml;
    ctx.fillRect(116, y + 3, Math.max(1, ((width - 180) * length) / most), row - 6);
    text(ctx, length.toFixed(3), 122 + ((width - 180) * length) / most, y + row / 2 + 4, { colour: colours.ink });
  });
}

/** Returns against environment steps, for both methods: `{pearl, maml}` with points [steps, return]. */
export function drawReturns(canvas, { pearl, maml, spread }, nothing) {
  const tools = pen(canvas);
  if (!tools) return;
  const { ctx, width, height, colours } = tools;
  const all = [...pearl, ...maml, ...spread].map(([, value]) => value);
  const [low, high] = all.length ? [Math.min(...all, 0), Math.max(...all, 0)] : [-1, 1];
  const room = 0.08 * (high - low || 1);
  const { x, y } = axes(tools, [low - room, high + room], all.length ? ticksOf(low, high) : []);
  const share = (steps) => (steps <= 0 ? 0.03 : 0.12 + 0.86 * (Math.log10(Math.max(steps, 100) / 100) / Math.log10(200)));
  for (const steps of [0, 200, 1000, 4000, 12000]) {
    const px = x(share(steps));
    line(ctx, [[px, MARGIN.top], [px, height - MARGIN.bottom]], { colour: colours.faint });
    text(ctx, steps.toLocaleString("en"), px, height - 6, { colour: colours.soft, align: "center" });
  }
  const point = ([steps, value]) => [x(share(steps)), y(value)];
  for (const each of spread) dot(ctx, point(each), 2, colours.maml, 0.4);
  line(ctx, maml.map(point), { colour: colours.maml });
  for (const each of maml) square(ctx, point(each), 4, colours.maml);
  line(ctx, pearl.map(point), { colour: colours.pearl });
  for (const each of pearl) dot(ctx, point(each), 4, colours.pearl, 1);
  text(ctx, "● PEARL", width - 16, MARGIN.top + 12, { colour: colours.pearl, align: "right" });
  text(ctx, "■ MAML", width - 16, MARGIN.top + 28, { colour: colours.maml, align: "right" });
  if (!all.length) text(ctx, nothing, width / 2, height / 2, { colour: colours.soft, align: "center" });
}

function dot(ctx, [x, y], radius, colour, alpha) {
  ctx.save();
  Object.assign(ctx, { fillStyle: colour, globalAlpha: alpha });
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
  ctx.restore();
}

function square(ctx, [x, y], half, colour) {
  ctx.fillStyle = colour;
  ctx.fillRect(x - half, y - half, 2 * half, 2 * half);
}
