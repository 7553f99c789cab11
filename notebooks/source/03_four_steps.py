# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Meta-policy search: four steps, and a listing that cannot learn
#
# **After this lesson you can**
#
# 1. name the four steps of meta-policy search, and the object of the library for each,
# 2. say what varies and what is shared in a family of tasks, and read how one is written,
# 3. find five mistakes that keep a program from learning, and measure each,
# 4. repair such a program until it learns.
#
# **Time:** about 55 minutes. **Builds on:** lesson 01 (policy gradient) and lesson 02 (a step that is differentiated).

# %%
import numpy as np
import torch

import mpsearch
from mpsearch import CheetahDirection, CheetahVelocity, PointNavigation, PolicyNet
from mpsearch.evidence import results
from mpsearch.exercises import lesson_03 as exercises
from mpsearch.maml import MAML
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks, surrogate
from mpsearch.policies import with_parameters
from mpsearch.returns import task_advantages
from mpsearch.rollouts import collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.tasks import Batch, TaskDistribution
from mpsearch.tasks.cheetah import direction_reward, velocity_reward
from mpsearch.view import plots
from mpsearch.view.live import LiveCurve, show_source
from mpsearch.view.widgets import AdaptationExplorer

SEED = 0  # of all random numbers below: change it, run all, and see what still holds

# %% [markdown]
# ## 1. Four steps, four objects
#
# | step | question | object |
# |---|---|---|
# | 1 | Which tasks may come? | a `TaskDistribution`, $p(\mathcal{T})$ |
# | 2 | What can be changed to suit a task? | a policy $\pi_\theta$, here a `PolicyNet` |
# | 3 | How does the start become better at adapting? | the trainer, `MAML(tasks).train(...)` |
# | 4 | How is a new task learned? | `adapt`, which gives $\theta'$ |
#
# Step 3 contains step 4: it practises on a task, adapts, and looks at how the *adapted* policy does. It is often
# misread as "train on many tasks". That makes a policy that is good on average, and says nothing of adapting.
#
# Here are the four on a task of a point that must find a goal. Step 3 was done in advance.

# %%
agent = mpsearch.load("maml-point-navigation")  # step 3, done in advance
print("1. tasks: ", agent.tasks.id)
print("2. policy:", sum(p.numel() for p in agent.policy.parameters()), "numbers in theta")
print("3. trainer:", type(agent).__name__, "for", f"{agent.env_steps:,}", "environment steps")
result = agent.adapt(agent.tasks.spread(4), seed=SEED, steps=1)  # step 4
print(f"4. return before {result.before.mean():.0f}, after one step {result.after.mean():.0f}")
assert result.after.mean() > result.before.mean() + 5

# %% [markdown]
# ### Move it
#
# Choose a goal and press **Run**. Look at the paths: before adaptation they are alike for every goal. Where do
# they go after one step? (The goal is the centre of the grey disk. The picture stored here has the returns alone; the
# paths come when you run the cell.) A goal near the start proves less: whoever stays there is near it anyway.

# %% tags=["nbval-ignore-output"]
AdaptationExplorer(agent)

# %% [markdown]
# ## 2. What varies, and what is shared?
#
# A family of tasks shares what the policy sees (observations) and what it can do (actions). Something else varies:
# the reward or the dynamics. The policy is not told.

# %% tags=["nbval-check-output"]
for family in (PointNavigation(), CheetahVelocity(), CheetahDirection()):
    shared = f"sees {family.observation_dim:>2}, does {family.action_dim}"
    drawn = family.sample(3, np.random.default_rng(0)).round(2).tolist()
    print(f"{family.id:<18} shared: {shared}; varies: {', '.join(family.parameter_names)}, such as {drawn}")

# %% [markdown]
# In all three, what varies with the task is the *reward*. Apart from how tasks are drawn, it is the whole
# difference between the two cheetah families:

# %%
show_source(direction_reward, velocity_reward)

# %% [markdown]
# The body can be changed too, for the whole family: `torso_mass` makes the torso heavier, `weak_leg` weakens the hind
# leg. Then the same actions lead to another state.

