// PEARL live: one cheetah runs on, and its belief about the task is renewed at every control step.

import { Cheetah, tilt, weaken } from "./physics.js";
import { act, belief, factor, guess, transition } from "./policies/pearl.js";
import { gaussian, uniform } from "./policies/random.js";
import { DT, HORIZON } from "./tasks.js";

const PUSH = { force: 300, steps: 2 }; // N, control steps: 30 N s on 14 kg
const ON_ITS_BACK = { cosine: -0.3, steps: 20 }; // of the pitch, for a second
export const STRIDE = 10; // steps over which the speed is averaged: half a second, about a stride

/**
 * An endless run. The agent never sees the task: only observations, its actions and the rewards it is given.
 * It forgets transitions that are older than `memory` steps, so that it notices when the task changes.
 */
export class Live {
  constructor({ mujoco, model, pearl, family, task, memory, seed, lie = null }) {
    Object.assign(this, { model, pearl, family, task, memory, lie });
    this.cheetah = new Cheetah(mujoco, model);
    this.gears = Float64Array.from(model.actuator_gear);
    this.draw = uniform(seed);
    this.noise = gaussian(this.draw);
    this.start();
  }

  /** Starts over: a new start state, an empty context, and nothing counted. */
  start() {
    this.cheetah.reset(this.draw, this.noise);
    this.factors = [];
    this.speeds = [];
    this.pushing = 0;
    this.lying = 0; // steps on its back
    this.steps = 0;
    this.begin();
  }

  /** Begins to count anew, because the task is a new one. The agent is not told. */
  begin() {
    this.spent = 0; // environment steps since the task is what it is
    this.total = 0; // the return of the present episode of 200 steps
    this.episodes = []; // [steps spent before it, its return]
  }

  set(options) {
    Object.assign(this, options);
    if ("task" in options) this.begin();
  }

  push(side) {
    this.pushing = side * PUSH.steps;
  }

  tilt(degrees) {
    tilt(this.model, degrees);
  }

  weaken(leg, factor) {
    weaken(this.model, this.gears, leg, factor);
  }

  /** Makes a control step, and returns what the page draws of it. */
  step() {
    const { pearl, family, cheetah } = this;
    const observation = cheetah.observe();
    const now = belief(this.factors, pearl.latent);
    const z = guess(now, this.noise(pearl.latent));
    const action = act(pearl, observation, z);
    const speed = cheetah.step(action, Math.sign(this.pushing) * PUSH.force);
    this.pushing -= Math.sign(this.pushing);
    const reward = family.reward(this.task, speed, action);
    const told = this.lie === null ? reward : family.reward(this.lie, speed, action);
    this.factors.push(factor(pearl, transition(observation, action, told, cheetah.observe())));
    this.factors.splice(0, this.factors.length - this.memory);
    this.lying = Math.cos(cheetah.position[2]) < ON_ITS_BACK.cosine ? this.lying + 1 : 0;
    this.count(speed, reward);
    return {
      time: this.steps * DT,
      position: cheetah.position,
      speed: this.speeds.reduce((a, b) => a + b) / this.speeds.length,
      task: this.task,
      lie: this.lie,
      reward,
      belief: now,
      spent: this.spent,
      total: this.total,
      episodes: this.episodes,
      fallen: this.lying >= ON_ITS_BACK.steps,
    };
  }

  count(speed, reward) {
    this.speeds.push(speed);
    this.speeds.splice(0, this.speeds.length - STRIDE);
    this.steps++;
    this.spent++;
    this.total += reward;
    if (this.spent % HORIZON === 0) {
      this.episodes = [...this.episodes, [this.spent - HORIZON, this.total]];
      this.total = 0;
    }
  }

  close() {
    this.cheetah.close();
  }
}
