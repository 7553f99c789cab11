// What all drawings share: a canvas of the right size, and the page's colours.

/** Returns a pen for a canvas, cleared: `{ctx, width, height, colours}` in CSS pixels; null if it has no room. */
export function pen(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (width < 40 || height < 40) return null;
  const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = "12px system-ui, sans-serif";
  ctx.lineCap = ctx.lineJoin = "round";
  return { ctx, width, height, colours: colours() };
}

const NAMES = ["ink", "soft", "paper", "line", "faint", "pearl", "maml", "wanted", "body"];
let known;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (known = undefined));

function colours() {
  if (!known) {
    const style = getComputedStyle(document.documentElement);
    known = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }
  return known;
}

/** Draws a line through points [x, y]. */
export function line(ctx, points, { colour, width = 1.5, dash = [], alpha = 1 }) {
  ctx.save();
  Object.assign(ctx, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha });
  ctx.setLineDash(dash);
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(x, y);
  ctx.stroke();
  ctx.restore();
}

export function text(ctx, words, x, y, { colour, align = "left" }) {
  ctx.fillStyle = colour;
  ctx.textAlign = align;
  ctx.fillText(words, x, y);
}

/** A number with a real minus sign. */
export const signed = (value, digits = 0) => value.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
