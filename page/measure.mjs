// Measures what takes minutes, and keeps it in measured/returns.json: npm run measure
// The returns are compared with Python's by test/measured.test.js.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Live } from "./src/live.js";
import { makeMaml } from "./src/policies/maml.js";
import { makePearl } from "./src/policies/pearl.js";
import { adapt } from "./src/swarm.js";
import { DT, HORIZON, families } from "./src/tasks.js";
import { loadModel, metaPolicy } from "./test/fixtures.js";

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);
const STEPS = 3; // gradient steps of MAML
const ALL = 2 * HORIZON; // control steps: as memory, it keeps all of an episode
const TURNS = { runners: 40, memory: 4, steps: 200, speed: 2 }; // cheetahs, control steps, control steps, m/s

const here = (path) => new URL(path, import.meta.url);
const recordOf = (name) => JSON.parse(readFileSync(here(`../mpsearch/evidence/results/evaluations/${name}.json`), "utf8"));
const { mujoco, model } = await loadModel();

/** MAML's mean returns at each stage [S]. */
function mamlReturns(maml, family, task, seed) {
  const events = adapt({ mujoco, model, maml, family, task, steps: STEPS, seed: 1000 * seed + 1 });
  const stages = [...events].filter(({ kind }) => kind === "stage");
  return stages.map(({ returns }) => returns.reduce((a, b) => a + b) / returns.length);
}

/** PEARL's return in its first episode, as the page runs it but with a memory for all of it, as in Python. */
function pearlReturns(pearl, family, task, seed) {
  const live = new Live({ mujoco, model, pearl, family, task, memory: ALL, seed: 1000 * seed + 1 });
  for (let step = 0; step < HORIZON; step++) live.step();
  live.close();
  return [live.episodes[0][1]];
}

/** Measures a method on every `each`th task of Python's record: returns [seeds][tasks][stages]. */
async function compare(method, family, record, each, returnsOf, make) {
  const agent = make(await metaPolicy(`${method}-cheetah-${family}`));
  const tasks = recordOf(record).tasks.flat().filter((_, index) => index % each === 0);
  const one = (seed) => tasks.map((task, k) => returnsOf(agent, families[family], task, 100 * seed + k));
  const returns = SEEDS.map((seed) => one(seed).map((stages) => stages.map((value) => Math.round(value * 10) / 10)));
  console.log(`${method} ${family}: measured on ${tasks.length} tasks`);
  return { method, family, record, each, tasks, returns };
}

/** How many of many cheetahs that run at full speed turn when the wish turns, and after how many seconds. */
async function turning(from) {
  const pearl = makePearl(await metaPolicy("pearl-cheetah-direction"));
  const seconds = Array.from({ length: TURNS.runners }, (_, n) => {
    const options = { family: families.direction, task: from, memory: TURNS.memory, seed: 5000 + n };
    const live = new Live({ mujoco, model, pearl, ...options });
    for (let step = 0; step < HORIZON / 2; step++) live.step();
    live.set({ task: -from });
    const turned = Array.from({ length: TURNS.steps }, () => -from * live.step().speed > TURNS.speed).indexOf(true);
    live.close();
    return turned < 0 ? null : Number(((turned + 1) * DT).toFixed(2));
  });
  console.log(`from ${from}: ${seconds.filter((value) => value !== null).length} of ${TURNS.runners} turned`);
  return { from, memory: TURNS.memory, seconds };
}

const record = {
  command: "npm run measure",
  machine: `${cpus()[0].model}, ${cpus().length} cores, Node.js ${process.version}`,
  turning: [await turning(1), await turning(-1)],
  returns: [
    await compare("pearl", "direction", "pearl-cheetah-direction-every-1", 1, pearlReturns, makePearl),
    await compare("pearl", "velocity", "pearl-cheetah-velocity-every-1", 1, pearlReturns, makePearl),
    await compare("maml", "direction", "maml-cheetah-direction", 1, mamlReturns, makeMaml),
    await compare("maml", "velocity", "maml-cheetah-velocity", 10, mamlReturns, makeMaml),
  ],
};
mkdirSync(here("measured"), { recursive: true });
writeFileSync(here("measured/returns.json"), `${JSON.stringify(record)}\n`);