# %%
for options in ({}, {"torso_mass": 2.0}, {"weak_leg": 0.3}):
    env = CheetahVelocity(**options).make_env([1.0])
    env.reset(seed=SEED)
    for _ in range(20):
        *_, info = env.step(np.ones(6))
    print(f"{options or 'as it is'!s:<22} torso at {info['positions'][0]:6.2f} m after 20 steps of full torque")

# %% [markdown]
# `make_env` gives *one* task, as a gymnasium environment. `make_batch` gives many episodes on each of many tasks,
# side by side, which is what training uses.
#
# A family of your own takes few lines. A room is to be held at a temperature that nobody tells. The family names its
# sizes and the range of its tasks; `check` refuses tasks outside. The batch says how episodes begin (`_reset`), what an
# action does and earns (`_step`), and what is seen (`observe`). Its `shape` is tasks by episodes, and `positions` is
# what pictures draw.


# %% tags=["nbval-check-output"]
class Thermostat(TaskDistribution):
    """Hold a temperature: task = target in [-1, 1]; reward = -|temperature - target|."""

    id = "thermostat"
    horizon, observation_dim, action_dim = 20, 1, 1
    parameter_names = ("target",)
    low, high = np.array([-1.0]), np.array([1.0])

    def make_batch(self, tasks, episodes, *, threads=0):
        return ThermostatBatch(self.check(tasks), episodes, action_dim=1)


class ThermostatBatch(Batch):
    def _reset(self, rng):
        self.temperature = rng.normal(0.0, 0.1, self.shape)

    def _step(self, actions):
        self.temperature = self.temperature + 0.2 * actions[..., 0]
        return -np.abs(self.temperature - self.tasks[:, :1])

    def observe(self):
        return self.temperature[..., None]

    positions = observe


rooms = Thermostat()
batch = rooms.make_batch(rooms.spread(3), episodes=2)
batch.reset(np.random.default_rng(0))
_, rewards = batch.step(np.ones((3, 2, 1)))
print("targets:", rooms.spread(3)[:, 0].round(2))
print("rewards for heating, [task, episode]:", rewards.round(2).tolist())
assert rewards[2].mean() > rewards[0].mean()  # the same action, another reward

# %% [markdown]
# ## 3. A listing that cannot learn
#
# The following program is ours, with mistakes that are often made in first attempts. It has all four steps, in name.
# Read it first, and **write down the mistakes that you find**. Five will be named below.

# %%
family = PointNavigation(horizon=30)
ALPHA, BETA = 0.3, 0.01


class Listing:
    def __init__(self, seed):
        self.streams = Streams(seed)
        self.policy = PolicyNet(2, 2, observation_scale=family.observation_scale)  # step 2
        self.policy.initialise(self.streams.torch("initial-policy"))
        self.envs = [family.make_env([0.4, 0.2]) for _ in range(20)]  # step 1
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=BETA)
        self.rng = self.streams.numpy("tasks")
        self.passes = 0

    def loss(self, env):
        state = env.reset()
        total = 0.0
        for _ in range(30):
            action = self.policy(torch.tensor(state).float()).mean.detach().numpy()
            state, reward, _done, _ = env.step(action)
            total += reward
        return torch.tensor(-total, requires_grad=True)

    def adapt(self, env):  # step 4
        fast = [p.clone() for p in self.policy.parameters()]
        for _ in range(int(ALPHA)):
            self.passes += 1
            gradients = torch.autograd.grad(self.loss(env), fast)
            fast = [w - ALPHA * g for w, g in zip(fast, gradients, strict=True)]
        return fast

    def improve(self):  # step 3
        self.optimizer.zero_grad()
        for _ in range(10):
            env = self.envs[self.rng.integers(20)]
            fast = self.adapt(env)
            self.loss(env).backward()
        self.optimizer.step()
        return fast


# %% [markdown]
# ### Fault 1: an old interface
#
# Up to 2022 `reset` gave the state, and `step` gave four things. Now `reset` gives state and `info`; `step` gives
# five things, because "the task is over" (`terminated`) and "time is up" (`truncated`) are told apart. This fault is
# the friendliest of the five: it raises an exception.

# %%
listing = Listing(SEED)
try:
    listing.improve()
except (RuntimeError, TypeError, ValueError) as error:
    print(f"reset: {type(error).__name__}, for torch cannot make a tensor of a state and its info")
