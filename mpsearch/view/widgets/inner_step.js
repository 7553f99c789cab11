// Draws what Python has computed, and tells Python what the user dragged. Only positions on the screen are computed here.

const COLOURS = { start: "#E69F00", end: "#0072B2", "first order": "#D55E00", "second order": "#009E73" }; // PALETTE
const DASHES = { "first order": [], "second order": [6, 4] };
const PATIENCE = 3000; // ms to wait for Python's answer before a message says that there is none

const SHAPES = {
  start: `<circle cx="12" cy="12" r="7.5" fill="${COLOURS.start}" stroke="white" stroke-width="1.5"/>`,
  task: '<path d="M12 1l3.2 7.4 8 .7-6.1 5.3 1.8 7.9-6.9-4.2-6.9 4.2 1.8-7.9L.8 9.1l8-.7z" ' +
    'fill="var(--jp-ui-font-color0, CanvasText)" stroke="var(--jp-layout-color0, Canvas)"/>',
  end: `<path d="M12 4l8 8-8 8-8-8z" fill="${COLOURS.end}" stroke="white" stroke-width="1.5"/>`,
  "first order": `<path d="M1 12h15" stroke="${COLOURS["first order"]}" stroke-width="2.5"/>` +
    `<path d="M15 6.5L24 12l-9 5.5z" fill="${COLOURS["first order"]}"/>`,
  "second order": `<path d="M1 12h6m4 0h5" stroke="${COLOURS["second order"]}" stroke-width="2.5"/>` +
    `<path d="M15 6.5L24 12l-9 5.5z" fill="${COLOURS["second order"]}"/>`,
};
const legendOf = (said) => [
  ["task", say(said, "the task: bottom of its loss (drag it)")],
  ["start", say(said, "the start of the inner steps (drag it)")],
  ["end", say(said, "after the inner steps")],
  ["first order", say(said, "meta-step without the second-order term")],
  ["second order", say(said, "meta-step with it (lengths: root of the slope)")],
];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function symbol(name) {
  const span = make("span", { "aria-hidden": "true" });
  span.innerHTML = `<svg width="24" height="24" viewBox="0 0 24 24">${SHAPES[name]}</svg>`;
  return span.firstChild;
}

// Returns the line segments along which the heights [n * n] equal `level`, in grid units (marching squares).
function contour(heights, n, level) {
  const segments = [];
  const cross = (a, b) => (level - a) / (b - a);
  for (let j = 0; j < n - 1; j++) {
    for (let i = 0; i < n - 1; i++) {
      const [a, b] = [heights[j * n + i], heights[j * n + i + 1]];
      const [d, c] = [heights[(j + 1) * n + i], heights[(j + 1) * n + i + 1]];
      const points = [];
      if (a < level !== b < level) points.push([i + cross(a, b), j]);
      if (b < level !== c < level) points.push([i + 1, j + cross(b, c)]);
      if (d < level !== c < level) points.push([i + cross(d, c), j + 1]);
      if (a < level !== d < level) points.push([i, j + cross(a, d)]);
      for (let p = 0; p + 1 < points.length; p += 2) segments.push([points[p], points[p + 1]]);
    }
  }
  return segments;
}

function readSurface(view) {
  const heights = new Float32Array(view.byteLength / 4);
  for (let i = 0; i < heights.length; i++) heights[i] = view.getFloat32(4 * i, true);
  const n = Math.round(Math.sqrt(heights.length));
  return { heights, n, top: Math.max(...heights) };
}

// Returns the surface as an image of n x n pixels. A higher loss is a more opaque blue.
function shade({ heights, n, top }) {
  const picture = make("canvas", { width: n, height: n });
  const image = new ImageData(n, n);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      image.data.set([0, 114, 178, 120 * (heights[j * n + i] / top)], 4 * ((n - 1 - j) * n + i));
    }
  }
  picture.getContext("2d").putImageData(image, 0, 0);
  return picture;
}

class Painter {
  constructor(canvas, extent, levels) {
    Object.assign(this, { canvas, extent, levels });
  }

  setSurface(view) {
    this.surface = readSurface(view);
    this.shading = shade(this.surface);
    this.contours = this.levels.map((level) => contour(this.surface.heights, this.surface.n, level * this.surface.top));
  }

