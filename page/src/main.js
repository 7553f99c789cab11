// The page: its controls, its messages to the worker, and the drawing of what the worker answers.

import { LiveView } from "./liveview.js";
import { SwarmView, stageName } from "./swarmview.js";
import { HORIZON } from "./tasks.js";
import { signed } from "./view/canvas.js";
import { drawGradient, drawReturns } from "./view/charts.js";
import { choose, current, languages, t, translate } from "./words.js";

const $ = (id) => document.getElementById(id);
const MEMORY = { direction: 4, velocity: 20 }; // steps; short, so that it notices a changed wish (see README.md)
const WEAK = 0.3; // the part of its torque that a weak leg keeps

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const state = { method: "pearl", family: "velocity", direction: 1, velocity: 1.5, running: !calm.matches, seed: 1, steps: 3 };
const results = { pearl: [], maml: [], spread: [] };
const live = new LiveView({ scene: $("scene"), belief: $("belief"), speed: $("speed"), readout: $("readout") });
const swarm = new SwarmView({ scene: $("scene"), readout: $("readout") });
let shape;
let worker;
let news = null; // [key, values], so that it can be translated later

const task = () => (state.family === "velocity" ? state.velocity : state.direction);
const send = (type, message = {}) => worker?.postMessage({ type, ...message });

function tell(key, values = () => ({})) {
  news = [key, values];
  $("news").textContent = t(key, values());
}

function fail(code, detail = "") {
  state.broken = true;
  $("sorry").hidden = false;
  $("sorry-words").textContent = t(code, { detail });
  $("opening").hidden = true;
}

function forget() {
  for (const list of Object.values(results)) list.length = 0;
  swarm.clear();
  showStages();
}

/** Starts what is chosen from its beginning. */
function begin() {
  if (!shape) return;
  state.broken = false;
  $("sorry").hidden = true;
  live.clear();
  state.seed++;
  if (state.method === "pearl") {
    const { family, seed, running } = state;
    const memory = Number($("memory").value);
    const lie = $("lie").checked ? lieTask() : null;
    const ground = { degrees: Number($("tilt").value), leg: $("leg").value, factor: WEAK };
    send("live", { family, task: task(), memory, lie, seed, running, ground });
  } else {
    send("stop");
    if (swarm.stages.length) swarm.show("swarm", 0);
    $("readout").textContent = "";
  }
  $("race").disabled = !swarm.stages.at(-1)?.returns || swarm.stages.length < 2;
}

const lieTask = () => (state.family === "velocity" ? Number($("lie-speed").value) : -state.direction);

function wish() {
  forget();
  showChoices();
  if (state.method !== "pearl") return begin();
  send("set", { options: { task: task(), lie: $("lie").checked ? lieTask() : null } });
  tell("newsTask");
}

function adapt() {
  results.maml.length = results.spread.length = 0;
  swarm.clear();
  showStages();
  $("sorry").hidden = true;
  state.seed++;
  send("adapt", { family: state.family, task: task(), steps: state.steps, seed: state.seed });
}

// ---- what the worker answers

const heard = {
  ready(message) {
    shape = message.shape;
    $("opening").hidden = true;
    $("adapt").disabled = false;
    begin();
  },
  frame({ frame }) {
    if (state.method !== "pearl") return;
    const grown = frame.episodes.length > results.pearl.length;
    if (frame.episodes.length !== results.pearl.length) results.pearl = [...frame.episodes];
    if (grown) showReturns();
    if (frame.fallen && (grown || !state.fallen)) tell("newsFallen");
    else if (grown) {
      const [spent, total] = frame.episodes.at(-1);
      tell("newsEpisode", () => ({ total: signed(total), spent: spent + HORIZON }));
    }
    state.fallen = frame.fallen;
    live.add(frame);
  },
  swarm({ event }) {
    swarm.add(event);
    if (event.kind === "stage") {
      const mean = event.returns.reduce((a, b) => a + b) / event.returns.length;
      results.maml.push([event.envSteps, mean]);
      results.spread.push(...event.returns.map((value) => [event.envSteps, value]));
      tell("newsStage", () => ({ stage: stageName(event.stage), mean: signed(mean), spent: event.envSteps }));
      showStages();
      showReturns();
      if (event.stage === state.steps) $("race").disabled = state.steps === 0;
    }
    if (event.kind === "gradient") {
      tell("newsGradient");
      showGradient();
    }
  },
  failed({ code, detail }) {
    fail(code, detail);
  },
};

// ---- what the page shows

function showGradient() {
  const parts = swarm.moved ? Object.entries(swarm.moved).map(([name, value]) => `${name} ${value.toFixed(3)}`).join(", ") : "";
  $("gradient").setAttribute("aria-label", t("gradientAlt", { parts: parts || t("nothingYet") }));
  $("gradient-figure").hidden = !swarm.moved;
  drawGradient($("gradient"), swarm.moved);
}

function showReturns() {
  drawReturns($("returns"), results, t("nothingYet"));
  const list = (points) => points.map(([steps, value]) => `${steps}: ${signed(value)}`).join("; ") || t("nothingYet");
  $("returns").setAttribute("aria-label", t("returnsAlt", { pearl: list(results.pearl), maml: list(results.maml) }));
}

