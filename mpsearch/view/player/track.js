// Draws robots on their track, with ghosts, labels and the camera.

const STRIP = 34; // px; the height of the overview of the whole track at the bottom
const LANE = 15; // px between two lanes of a race
const ROW = 19; // px between two labels

/** Returns the distinct ghosts of some runners. */
const ghostsOf = (runners) => runners.filter(
  (runner, n) => runner.target !== null && runners.findIndex((r) => r.target === runner.target) === n);

/** Returns the ends of the whole track in m, which contains every runner and ghost at all times. */
function trackOf(scene) {
  let [low, high] = [Infinity, -Infinity];
  for (const runner of scene.runners) {
    const xs = [];
    for (let t = 0; t <= runner.steps; t++) xs.push(runner.frames[t * scene.width]);
    if (runner.target !== null) xs.push(ghostAt(runner, scene.duration));
    [low, high] = [Math.min(low, ...xs), Math.max(high, ...xs)];
  }
  return [low - 1, high + 1];
}

/** Returns a camera {centre (m), scale (px/m)} that follows `focus` (m) and zooms out to show near `others`. */
function follow(focus, others, width, closest) {
  const far = width / 60;
  const ways = others.map((x) => (x - focus) * (1 - smooth(Math.abs(x - focus), 0.6 * far, far)));
  const [low, high] = [Math.min(0, ...ways), Math.max(0, ...ways)];
  return { centre: focus + (low + high) / 2, scale: Math.min(closest, width / (high - low + 3)) };
}

const niceStep = (least) => [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200].find((step) => step >= least) ?? 500;

/** Draws the ground from `back` to `front` px: bands of at least a metre that show the motion, ticks, the start. */
function drawGround(pen, scene, box, camera, back, front) {
  const { ctx, colours } = pen;
  const step = niceStep(95 / camera.scale);
  const at = (x) => box.x + box.width / 2 + (x - camera.centre) * camera.scale;
  const half = box.width / 2 / camera.scale;
  const edge = front + 6;
  ctx.fillStyle = ctx.strokeStyle = colours.soft;
  ctx.lineWidth = 1;
  for (let n = Math.floor((camera.centre - half) / step); n * step < camera.centre + half; n++) {
    ctx.globalAlpha = n % 2 ? 0.1 : 0.22;
    ctx.fillRect(at(n * step), back, step * camera.scale, edge - back);
    ctx.globalAlpha = 1;
    line(ctx, at(n * step), edge, at(n * step), edge + 4);
    if (Math.abs(at(n * step) - box.x - box.width / 2) > box.width / 2 - 18) continue; // so that no number is cut off
    text(pen, `${signed(n * step, step < 1 ? 1 : 0)} m`, at(n * step), edge + 16, { align: "center", size: 11 });
  }
  line(ctx, box.x, back + 0.5, box.x + box.width, back + 0.5);
  ctx.lineWidth = 2;
  line(ctx, at(0), back - 26, at(0), edge);
  text(pen, say(scene.said, "start"), at(0) - 4, back - 18, { align: "right", size: 11 });
}

/** Draws a robot with its torso at `x` px and the floor at `y` px; `end(capsule, side, axis)` is in m.
 * The capsules in `faded` are hollow. */
function drawRobot(pen, scene, end, x, y, scale, colour, ghost = false, faded = []) {
  const { ctx, colours } = pen;
  const side = (part, n) => [x + end(part, n, 0) * scale, y - end(part, n, 1) * scale];
  const layer = (share, extra, shade, shown = () => true) => { // one stroke for each thickness, so that joints do not show through
    ctx.strokeStyle = shade;
    for (const radius of new Set(scene.radii)) {
      ctx.beginPath();
      scene.radii.forEach((other, part) => {
        if (other !== radius || !shown(part)) return;
        ctx.moveTo(...side(part, 0));
        ctx.lineTo(...side(part, 1));
      });
      ctx.lineWidth = 2 * radius * scale * share + extra;
      ctx.stroke();
    }
  };
  const width = 2 * Math.min(...scene.radii) * scale;
  ctx.save();
  ctx.lineCap = "round";
  if (ghost) ctx.globalAlpha = 0.28;
  else layer(1, 4, colours.paper); // separates it from robots behind it
  layer(1, 0, colour);
  layer(0.55, 0, colours.paper, (part) => faded.includes(part));
  if (!ghost) {
    ctx.translate(0, -0.22 * width);
    layer(0.3, 0, "rgba(255, 255, 255, 0.28)"); // light from above
    ctx.translate(0, 0.22 * width);
    if (scene.head !== null) dot(ctx, ...side(scene.head, 1), 0.24 * width, colours.paper); // the eye
  }
  ctx.restore();
}

const targetOf = (scene, runner) => say(scene.said, "target {speed} m/s", { speed: signed(runner.target, 2) });