env = listing.envs[0]
env.reset(seed=SEED)
try:
    state, reward, _done, _ = env.step(np.zeros(2))
except ValueError as error:
    print("step: ", str(error).split(" (")[0])


# %% [markdown]
# We repair it. One thing is added: `reset` gets a seed, so that every episode begins alike, and losses can be compared.


# %%
class Runs(Listing):
    def loss(self, env):
        state, _ = env.reset(seed=SEED)
        total = 0.0
        for _ in range(30):
            action = self.policy(torch.tensor(state).float()).mean.detach().numpy()
            state, reward, _terminated, _truncated, _ = env.step(action)
            total += reward
        return torch.tensor(-total, requires_grad=True)


listing = Runs(SEED)
start = [p.detach().clone() for p in listing.policy.parameters()]
fast = listing.improve()
print("it runs without an error")

# %% [markdown]
# Now the program runs, prints nothing bad, and the remaining four faults are silent.
#
# ### Fault 2: a detached action
#
# The environment wants numbers, not tensors. So the listing takes the action out of PyTorch's graph, by `detach`.
#
# ### Exercise 1: predict, then run
#
# `improve` calls `backward` on the loss, which was even made with `requires_grad=True`. What does `.grad` of the
# policy's parameters hold then: `"none"` (no gradient at all), `"zero"`, or some other `"number"`?

# %% tags=["exercise", "check"]
# begin solution: naive_gradient
prediction = "none"
# stub
# prediction = ...  # "none", "zero" or "number"
# end solution
exercises.naive_gradient.predict(prediction)
# exercises.naive_gradient.hint()

# %% tags=["nbval-check-output"]
gradients = [p.grad for p in listing.policy.parameters()]
print("gradients:", gradients)
same = all(torch.equal(p, old) for p, old in zip(listing.policy.parameters(), start, strict=True))
print("theta is the same after the update:", same)
assert same

# %% tags=["check"]
exercises.naive_gradient.check(gradients)
# exercises.naive_gradient.solution()

# %% [markdown]
# The chain from $\theta$ to the reward is $\theta \to$ action $\to$ environment $\to$ reward. `detach` cuts it at the
# action. But without `detach` it would be cut one link later: the environment is not made of tensors. So removing
# `detach` is no repair. The repair is lesson 01's log-derivative trick, which needs no gradient of the environment:
#
# $$\nabla_\theta\, \mathbb{E}[R] = \mathbb{E}\Big[\sum_t \nabla_\theta \log \pi_\theta(a_t \mid s_t)\, A_t\Big]$$
#
# It needs actions that are *drawn*, too; the listing always takes the mean. `surrogate` is the library's loss.
#
# ### Fault 3: a learning rate as a loop count
#
# `range(int(ALPHA))` takes the size of a step for the number of steps. Any $\alpha$ below 1 gives none at all.

# %% tags=["nbval-check-output"]
print(f"alpha {ALPHA}: {listing.passes} passes through the inner loop for 10 tasks")
assert listing.passes == 0

# %% [markdown]
# Faults hide each other. What if the loop did run, once?

# %% tags=["nbval-ignore-output"]
fast_of_one = [p.clone() for p in listing.policy.parameters()]
try:
    torch.autograd.grad(listing.loss(listing.envs[0]), fast_of_one)  # the line inside the loop
except RuntimeError as error:
    print(f"{type(error).__name__}: {str(error).split('. ')[0]}")

# %% [markdown]
# PyTorch says what fault 2 is: the loss does not depend on the weights. Fault 3 kept that line from ever being reached,
# and so kept fault 2 silent.

# %% [markdown]
# ### Fault 4: fast weights that nobody uses
#
# `adapt` returns `fast`, and `improve` then calls `self.loss(env)`, which acts with `self.policy`. Let us put
# absurd fast weights in. Does the loss notice?


# %%
class Absurd(Runs):
    def adapt(self, env):
        return [torch.full_like(p, 100.0) for p in self.policy.parameters()]