function showStages() {
  const buttons = swarm.stages.map((stage, n) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: stageName(n) });
    button.disabled = !stage.returns;
    button.onclick = () => swarm.show("swarm", n);
    return button;
  });
  $("stages").replaceChildren(...buttons);
}

function showChoices() {
  const velocity = state.family === "velocity";
  $("velocity-label").hidden = !velocity;
  $("direction").hidden = velocity;
  $("pearl").hidden = state.method !== "pearl";
  $("maml").hidden = state.method !== "maml";
  $("lie-label").hidden = !($("lie").checked && velocity);
  $("run").textContent = t(state.running ? "pause" : "run");
  for (const [id, key] of [["velocity", "metresPerSecond"], ["tilt", "degrees"], ["lie-speed", "metresPerSecond"]]) {
    const output = $(id === "lie-speed" ? "lie-value" : `${id}-value`);
    output.textContent = t(key, { v: signed(Number($(id).value), id === "tilt" ? 0 : 1) });
  }
  $("speed-title").textContent = t(velocity ? "speedTitle" : "directionTitle");
  $("memory-value").textContent = t("seconds", { v: (Number($("memory").value) / 20).toFixed(2) });
  showReturns();
  showGradient();
}

function radios(id, name, options, chosen, change) {
  const legend = $(id).querySelector("legend");
  const labels = options.map(([value, key]) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name, value, checked: value === String(chosen) });
    input.onchange = () => change(value);
    const words = document.createElement("span");
    words.dataset.t = key;
    label.append(input, words);
    return label;
  });
  $(id).replaceChildren(legend, ...labels);
}

function say() {
  translate();
  $("steps").replaceChildren(...[0, 1, 2, 3].map((n) => new Option(n, n, false, n === state.steps)));
  const leg = $("leg").value || "none";
  $("leg").replaceChildren(...["none", "hind", "front"].map((key) => new Option(t(key), key, false, key === leg)));
  $("scene").setAttribute("aria-label", t("sceneAlt"));
  if (news) $("news").textContent = t(news[0], news[1]());
  live.label();
  showStages();
  showChoices();
}

function connect() {
  radios("method", "method", [["pearl", "pearl"], ["maml", "maml"]], state.method, (value) => {
    state.method = value;
    showChoices();
    begin();
  });
  radios("family", "family", [["velocity", "velocity"], ["direction", "direction"]], state.family, (value) => {
    state.family = value;
    $("memory").value = MEMORY[value];
    forget();
    showChoices();
    begin();
  });
  radios("direction", "direction", [["1", "forward"], ["-1", "backward"]], state.direction, (value) => {
    state.direction = Number(value);
    wish();
  });
  const languageOptions = Object.entries(languages).map(([key, { name }]) => new Option(name, key, false, key === current()));
  $("language").replaceChildren(...languageOptions);
  $("language").onchange = () => {
    choose($("language").value);
    say();
  };
  $("velocity").oninput = () => {
    state.velocity = Number($("velocity").value);
    wish();
  };
  $("run").onclick = () => {
    state.running = !state.running;
    send("run", { running: state.running });
    showChoices();
  };
  $("restart").onclick = $("sorry-again").onclick = () => (worker && shape ? begin() : location.reload());
  $("push-forward").onclick = () => send("push", { side: 1 });
  $("push-back").onclick = () => send("push", { side: -1 });
  $("lie").onchange = $("lie-speed").oninput = () => {
    send("set", { options: { lie: $("lie").checked ? lieTask() : null } });
    showChoices();
  };
  $("tilt").oninput = () => {
    send("tilt", { degrees: Number($("tilt").value) });
    showChoices();
  };
  $("leg").onchange = () => send("weaken", { leg: $("leg").value, factor: WEAK });
  $("memory").oninput = () => {
    send("set", { options: { memory: Number($("memory").value) } });
    showChoices();
  };
  $("steps").onchange = () => (state.steps = Number($("steps").value));
  $("adapt").onclick = adapt;
  $("race").onclick = () => {
    swarm.show("race", 0);
    tell("newsRace", () => ({ a: t("before"), b: stageName(swarm.stages.length - 1) }));
  };
  document.addEventListener("visibilitychange", sleep);
  addEventListener("resize", showChoices);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(showChoices));
}

/** Rests while nobody looks, and goes on from there. */
function sleep() {
  const wanted = state.running || state.method === "maml";
  send("run", { running: wanted && !document.hidden });
  if (wanted && !document.hidden) tell("newsAwake");
}

let before = 0;
function draw(now) {
  const passed = Math.min(100, now - before);
  before = now;
  if (shape && !state.broken) {
    if (state.method === "pearl") live.draw(now, shape, { tilt: Number($("tilt").value), family: state.family, still: calm.matches });
    else swarm.draw(passed, shape, { still: calm.matches });
  }
  requestAnimationFrame(draw);
}

connect();
say();
if (typeof WebAssembly !== "object") fail("noWebAssembly");
else if (typeof Worker !== "function") fail("noWorker");
else {
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => heard[data.type](data);
  worker.onerror = (event) => fail("unexpected", event.message ?? "");
  send("open");
  requestAnimationFrame(draw);
}
if ("serviceWorker" in navigator) navigator.serviceWorker.register("service-worker.js").catch(() => {});
