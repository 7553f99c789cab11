// The worker: physics and policies live here, so that the page stays quick. It answers to messages of the page.

import loadMujoco from "@mujoco/mujoco";
import { Live } from "./live.js";
import { shapeOf } from "./shape.js";
import { makeMaml } from "./policies/maml.js";
import { makePearl } from "./policies/pearl.js";
import { ExplainedError, readMetaPolicy } from "./policies/weights.js";
import { adapt } from "./swarm.js";
import { DT, families } from "./tasks.js";

const LATEST = 4 * DT * 1000; // ms; a run that is later, such as after the computer slept, goes on from now

let mujoco;
let xml;
let live;
let swarm;
let timer;
let turn = 0; // grows with each choice
const agents = {};

async function get(name) {
  const answer = await fetch(new URL(`models/${name}`, import.meta.url)).catch(() => null);
  if (!answer?.ok) throw new ExplainedError("missing", name);
  return answer;
}

/** MuJoCo's WebAssembly is stored compressed, so that its transfer is small from any server. */
async function compile() {
  const answer = await fetch(new URL("mujoco.bin", import.meta.url)).catch(() => null);
  if (!answer?.ok) throw new ExplainedError("missing", "mujoco.bin");
  const bytes = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compileStreaming(new Response(bytes, { headers: { "Content-Type": "application/wasm" } }));
}

async function open() {
  const compiling = compile();
  const model = get("half_cheetah.xml").then((answer) => answer.text());
  const wasm = await compiling;
  mujoco = await loadMujoco({
    instantiateWasm: (imports, receive) => {
      WebAssembly.instantiate(wasm, imports).then((instance) => receive(instance, wasm));
      return {};
    },
    print: () => {},
    printErr: () => {}, // MuJoCo warns here when a simulation diverges, which the page says in its own words
  });
  xml = await model;
  const template = makeModel();
  postMessage({ type: "ready", shape: shapeOf(template) });
  template.delete();
}

const makeModel = () => mujoco.MjModel.from_xml_string(xml);

/** Returns an exported meta-policy, such as "pearl-cheetah-velocity". It is fetched once. */
async function agent(algorithm, family) {
  const name = `${algorithm}-${families[family].id}`;
  agents[name] ??= Promise.all([
    get(`${name}.json`).then((answer) => answer.text()),
    get(`${name}.safetensors`).then((answer) => answer.arrayBuffer()),
  ])
    .then(([card, bytes]) => readMetaPolicy(card, bytes))
    .then(algorithm === "pearl" ? makePearl : makeMaml);
  agents[name].catch(() => delete agents[name]); // so that starting over tries again
  return agents[name];
}

/** Stops what runs and returns a meta-policy; nothing if another was chosen while it was fetched. */
async function chosen(algorithm, family) {
  stop();
  const mine = ++turn;
  const found = await agent(algorithm, family);
  return mine === turn ? found : undefined;
}

function stop() {
  turn++;
  clearTimeout(timer);
  for (const running of [live, swarm]) {
    running?.close?.();
    running?.events?.return(); // frees the swarm's cheetahs
    running?.model?.delete();
  }
  live = swarm = undefined;
}

/** Runs `work` again and again at the times that it returns, in ms, until it returns nothing. */
function repeat(work) {
  clearTimeout(timer);
  const again = guarded(() => {
    const wait = work();
    if (wait !== undefined) timer = setTimeout(again, wait);
  });
  timer = setTimeout(again, 0);
}

function runLive() {
  let due = performance.now();
  repeat(() => {
    postMessage({ type: "frame", frame: live.step() });
    due = Math.max(due + DT * 1000, performance.now() - LATEST);
    return Math.max(0, due - performance.now());
  });
}

function runSwarm() {
  repeat(() => {
    const { value, done } = swarm.events.next();
    if (done) return stop();
    if (value.kind === "step") value.positions = Float32Array.from(value.positions.flat());
    postMessage({ type: "swarm", event: value });
    return 0;
  });
}

const answers = {
  open,
  async live({ running, ground, family, ...options }) {
    const pearl = await chosen("pearl", family);
    if (!pearl) return;
    live = new Live({ ...options, mujoco, model: makeModel(), pearl, family: families[family] });
    live.tilt(ground.degrees);
    live.weaken(ground.leg, ground.factor);
    if (running) runLive();
    else postMessage({ type: "frame", frame: live.step() });
  },
  async adapt({ family, ...options }) {
    const maml = await chosen("maml", family);
    if (!maml) return;
    const model = makeModel();
    swarm = { model, events: adapt({ ...options, mujoco, model, maml, family: families[family] }) };
    runSwarm();
  },
  stop,
  run: ({ running }) => {
    clearTimeout(timer);
    if (running && live) runLive();
    if (running && swarm) runSwarm();
  },
  restart: () => live?.start(),
  set: ({ options }) => live?.set(options),
  push: ({ side }) => live?.push(side),
  tilt: ({ degrees }) => live?.tilt(degrees),
  weaken: ({ leg, factor }) => live?.weaken(leg, factor),
};

/** Does `work`, and tells the page in which way it failed. */
function guarded(work) {
  return async (...given) => {
    try {
      await work(...given);
    } catch (error) {
      clearTimeout(timer);
      postMessage({ type: "failed", code: error.code ?? "unexpected", detail: String(error.message ?? error) });
    }
  };
}

onmessage = guarded(({ data }) => answers[data.type](data));