/** Draws robots on one track, in `box`; `camera` is {centre, scale}. */
function drawTrack(pen, scene, runners, box, camera, time, smallest) {
  const { ctx, colours } = pen;
  const floor = (n) => box.y + box.height - 26 - LANE * (runners.length - 1 - n);
  const figure = Math.max(camera.scale, smallest); // px/m of the robots; visible even on a long track
  const at = (x) => box.x + box.width / 2 + (x - camera.centre) * camera.scale;
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.x, box.y, box.width, box.height);
  ctx.clip();
  drawGround(pen, scene, box, camera, floor(0), floor(runners.length - 1));
  ghostsOf(runners).forEach((runner, n) => {
    const x = at(ghostAt(runner, time));
    const standing = (part, side, axis) => scene.standing[4 * part + 2 * side + axis];
    drawRobot(pen, scene, standing, x, floor(runners.length - 1), figure, colours.ink, true);
    label(pen, box, runners.length + n, x, targetOf(scene, runner), "◌");
  });
  runners.forEach((runner, n) => {
    const x = at(torso(scene, runner, time));
    const end = (part, side, axis) => value(scene, runner, 1 + 4 * part + 2 * side + axis, time);
    drawRobot(pen, scene, end, x, floor(n), figure, runner.colour, false, runner.faded);
    label(pen, box, n, x, runner.name, runner.glyph, runner.colour, floor(n) - figure * (0.4 + end(0, 0, 1)));
  });
  ctx.restore();
  const below = box.y + 16 + ROW * (runners.length + ghostsOf(runners).length);
  const note = say(scene.said, "runners drawn larger than the track");
  if (figure > camera.scale * 1.3) text(pen, note, box.x + box.width - 8, below, { align: "right", size: 11 });
}

/** Draws the name of a runner at `x` px in row `n` from the top, or at the edge with an arrow if it is outside. */
function label(pen, box, n, x, name, glyph, colour = pen.colours.ink, until = 0) {
  const { ctx, colours } = pen;
  const words = x < box.x ? `◀ ${name}` : x > box.x + box.width ? `${name} ▶` : name;
  ctx.font = `600 12px ${pen.font}`;
  const width = ctx.measureText(words).width + 20;
  const left = clamp(x - width / 2, box.x + 6, Math.max(box.x + 6, box.x + box.width - width - 6));
  const y = box.y + 16 + ROW * n;
  ctx.strokeStyle = colours.soft;
  ctx.lineWidth = 1;
  ctx.globalAlpha = 0.5;
  if (until > y + 8 && x > box.x && x < box.x + box.width) line(ctx, x, y + 5, x, until);
  ctx.globalAlpha = 1;
  text(pen, glyph, left, y, { size: 13, colour, halo: true });
  text(pen, words, left + 16, y, { colour: colours.ink, bold: true, halo: true });
}

/** Draws the overview of the whole track: where all runners are, and which part the camera shows. */
function drawStrip(pen, scene, cameras, box, time) {
  const { ctx, colours } = pen;
  const [low, high] = scene.track;
  const at = (x) => box.x + 30 + ((x - low) / (high - low)) * (box.width - 60);
  const y = box.y + 13;
  ctx.strokeStyle = ctx.fillStyle = colours.soft;
  ctx.lineWidth = 1;
  for (const { centre, scale } of cameras) {
    const half = box.width / 2 / scale;
    const [left, right] = [at(Math.max(low, centre - half)), at(Math.min(high, centre + half))];
    ctx.globalAlpha = 0.14;
    if (right > left) ctx.fillRect(left, y - 9, right - left, 18);
    ctx.globalAlpha = 1;
  }
  line(ctx, at(low), y + 0.5, at(high), y + 0.5);
  const step = niceStep(((high - low) / (box.width - 60)) * 80);
  for (let n = Math.ceil(low / step); n * step <= high; n++) {
    line(ctx, at(n * step), y, at(n * step), y + 5);
    text(pen, signed(n * step, step < 1 ? 1 : 0), at(n * step), y + 18, { align: "center", size: 10 });
  }
  const mark = (sign, x, colour) => text(pen, sign, at(x), y + 5, { align: "center", size: 14, colour });
  for (const runner of ghostsOf(scene.runners)) mark("◌", ghostAt(runner, time), colours.ink);
  for (const runner of scene.runners) mark(runner.glyph, torso(scene, runner, time), runner.colour);
}

/** Draws robots on one track with lanes, or in one panel each, above the overview of the whole track. */
function drawRobots(pen, scene, time, choice) {
  const { width } = pen;
  const groups = scene.layout === "panels" ? scene.runners.map((runner) => [runner]) : [scene.runners];
  const height = (pen.height - STRIP) / groups.length;
  const rows = groups[0].length + ghostsOf(groups[0]).length; // the number of labels
  const room = height - 26 - ROW * rows - LANE * (groups[0].length - 1) - 8;
  const closest = Math.min(room / scene.height, width / 4.5); // px/m
  const [low, high] = scene.track;
  const all = { centre: (low + high) / 2, scale: Math.min(closest, width / (high - low + 2)) };
  const cameras = groups.map((group) => {
    const places = group.map((runner) => torso(scene, runner, time));
    const ghosts = ghostsOf(group).map((runner) => ghostAt(runner, time));
    return choice === "all" ? all : follow(places[choice], [...places, ...ghosts], width, closest);
  });
  const smallest = Math.min(closest, 64);
  groups.forEach((group, n) => {
    const box = { x: 0, y: n * height, width, height };
    drawTrack(pen, scene, group, box, cameras[n], time, smallest);
  });
  drawStrip(pen, scene, choice === "all" ? [] : cameras, { x: 0, y: pen.height - STRIP, width }, time);
}
