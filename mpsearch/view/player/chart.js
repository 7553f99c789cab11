// Draws the chart: quantities over time, as far as the runners have come.

const CHART = 170; // px; its height

/** Returns the value of numbers [T + 1] at `time`, interpolated by a line. */
function along(numbers, scene, time) {
  const u = clamp(time / scene.dt, 0, numbers.length - 1);
  const i = Math.min(Math.floor(u), numbers.length - 2);
  return numbers[i] + (u - i) * (numbers[i + 1] - numbers[i]);
}

/** Returns the curve's value at the last step before `time`, with its band, as text. */
function reading(curve, scene, time) {
  const step = Math.min(stepAt(scene, time), curve.values.length - 1);
  const words = signed(curve.values[step], 2);
  if (!curve.band) return words;
  const [low, high] = curve.band.map((edge) => signed(edge[step], 2));
  return say(scene.said, "{value} ({low} to {high})", { value: words, low, high });
}

/** Returns the points of numbers [T + 1] from the start to `time`, in px. */
function pointsOf(numbers, scene, time, x, y) {
  const points = numbers.slice(0, stepAt(scene, time) + 1).map((number, step) => [x(step * scene.dt), y(number)]);
  return [...points, [x(time), y(along(numbers, scene, time))]];
}

/** Draws the axes of the chart with ticks at round numbers. */
function drawAxes(pen, scene, plot, x, y) {
  const { ctx, colours } = pen;
  const [low, high] = scene.chart.limits;
  const rise = niceStep((high - low) / 5);
  const step = niceStep(scene.duration / 10);
  ctx.strokeStyle = colours.soft;
  ctx.lineWidth = 1;
  for (let n = Math.ceil(low / rise); n * rise <= high; n++) {
    ctx.globalAlpha = 0.25;
    line(ctx, plot.left, y(n * rise), plot.right, y(n * rise));
    ctx.globalAlpha = 1;
    text(pen, signed(n * rise, rise < 1 ? 1 : 0), plot.left - 6, y(n * rise) + 4, { align: "right", size: 11 });
  }
  for (let n = 0; n * step <= scene.duration + 1e-6; n++) {
    line(ctx, x(n * step), plot.bottom, x(n * step), plot.bottom + 4);
    text(pen, `${signed(n * step, step < 1 ? 1 : 0)} s`, x(n * step), plot.bottom + 16, { align: "center", size: 11 });
  }
  line(ctx, plot.left, plot.bottom, plot.right, plot.bottom);
  text(pen, scene.chart.label, plot.left, plot.top - 8, { size: 11 });
}

/** Draws a curve and its band from the start to `time`, and a dot at its end. */
function drawCurve(pen, scene, curve, time, x, y) {
  const { ctx } = pen;
  const colour = curve.colour ?? pen.colours.ink;
  const path = pointsOf(curve.values, scene, time, x, y);
  if (curve.band) {
    const [low, high] = curve.band.map((edge) => pointsOf(edge, scene, time, x, y));
    ctx.beginPath();
    for (const point of [...low, ...high.reverse()]) ctx.lineTo(...point);
    Object.assign(ctx, { fillStyle: colour, globalAlpha: 0.25 });
    ctx.fill();
    ctx.globalAlpha = 1;
  }
  Object.assign(ctx, { strokeStyle: colour, lineWidth: 2 });
  ctx.setLineDash(curve.dashed ? [6, 4] : []);
  line(ctx, ...path.flat());
  ctx.setLineDash([]);
  dot(ctx, ...path.at(-1), 3.5, colour);
}

/** Draws the chart in `box` with a line that marks `time`. */
function drawChart(pen, scene, box, time) {
  const { ctx, colours } = pen;
  const plot = { left: box.x + 40, right: box.x + box.width - 16, top: box.y + 24, bottom: box.y + box.height - 22 };
  const [low, high] = scene.chart.limits;
  const x = (seconds) => plot.left + (seconds / scene.duration) * (plot.right - plot.left);
  const y = (number) => plot.bottom - ((number - low) / (high - low)) * (plot.bottom - plot.top);
  drawAxes(pen, scene, plot, x, y);
  ctx.strokeStyle = colours.soft;
  line(ctx, x(time), plot.top, x(time), plot.bottom);
  for (const curve of scene.chart.curves) drawCurve(pen, scene, curve, time, x, y);
}