  place([x, y]) { // converts the coordinates of the parameters to CSS pixels
    const unit = this.size / (2 * this.extent);
    return [(x + this.extent) * unit, (this.extent - y) * unit];
  }

  draw(scene) {
    this.size = this.canvas.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    if (!this.size || !this.surface || !scene.path) return;
    this.canvas.width = this.canvas.height = Math.round(this.size * ratio);
    const style = getComputedStyle(this.canvas);
    const colour = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    Object.assign(this, { ink: colour("--jp-ui-font-color1", style.color), faint: colour("--jp-border-color0", "#9aa0a6") });
    const c = this.canvas.getContext("2d");
    c.scale(ratio, ratio);
    this.drawSurface(c);
    this.drawAxes(c);
    this.drawPath(c, scene.path);
    for (const arrow of scene.arrows) this.drawArrow(c, scene.path[0], arrow);
  }

  drawSurface(c) {
    const { n } = this.surface;
    const cell = this.size / (n - 1); // heights belong to grid points, which lie at the centres of the image's pixels
    c.drawImage(this.shading, -cell / 2, -cell / 2, n * cell, n * cell);
    Object.assign(c, { strokeStyle: this.faint, lineWidth: 1 });
    c.beginPath();
    for (const segments of this.contours) {
      for (const [[x1, y1], [x2, y2]] of segments) {
        c.moveTo(x1 * cell, this.size - y1 * cell);
        c.lineTo(x2 * cell, this.size - y2 * cell);
      }
    }
    c.stroke();
  }

  drawAxes(c) {
    c.fillStyle = c.strokeStyle = this.ink;
    c.font = "11px system-ui, sans-serif";
    for (let tick = -Math.floor(this.extent); tick <= this.extent; tick++) {
      const [x, y] = this.place([tick, tick]);
      c.fillRect(x, this.size - 5, 1, 5);
      c.fillRect(0, y, 5, 1);
      c.textAlign = "center";
      c.fillText(tick, x, this.size - 8);
      c.textAlign = "left";
      c.fillText(tick, 8, y + 4);
    }
    c.strokeRect(0.5, 0.5, this.size - 1, this.size - 1);
  }

  drawPath(c, path) {
    const points = path.map((point) => this.place(point));
    Object.assign(c, { strokeStyle: this.ink, fillStyle: this.ink, lineWidth: 1.5 });
    c.beginPath();
    points.forEach(([x, y]) => c.lineTo(x, y));
    c.stroke();
    for (const [x, y] of points.slice(1, -1)) {
      c.beginPath();
      c.arc(x, y, 3, 0, 2 * Math.PI);
      c.fill();
    }
    const [x, y] = points.at(-1);
    Object.assign(c, { strokeStyle: "white", fillStyle: COLOURS.end });
    c.beginPath();
    [[0, -8], [8, 0], [0, 8], [-8, 0]].forEach(([dx, dy]) => c.lineTo(x + dx, y + dy));
    c.closePath();
    c.fill();
    c.stroke();
  }

  drawArrow(c, from, { name, move }) {
    const [x1, y1] = this.place(from);
    const [x2, y2] = this.place([from[0] + move[0], from[1] + move[1]]);
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (length < 1) return;
    const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
    const head = Math.min(11, length);
    Object.assign(c, { strokeStyle: COLOURS[name], fillStyle: COLOURS[name], lineWidth: 2.5 });
    c.setLineDash(DASHES[name]);
    c.beginPath();
    c.moveTo(x1, y1);
    c.lineTo(x2 - head * ux, y2 - head * uy);
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    c.moveTo(x2, y2);
    c.lineTo(x2 - head * ux - 0.5 * head * uy, y2 - head * uy + 0.5 * head * ux);
    c.lineTo(x2 - head * ux + 0.5 * head * uy, y2 - head * uy - 0.5 * head * ux);
    c.fill();
  }
}

