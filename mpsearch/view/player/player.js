// The controls, the clock and the canvas. The files that are joined before this one draw the parts.

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const HEIGHTS = { race: 240, panel: 170, plane: 360 }; // px
const keysOf = (scene) =>
  say(scene.said, "Space plays or pauses, arrow keys move by a step, with Shift by twenty, Home and End go to the ends.");

const select = (name, choices, chosen) => {
  const options = choices.map(([value, words]) => make("option", { value }, words));
  const node = make("select", { "aria-label": name, title: name }, ...options);
  node.value = chosen;
  return node;
};

/** Returns the table of names and scores, and its cells in the order of `scores`. */
function buildTable(scene) {
  const toGoal = scene.runners.some((runner) => runner.goal);
  const place = toGoal ? say(scene.said, "to the goal") : say(scene.said, "from the start");
  const moved = scene.robot ? [say(scene.said, "distance"), say(scene.said, "velocity")] : [place];
  const columns = [...moved, say(scene.said, "return")];
  const cells = scene.runners.map(() => columns.map(() => make("td")));
  const names = scene.runners.map((runner) => {
    const sign = make("span", { "aria-hidden": "true" }, `${runner.glyph} `);
    sign.style.color = runner.colour;
    return make("th", { scope: "row" }, sign, runner.name);
  });
  const head = make("tr", {}, ...[say(scene.said, "runner"), ...columns].map((column) => make("th", { scope: "col" }, column)));
  const rows = names.map((name, n) => make("tr", {}, name, ...cells[n]));
  const body = [make("thead", {}, head), make("tbody", {}, ...rows)];
  const table = make("table", { "aria-label": say(scene.said, "Where each runner is at this time") }, ...body);
  return [make("div", { class: "mps-scores" }, table), cells];
}

/** Returns the chart's legend, with room for the values at the present time, and the elements of these values. */
function buildLegend(scene) {
  const curves = scene.chart?.curves ?? [];
  const name = say(scene.said, "The chart's curves at this time");
  const values = curves.map(() => make("span", { class: "mps-value" }));
  const items = curves.map((curve, n) => {
    const sign = make("span", { class: "mps-line", "aria-hidden": "true" });
    sign.style.borderTop = `3px ${curve.dashed ? "dashed" : "solid"} ${curve.colour ?? "currentColor"}`;
    return make("li", {}, sign, say(scene.said, "{name}: ", { name: curve.name }), values[n]);
  });
  return [make("ul", { class: "mps-legend", "aria-label": name }, ...items), values];
}

/** Creates the player's elements, in the order of the page. */
function build(scene) {
  const [table, cells] = buildTable(scene);
  const [legend, values] = buildLegend(scene);
  const single = scene.layout === "panels" || scene.runners.length === 1;
  const follow = (runner, n) => [n, say(scene.said, "follow {name}", { name: runner.name })];
  const follows = single ? [[0, say(scene.said, "follow")]] : scene.runners.map(follow);
  const ui = {
    canvas: make("canvas", { role: "img", "aria-label": scene.summary }),
    play: make("button", { type: "button" }, say(scene.said, "▶ Play")),
    slider: make("input", { type: "range", min: 0, max: scene.duration, step: "any", "aria-label": say(scene.said, "Time") }),
    time: make("span", { class: "mps-time" }),
    speed: select(say(scene.said, "Speed"), SPEEDS.map((speed) => [speed, `${speed}×`]), 1),
    camera: select(say(scene.said, "Camera"), [...follows, ["all", say(scene.said, "whole track")]], follows.length - 1),
    cells,
    values,
  };
  const tools = [ui.play, ui.slider, ui.time, ui.speed, ...(scene.robot ? [ui.camera] : [])];
  const bar = make("div", { class: "mps-bar" }, ...tools);
  const title = scene.title ? [make("div", { class: "mps-title" }, scene.title)] : [];
  const parts = [...title, table, ui.canvas, ...(scene.chart ? [legend] : []), bar];
  ui.root = make("div", { class: "mps-player", role: "group", tabindex: 0 }, ...parts);
  ui.root.setAttribute("aria-label", [say(scene.said, "Player."), scene.title && say(scene.said, "{title}.", { title: scene.title }), keysOf(scene)].filter(Boolean).join(" "));
  ui.root.dataset.lmSuppressShortcuts = "true"; // otherwise JupyterLab uses the arrow keys in command mode
  return ui;
}

const heightOf = ({ robot, layout, runners, chart }) => {
  const below = chart ? CHART : 0;
  if (!robot) return HEIGHTS.plane + below;
  const race = HEIGHTS.race + (LANE + ROW) * (runners.length - 1);
  return (layout === "panels" ? HEIGHTS.panel * runners.length : race) + STRIP + below;
};

/** Returns a pen with the canvas's size in CSS pixels and the page's present colours; null while it has no size. */
function penOf(ui, height) {
  const [width, ratio] = [ui.canvas.clientWidth, window.devicePixelRatio || 1];
  if (!width) return null;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (ui.canvas.width !== w || ui.canvas.height !== h) Object.assign(ui.canvas, { width: w, height: h });
  const style = getComputedStyle(ui.root);
  const [ink, soft, paper] = ["ink", "soft", "paper"].map((name) => style.getPropertyValue(`--mps-${name}`).trim());
  const ctx = ui.canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, colours: { ink, soft, paper }, font: style.fontFamily, width, height };
}