usual, absurd = Runs(SEED), Absurd(SEED)
usual.improve()
absurd.improve()
losses = [float(program.loss(program.envs[0]).detach()) for program in (usual, absurd)]
unmoved = all(torch.equal(f, p) for f, p in zip(fast, start, strict=True))
print("fast weights equal to theta:", unmoved)
print(f"loss with usual fast weights {losses[0]:.3f}, with absurd ones {losses[1]:.3f}")
assert unmoved
assert losses[0] == losses[1]

# %% [markdown]
# So adaptation has no effect on what is optimised. Even with all else in order, this is training on the average.
#
# ### Fault 5: every "task" is the same
#
# Making an environment 20 times gives 20 copies.

# %% tags=["nbval-check-output"]
goals = np.array([env.unwrapped.task for env in listing.envs])
fresh = family.sample(20, np.random.default_rng(0))
print("different goals in the listing:  ", len(np.unique(goals, axis=0)))
print("different goals from `sample`:   ", len(np.unique(fresh, axis=0)))
assert len(np.unique(goals, axis=0)) == 1

# %% [markdown]
# With one task there is nothing to adapt to. A start that knows the goal would be perfect, and useless elsewhere.
#
# Did you find others? The listing always takes the mean action, so it never tries anything. It judges by one episode,
# where many are needed. And its inner step keeps no graph for the outer one. The repair sets these right, too.
#
# ## 4. The repair
#
# One fault after the other. (The first is mended already.)
#
# **Fault 5.** Tasks will come from `sample`, new ones in each iteration.
#
# **Fault 2.** Episodes are run with actions that are *drawn*, and each step is weighed by its advantage. That is what
# the log-derivative trick needs:


# %%
def explore(policy, parameters, batch, streams, *index):
    """Run episodes with these parameters, and weigh them: the steps for a loss, and the episodes."""
    actor = gaussian_actor(policy, parameters, streams.torch("actions", *index))
    episodes = collect(batch, family.horizon, actor, streams.numpy("reset", *index))
    advantages = task_advantages(episodes, family.observation_scale, 0.9, 0.95)
    return Steps.of(episodes, advantages), episodes


# %% [markdown]
# **Fault 3.** `inner_step` makes one gradient step on each of the $K$ tasks. How many steps there are has nothing to do
# with the size $\alpha$ of each:
#
# $$\theta'_k = \theta - \alpha\, \nabla_\theta \mathcal{L}_{\mathcal{T}_k}(\theta)$$
#
# ### Exercise 2: fill in
#
# **Fault 4** is yours: use the fast weights. The loss to improve $\theta$ by is that of the *adapted* parameters, on
# the episodes which they drew:
#
# $$\frac{1}{K} \sum_k \mathcal{L}_{\mathcal{T}_k}(\theta'_k)$$
#
# You get `practice`, the steps of episodes run with $\theta$, and `test`, those of episodes run with $\theta'_k$.
# `with_parameters(policy, fast)` is the policy with other weights; give it to `surrogate`.


# %% tags=["exercise"]
def meta_loss(policy, rates, practice, test):
    """The loss after one inner step, a mean over tasks: one number, with a gradient in theta."""
    start = spread_over_tasks(policy, len(practice.actions))  # K times theta
    # begin solution: meta_loss
    fast, _ = inner_step(policy, start, rates, practice)
    return surrogate(with_parameters(policy, fast), test).mean()
    # end solution


# %% tags=["check"]
exercises.meta_loss.check(meta_loss)
# exercises.meta_loss.hint()
# exercises.meta_loss.solution()

# %% [markdown]
# Put together, this is the whole repaired program. Look for the five repairs. It takes the right `meta_loss` from the
# exercise's checker, so that it works even if yours does not yet.

# %%
right_meta_loss = exercises.meta_loss.reference
EPISODES, TASKS = 10, 20


def new_policy(streams):
    policy = PolicyNet(2, 2, observation_scale=family.observation_scale)
    return policy.initialise(streams.torch("initial-policy"))


def practise(policy, batch, streams, *index, alpha=ALPHA):
    """Run, adapt, run again."""
    rates = torch.full((len(list(policy.parameters())),), alpha)
    start = spread_over_tasks(policy, len(batch.tasks))
    practice, _ = explore(policy, start, batch, streams, *index, 0)
    fast, _ = inner_step(policy, start, rates, practice, order=0)  # 0: to act with, so no graph is kept
    test, episodes = explore(policy, fast, batch, streams, *index, 1)
    return rates, practice, test, episodes