function render({ model, el }) {
  const { extent, levels, steps, rate } = model.get("limits");
  const canvas = make("canvas", { role: "img" });
  const stage = make("div", { class: "stage" }, canvas);
  const painter = new Painter(canvas, extent, levels);
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const alert = make("p", { class: "alert", role: "alert" });
  const said = model.get("said");
  const silence = say(
    said, "Python has not answered: it is busy, or it was restarted. If it was restarted, run this cell again.");
  let waiting = null;

  function send(name, value) {
    model.set(name, value);
    model.save_changes();
    waiting ??= setTimeout(() => {
      alert.textContent = silence;
    }, PATIENCE);
  }

  function answered() {
    clearTimeout(waiting);
    waiting = null;
    alert.textContent = model.get("error");
  }

  function range(name, label, high, step) {
    const input = make("input", { type: "range", min: 0, max: high, step });
    const output = make("output");
    const update = () => {
      input.value = model.get(name);
      output.textContent = model.get(name).toFixed(step < 1 ? 2 : 0);
    };
    input.addEventListener("input", () => send(name, Number(input.value)));
    model.on(`change:${name}`, update);
    update();
    return make("label", {}, label, input, output);
  }

  function checkbox(name, label) {
    const input = make("input", { type: "checkbox" });
    const update = () => { input.checked = model.get(name); };
    input.addEventListener("change", () => send(name, input.checked));
    model.on(`change:${name}`, update);
    update();
    return make("label", { class: "check" }, input, label);
  }

  const names = { task: say(said, "task"), start: say(said, "start") };

  function handle(name) {
    const button = make("button", { class: "handle", type: "button", "data-name": name }, symbol(name));
    const move = (point) => {
      const inside = point.map((x) => Math.round(100 * Math.min(extent, Math.max(-extent, x))) / 100);
      if (String(inside) !== String(model.get(name))) send(name, inside);
    };
    button.addEventListener("pointerdown", (event) => button.setPointerCapture(event.pointerId));
    button.addEventListener("pointermove", (event) => {
      if (!button.hasPointerCapture(event.pointerId)) return;
      const box = canvas.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      move([(2 * x - 1) * extent, (1 - 2 * y) * extent]);
    });
    button.addEventListener("keydown", (event) => {
      if (!(event.key in ARROWS) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const length = event.shiftKey ? 0.5 : 0.1;
      move(model.get(name).map((x, i) => x + length * ARROWS[event.key][i]));
    });
    const update = () => {
      const [x, y] = model.get(name);
      Object.assign(button.style, { left: `${50 + (50 * x) / extent}%`, top: `${50 - (50 * y) / extent}%` });
      const words = { name: names[name], x: x.toFixed(1), y: y.toFixed(1) };
      button.setAttribute("aria-label", say(said, "{name}, at {x}, {y}; the arrow keys move it", words));
    };
    model.on(`change:${name}`, update);
    update();
    return button;
  }

  function draw() {
    status.textContent = model.get("words");
    const words = { words: model.get("words") };
    canvas.setAttribute("aria-label", say(said, "Contours of a loss over two parameters. {words}", words));
    painter.draw(model.get("scene"));
  }

  function setSurface() {
    if (model.get("surface").byteLength) painter.setSurface(model.get("surface"));
  }

  stage.append(handle("task"), handle("start"));
  const legend = legendOf(said).map(([name, text]) => make("li", {}, symbol(name), text));
  const panel = make("div", { class: "panel" },
    range("steps", say(said, "Inner steps"), steps, 1),
    range("rate", say(said, "Inner rate"), rate, 0.05),
    checkbox("second_order", say(said, "Second-order term: show the meta-step with it too")),
    make("ul", {}, ...legend), status);
  // The attribute stops JupyterLab from using the arrow keys as its own shortcuts.
  const root = make("div", { class: "mpsearch-inner", "data-lm-suppress-shortcuts": "true" }, stage, panel, alert);
  el.append(root);

  const onSurface = () => { setSurface(); draw(); };
  const onScene = () => { answered(); draw(); };
  model.on("change:surface", onSurface);
  model.on("change:scene", onScene);
  model.on("change:error", answered);
  const resized = new ResizeObserver(draw);
  resized.observe(stage);
  const themed = new MutationObserver(draw); // JupyterLab and VS Code change an attribute of the body with the theme
  themed.observe(document.body, { attributes: true });
  onSurface();
  answered();
  return () => {
    resized.disconnect();
    themed.disconnect();
    clearTimeout(waiting);
    model.off("change:surface", onSurface);
    model.off("change:scene", onScene);
    model.off("change:error", answered);
  };
}

export default { render };
