// The two task families: their rewards, as in Python's mpsearch/tasks/cheetah.py.

export const CONTROL_COST = 0.05;
export const HORIZON = 200; // control steps in an episode
export const DT = 0.05; // s, the length of a control step

const cost = (action) => CONTROL_COST * action.reduce((sum, a) => sum + Math.min(Math.max(a, -1), 1) ** 2, 0);

/** Run forward (task 1) or backward (task -1). */
export const direction = {
  id: "cheetah-direction",
  reward: (task, velocity, action) => task * velocity - cost(action),
};

/** Run at the velocity `task` in m/s. */
export const velocity = {
  id: "cheetah-velocity",
  low: 0,
  high: 3,
  reward: (task, speed, action) => -Math.abs(speed - task) - cost(action),
};

export const families = { direction, velocity };