function draw(pen, scene, time, choice) {
  const above = { ...pen, height: pen.height - (scene.chart ? CHART : 0) };
  if (scene.robot) drawRobots(above, scene, time, choice);
  else drawPlanes(above, scene, time);
  if (scene.chart) drawChart(pen, scene, { x: 0, y: above.height, width: pen.width, height: CHART }, time);
}

/** Creates one player in `el`; returns the function that removes it. */
function start(scene, el) {
  scene.track = scene.robot ? trackOf(scene) : null;
  const [ui, height, ending] = [build(scene), heightOf(scene), new AbortController()];
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let [time, playing, last, frame] = [still ? scene.duration : 0, false, 0, 0];
  ui.canvas.style.height = `${height}px`;
  el.append(ui.root);

  const clock = () => {
    const [now, end] = [time, scene.duration];
    if (scene.robot) return say(scene.said, "{time} of {end} s", { time: now.toFixed(2), end: end.toFixed(2) });
    return say(scene.said, "step {step} of {end}", { step: stepAt(scene, now), end: stepAt(scene, end) });
  };
  const paint = () => {
    const pen = penOf(ui, height);
    if (pen) draw(pen, scene, time, ui.camera.value);
    scene.runners.forEach((runner, n) => {
      scores(scene, runner, time).forEach((words, c) => { ui.cells[n][c].textContent = words; });
    });
    scene.chart?.curves.forEach((curve, n) => { ui.values[n].textContent = reading(curve, scene, time); });
    ui.slider.value = time;
    ui.time.textContent = clock();
    if (!playing) ui.slider.setAttribute("aria-valuetext", clock()); // 60 per second are too many
  };
  const request = () => { frame ||= requestAnimationFrame(tick); };
  const tick = (now) => {
    frame = 0;
    if (playing) {
      const passed = clamp((now - last) / 1000, 0, 0.1); // never negative or long, even after the tab slept
      time = Math.min(scene.duration, time + passed * Number(ui.speed.value));
      last = now;
      if (time >= scene.duration) setPlaying(false);
    }
    paint();
    if (playing) request();
  };
  const setPlaying = (on) => {
    if (on && time >= scene.duration) time = 0;
    [playing, last] = [on, performance.now()];
    const again = time >= scene.duration ? say(scene.said, "▶ Play again") : say(scene.said, "▶ Play");
    ui.play.textContent = on ? say(scene.said, "⏸ Pause") : again;
    request();
  };
  const seek = (t) => { time = clamp(t, 0, scene.duration); setPlaying(false); };
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const [step, move] = [Math.round(time / scene.dt), event.shiftKey ? 20 : 1];
    const [back, on] = [step - move, step + move];
    const moves = { ArrowLeft: back, ArrowDown: back, ArrowRight: on, ArrowUp: on, Home: 0, End: Infinity };
    if (event.key === " " && event.target.tagName === "BUTTON") return; // the browser clicks the button
    if (event.key === " ") setPlaying(!playing);
    else if (Object.hasOwn(moves, event.key)) seek(moves[event.key] * scene.dt);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const on = (node, name, act) => node.addEventListener(name, act, { signal: ending.signal });
  on(ui.play, "click", () => setPlaying(!playing));
  on(ui.slider, "input", () => seek(Number(ui.slider.value)));
  on(ui.camera, "change", request);
  on(ui.root, "keydown", onKey);
  on(dark, "change", request);
  const size = new ResizeObserver(request);
  size.observe(ui.canvas);
  const theme = new MutationObserver(request); // JupyterLab and VS Code set their theme on the page's body
  for (const node of [document.body, document.documentElement]) theme.observe(node, { attributes: true });
  const seen = new IntersectionObserver((entries) => { // autoplay waits until the player is visible
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    setPlaying(true);
  }, { threshold: 0.6 });
  if (scene.autoplay && !still) seen.observe(ui.canvas);
  setPlaying(false);
  paint();
  return () => {
    cancelAnimationFrame(frame);
    frame = -1; // prevents later requests from starting a frame
    ending.abort();
    seen.disconnect();
    size.disconnect();
    theme.disconnect();
    ui.root.remove();
  };
}

function open(model, el) {
  const meta = model.get("meta");
  try {
    return start(decode(meta, model.get("data")), el);
  } catch (error) {
    const known = error.message === damaged(meta);
    const failed = say(meta?.said, "The player failed: {error}. Run the cell again.", { error: error.message });
    const words = known ? error.message : failed;
    const sorry = make("div", { class: "mps-sorry", role: "alert" }, words);
    el.replaceChildren(sorry);
    return () => sorry.remove();
  }
}

function render({ model, el }) {
  let [close, waiting, gone] = [open(model, el), false, false];
  const change = () => { // data and meta may change together: wait for both, then open again
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      if (gone) return;
      close();
      close = open(model, el);
    });
  };
  model.on("change:data", change);
  model.on("change:meta", change);
  return () => {
    gone = true;
    model.off("change:data", change);
    model.off("change:meta", change);
    close();
  };
}

export default { render };