def new_goals(rng):
    return family.sample(TASKS, rng)


def repaired(seed, watch=None, draw=new_goals, alpha=ALPHA, loss=right_meta_loss):
    streams = Streams(seed)
    policy = new_policy(streams)
    optimizer = torch.optim.Adam(policy.parameters(), lr=BETA)
    for i in range(16):
        batch = family.make_batch(draw(streams.numpy("tasks", i)), EPISODES)  # step 1
        rates, practice, test, episodes = practise(policy, batch, streams, i, alpha=alpha)  # step 4
        optimizer.zero_grad()
        loss(policy, rates, practice, test).backward()  # step 3
        optimizer.step()
        if watch:
            watch(2 * (i + 1) * episodes.env_steps, episodes.returns.mean())
    return policy


def score(policy):
    """Mean return after one step of adaptation, on goals that no training saw."""
    streams = Streams(1000)
    batch = family.make_batch(family.sample(50, streams.numpy("tasks")), EPISODES)
    return practise(policy, batch, streams)[-1].returns.mean()


# %% [markdown]
# The unrepaired one first (with the interface mended, or it would not even run). Both are judged in the same way: an
# honest inner step on fresh goals.

# %% tags=["nbval-ignore-output"]
listing = Runs(SEED)
scores = [score(listing.policy)]
for _ in range(3):
    listing.improve()
    scores.append(score(listing.policy))
print("the listing, at the start and after each of three iterations:", ", ".join(f"{found:.2f}" for found in scores))

# %% tags=["nbval-ignore-output"]
with LiveCurve(f"repaired, seed {SEED}") as curve:
    learned = repaired(SEED, watch=curve.add)

# %% [markdown]
# One seed may be luck. Five seeds of each:

# %% tags=["nbval-ignore-output"]
print("return after one step on 50 fresh goals")
print("seed   start   listing   repaired")
gains = []
for seed in range(SEED, SEED + 5):
    at_start = score(new_policy(Streams(seed)))
    listing = Runs(seed)
    for _ in range(3):
        listing.improve()
    unrepaired = score(listing.policy)
    learned = score(repaired(seed))
    gains.append((unrepaired - at_start, learned - at_start))
    print(f"{seed:>4} {at_start:7.1f} {unrepaired:9.1f} {learned:10.1f}")

# %%
for unrepaired, gain in gains:
    assert unrepaired == 0  # not a single number of theta has changed
    assert gain > 2
print("the listing learned on", sum(gain > 0 for gain, _ in gains), "of 5 seeds")
print("the repaired program on", sum(gain > 2 for _, gain in gains), "of 5 seeds")

# %% [markdown]
# ### All repaired but one
#
# How much does each fault matter alone? We put one back at a time. **Guess first: which of the four silent faults
# keep the program from learning?** Each is judged as before, by an honest step on fresh goals.


# %%
def detached(policy, rates, practice, test):  # fault 2
    return right_meta_loss(policy, rates, practice, test).detach().requires_grad_()


def unused(policy, rates, practice, test):  # fault 4
    return surrogate(with_parameters(policy, spread_over_tasks(policy, TASKS)), practice).mean()


def same_goal(rng):  # fault 5
    return np.tile([0.4, 0.2], (TASKS, 1))


FAULTS = {
    "none": {},
    "2, detached": {"loss": detached},
    "3, no inner step": {"alpha": 0.0},
    "4, fast weights unused": {"loss": unused},
    "5, always the same goal": {"draw": same_goal},
}

# %% tags=["nbval-ignore-output"]
at_start = score(new_policy(Streams(SEED)))
left = {fault: score(repaired(SEED, **options)) - at_start for fault, options in FAULTS.items()}
print(f"gain in return after one step, seed {SEED}")
for fault, gain in left.items():
    print(f"{fault:<24}{gain:+5.1f}")

# %%
assert left["2, detached"] == 0
assert 0 < left["5, always the same goal"] < left["none"] - 0.5
assert min(left["3, no inner step"], left["4, fast weights unused"]) > 2
record = {"gains": left}

