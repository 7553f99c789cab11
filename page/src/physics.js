// The cheetah's physics: MuJoCo's official WebAssembly build steps gymnasium's half_cheetah.xml.

import { ExplainedError } from "./policies/weights.js";
import { DT } from "./tasks.js";

const FRAME_SKIP = 5; // physics steps of 0.01 s in a control step
const RESET_NOISE = 0.1; // as in gymnasium's HalfCheetah-v5
const GRAVITY = 9.81; // m/s^2
const TORSO = 1; // the index of the body
export const LEGS = { hind: [0, 1, 2], front: [3, 4, 5] }; // motors

/** One cheetah. Free its memory with `close`. */
export class Cheetah {
  constructor(mujoco, model) {
    this.mujoco = mujoco;
    this.model = model;
    this.data = new mujoco.MjData(model);
    // Views of MuJoCo's memory. They become invalid if that memory grows, so they are taken anew when they are empty.
    this.views = {};
  }

  view(name) {
    let view = this.views[name];
    if (!view?.length) view = this.views[name] = this.data[name];
    return view;
  }

  /** Starts from positions near the model's and small velocities, drawn from U(0, 1) and N(0, 1). */
  reset(uniform, gaussian) {
    const size = this.model.nv;
    const qpos = Array.from(this.model.qpos0, (value) => value + RESET_NOISE * (2 * uniform() - 1));
    this.setState(qpos, gaussian(size).map((value) => RESET_NOISE * value));
  }

  setState(qpos, qvel) {
    this.mujoco.mj_resetData(this.model, this.data);
    this.data.time = 1; // not 0, so that the reset of a simulation that diverged shows
    this.view("qpos").set(qpos);
    this.view("qvel").set(qvel);
    this.mujoco.mj_forward(this.model, this.data);
  }

  /** The observation [17]: positions without x, and velocities. */
  observe() {
    return Float64Array.from([...this.view("qpos").subarray(1), ...this.view("qvel")]);
  }

  get position() {
    return Array.from(this.view("qpos"));
  }

  /**
   * Makes a control step with an action [6], and returns the mean velocity along x during it, in m/s.
   * `push` is a force on the torso along x, in N. Throws an ExplainedError if the simulation diverges.
   */
  step(action, push = 0) {
    const start = this.view("qpos")[0];
    const time = this.data.time;
    this.view("ctrl").set(action.map((a) => Math.min(Math.max(a, -1), 1)));
    this.view("xfrc_applied")[TORSO * 6] = push;
    for (let n = 0; n < FRAME_SKIP; n++) this.mujoco.mj_step(this.model, this.data);
    const velocity = (this.view("qpos")[0] - start) / DT;
    // MuJoCo sets a simulation that diverged back to time 0 and goes on.
    if (!Number.isFinite(velocity) || Math.abs(this.data.time - time - DT) > 1e-6) throw new ExplainedError("diverged");
    return velocity;
  }

  close() {
    this.data.delete();
  }
}

/** Tilts the ground by an angle in degrees: positive angles go uphill along x. Gravity turns; the picture turns back. */
export function tilt(model, degrees) {
  const angle = (degrees * Math.PI) / 180;
  model.opt.gravity.set([-GRAVITY * Math.sin(angle), 0, -GRAVITY * Math.cos(angle)]);
}

/** Multiplies the torques of the motors of a leg ("hind", "front" or "none") by `factor`, and restores the others. */
export function weaken(model, gears, leg, factor) {
  model.actuator_gear.set(gears);
  for (const motor of LEGS[leg] ?? []) model.actuator_gear[motor * 6] = gears[motor * 6] * factor;
}