# %% [markdown]
# Fault 2 alone is fatal, and fault 5 costs a good part. But faults 3 and 4 do no harm here! Is that the luck of one
# seed? Five are stored (`python notebooks/seeds.py 03 --keep record`):

# %%
stored = results.read("03_four_steps", kind="lessons")
for fault in FAULTS:
    of_seeds = [run["gains"][fault] for run in stored["records"]]
    print(f"{fault:<24}{min(of_seeds):+5.1f} to {max(of_seeds):+5.1f} over {len(of_seeds)} seeds")

# %% [markdown]
# It is not luck. Both faults turn the program into training on the *average* of the tasks, and on this problem that is
# a good start: it learns to steer back to the middle of the field, and from there one gradient step points to any
# goal. **A problem that is too easy hides a fault.**
#
# So look at a harder one. On HalfCheetah there is no middle between running forward and running backward. These are
# stored evaluations of the same kind: a start that was trained on the average, and one trained by MAML.

# %%
for method in ("average", "maml"):
    stored = results.evaluation(f"{method}-cheetah-direction")
    print(f"{method:<8} {stored.mean[0]:6.1f} before, {stored.mean[1]:6.1f} after one step")
    print(f"         {results.read(f'{method}-cheetah-direction')['command']}")

# %% [markdown]
# ## 5. One more silent fault
#
# ### Exercise 3: find the bug
#
# A friend wants each run of the program to be repeatable, and draws the goals of each iteration with a seed. That is a
# good wish. But something is wrong. The function must still give the same goals when the program is run again.


# %% tags=["exercise"]
def draw_goals(family, n, seed, iteration):
    """The n goals of this iteration of the run with this seed: [n, 2]."""
    # begin solution: draw_goals
    rng = np.random.default_rng([seed, iteration])
    # stub
    # rng = np.random.default_rng(seed)
    # end solution
    return family.sample(n, rng)


# %% tags=["check"]
exercises.draw_goals.check(draw_goals)
# exercises.draw_goals.hint()
# exercises.draw_goals.solution()

# %%
met = np.concatenate([draw_goals(family, 5, 0, iteration) for iteration in range(40)])
everything_differs = len(np.unique(met, axis=0)) == len(met)
print("Every goal is a new one." if everything_differs else "The same five goals come again and again.")

# %% [markdown]
# ## 6. The real trainer
#
# The library's `MAML` is the repaired program with a more careful outer step (lesson 05). Find the four steps:
#
# 1. `self.tasks.sample` draws the tasks, anew in each iteration;
# 2. `self.policy`, spread over the tasks, is what is adapted;
# 3. `self._improve` changes the start, by how the *adapted* policies did after each inner step;
# 4. `inner_step` adapts, and the next `_explore` acts with the result. `adapt` does the same on a new task.

# %%
show_source(MAML._iterate)

# %% [markdown]
# What did it lead to? Four goals, one step each, with the shipped start:

# %%
labels = [f"goal ({x:.1f}, {y:.1f})" for x, y in result.tasks]
plots.show(plots.plot_before_after(result, labels), plots.describe_before_after(result, labels))

# %% [markdown]
# ## What you have learned
#
# - Meta-policy search needs a task distribution, a policy, a trainer that looks at *adapted* policies, and adaptation.
# - A program may run without an error and be unable to learn. Measure: is there a gradient? Did a weight change? How
#   often did the loop run? Does the loss depend on the fast weights? Do the tasks differ? Is the problem hard enough
#   to show a fault?
# - The reward of a simulation has no gradient. The log-probability of the actions has.
#
# **Next:** lesson 04 derives the meta-gradient that `meta_loss` left to PyTorch.
#
# <details><summary>Further reading</summary>
#
# - C. Finn, P. Abbeel, S. Levine: *Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks*, ICML 2017,
#   [arXiv:1703.03400](https://arxiv.org/abs/1703.03400). Algorithm 3 is the four steps.
# - P. Henderson, R. Islam, P. Bachman, J. Pineau, D. Precup, D. Meger: *Deep Reinforcement Learning that Matters*,
#   AAAI 2018, [arXiv:1709.06560](https://arxiv.org/abs/1709.06560). Why one seed says little.
#
# </details>
