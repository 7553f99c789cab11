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
# # Start here: a cheetah that learns in seconds
#
# **After this lesson you can**
#
# 1. load a meta-trained policy and adapt it to a task it has not been told about,
# 2. read a before/after picture and say what adaptation changed,
# 3. say what the policy may use to adapt, and what it may not,
# 4. predict which tasks will be hard, and check your prediction.
#
# **Time:** about 40 minutes. **You need:** Python. Everything else is explained when it comes up.
#
# Run the cells from top to bottom: click a cell, then press Shift+Enter.

# %% [markdown]
# ## 1. Is this machine ready?
#
# The next cell imports what this lesson uses and looks at your machine. `ok` is good. A `note` is something
# you can live without. Only `FAIL` has to be put right first, and the line below it says how.

# %% tags=["nbval-ignore-output"]
import matplotlib.pyplot as plt
import numpy as np

import mpsearch
from mpsearch.course import doctor, lesson_times
from mpsearch.exercises import lesson_00 as exercises
from mpsearch.view import plots
from mpsearch.view.player import play
from mpsearch.view.widgets import AdaptationExplorer

print(doctor.report(doctor.examine(quick=True)))

# %% [markdown]
# ## 2. One robot, two tasks
#
# The robot is MuJoCo's HalfCheetah: a flat cheetah with a torso and two legs, driven by six motors.
# Many times a second it senses its joint angles and velocities, and sets the torques of its motors.
#
# Here are its two tasks: **run forward**, or **run backward**. The reward at each step is the speed in the
# wanted direction, minus a small cost for using the motors. The sum of the rewards of an episode is its
# **return**: the more, the better.
#
# There is a catch. *The cheetah is not told which of the two tasks it has.* The wanted direction is not among
# the things it sees. It can only try something, and look at the rewards.
#
# A **meta-policy** is trained for exactly that: over and over it gets a task at random, tries, learns from its
# own tries, and is improved so that it learns *faster next time*. One such policy came with this package.
# Let us load it.

# %% tags=["nbval-check-output"]
agent = mpsearch.load("maml-cheetah-direction")
print(f"algorithm:                  {agent.algorithm.upper()}")
print(f"tasks:                      {agent.tasks.id}")
print(f"an episode:                 {agent.tasks.horizon} steps of {plots.CONTROL_STEP} s")
print(f"trained for:                {agent.env_steps:,} steps, {agent.cpu_seconds / 60:.0f} minutes on one core")
print(f"episodes to learn a task:   {agent.config.episodes} for each gradient step")

# %% [markdown]
# The training was done in advance. What comes next happens now, on your machine.

# %% [markdown]
# ## 3. Adapt
#
# **Predict first.** The policy starts the same for both tasks, because it does not know which one it has.
# What return do you expect *before* it adapts: high for both, high for one, or high for none? Why?
#
# This policy was trained by an algorithm called MAML. For each task, its `adapt` does the following:
#
# 1. run some episodes with the meta-policy as it is, adding noise to its actions to explore: that is *before*;
# 2. take **one** gradient step that makes the actions which paid off more likely;
# 3. run new episodes with the changed policy: that is *after*.

# %%
tasks = agent.tasks.spread(2)
names = {1.0: "forward", -1.0: "backward"}
labels = [names[direction] for direction in tasks[:, 0]]

result = agent.adapt(tasks, seed=0, steps=1)

for label, before, after in zip(labels, result.before, result.after, strict=True):
    print(f"{label:<10} before {before:7.0f}    after {after:7.0f}")
print(f"\nbefore, the two add up to {result.before.sum():.0f}")
print(f"adapted with {result.env_steps[-1]:,} steps on each task")
stumbled = (result.returns[:, -1] < result.after[:, None] / 2).sum()
print(f"episodes after adaptation with less than half of their mean return: {stumbled} of {result.returns[:, -1].size}")

# %%
for label, before, after in zip(labels, result.before, result.after, strict=True):
    assert after > before, f"adaptation should have raised the return of {label}"

# %%
plots.show(plots.plot_before_after(result, labels), plots.describe_before_after(result, labels))

# %% [markdown]
# **How to read it.** Each short bar is one episode. The large markers are means: a circle before, a diamond
# after. A line joins the two for each task.
#
# **What it says.** Before, the cheetah cannot be good at both: what a policy gains by running forward when that
# is wanted, it loses when backward is wanted. So on average the two returns of one and the same policy add up to less
# than zero, by the cost of the motors. (Here the two come from different episodes, so luck moves their sum a little.)
# After one gradient step the same start has become two *different* policies, one for each direction. All they used was
# the reward of their own episodes. Even then an episode may fail: look for a bar far below the others.
#
# That is the idea of this whole course: *do not learn a task; learn a start from which tasks are learned
# quickly*.
#
# ### Exercise 1: fill in
#
# All returns are in one array, `result.returns`. Its axes are tasks, stages and episodes: here 2 tasks, 2 stages
# (before and after), and the episodes of each. How much did each task gain? Write the body of `gains`: the mean
# return at the last stage, minus that at the first.


# %% tags=["exercise"]
def gains(returns):
    """What adaptation brought for each task: returns [K, S, E] of K tasks, S stages, E episodes -> [K]."""
    # begin solution: gains
    before, after = returns[:, 0].mean(-1), returns[:, -1].mean(-1)
    return after - before
    # end solution


# %% tags=["check"]
exercises.gains.check(gains)
# Stuck? Take away the "# " below. Each run of a hint gives the next one.
# exercises.gains.hint()
# exercises.gains.solution()

# %% [markdown]
# ## 4. What did the cheetah do?
#
# **Predict first.** In the next picture, will the two dashed lines (before adaptation) look alike? And the two
# solid ones? Remember that the start knows nothing of the task.

# %%
_, panels = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
for k, label in enumerate(labels):
    plots.plot_velocity(result, k, title=f"wanted: {label}", axes=panels[k])
    panels[k].spines[["top", "right"]].set_visible(False)
panels[1].set_ylabel("")  # as on the left
panels[1].get_legend().remove()
words = " ".join(f"Wanted: {label}. {plots.describe_velocity(result, k)}" for k, label in enumerate(labels))
plots.show(panels[0], words)

# %% [markdown]
# The faint lines jump up and down: a cheetah pushes off and lands several times a second. The strong lines are
# means over about one stride. Above zero it runs forward, below zero backward.
#
# Enough of lines: let us look at the cheetah itself. This is an episode before and one after adaptation, when
# *backward* is wanted. It starts by itself once you see it; the button plays it again. (Click it, and the space bar
# plays and pauses too, and the arrow keys move by a step.)

# %% tags=["nbval-ignore-output"]
play(result, labels.index("backward"), title="wanted: backward", autoplay=True)

# %% [markdown]
# ### Exercise 2: find the bug
#
# A friend computes the speed over the second half of an episode from the positions of the torso. The function runs,
# the number looks plausible, and it is wrong: compare it with the words below the picture of the two velocities, in
# which the second half has the same meaning. Find the line and repair it.


# %% tags=["exercise"]
def mean_speed(x):
    """Speed (m/s, negative if backward) over the second half of an episode: x [T + 1] in m, one every 0.05 s."""
    control_step = 0.05  # s
    half = len(x) // 2
    # begin solution: mean_speed
    seconds = control_step * (len(x) - 1 - half)
    # stub
    # seconds = control_step * (len(x) - 1)
    # end solution
    return (x[-1] - x[half]) / seconds


# %% tags=["nbval-ignore-output"]
for k, label in enumerate(labels):
    positions = result.trajectories[k, -1, :, 0]  # of the torso, in the last stage
    print(f"wanted: {label:<10} speed after adaptation, as the function says: {mean_speed(positions):.2f} m/s")

# %% tags=["check"]
exercises.mean_speed.check(mean_speed)
# exercises.mean_speed.hint()
# exercises.mean_speed.solution()

# %% [markdown]
# ## 5. A harder family: run at a speed
#
# Now the task is a number: **run at this many metres per second**. The reward at each step is minus the
# distance between the speed and the wanted one (and again a small cost for the motors), so a return is never
# above zero. There are as many tasks as there are numbers, and most of them the policy has never met.
#
# ### Exercise 3: predict, then run
#
# We shall adapt to five speeds by three gradient steps. Which of the three steps will raise the mean return most:
# `"the first"`, `"a later one"`, or will they be `"all alike"`? Note down, too, which of the speeds you expect to be
# the easiest; the experiment will print that as well.

# %% tags=["exercise", "check"]
# begin solution: steps
prediction = "the first"
# stub
# prediction = ...  # "the first", "a later one" or "all alike"
# end solution
exercises.steps.predict(prediction)
# exercises.steps.hint()

# %%
runner = mpsearch.load("maml-cheetah-velocity")
print(f"wanted speeds come from {runner.tasks.low.item():g} to {runner.tasks.high.item():g} m/s")

speeds = runner.tasks.spread(5)
run = runner.adapt(speeds, seed=0)
speed_labels = [f"{speed:.1f} m/s" for speed in speeds[:, 0]]
plots.show(plots.plot_adaptation(run, speed_labels), plots.describe_adaptation(run, speed_labels))

# %%
rises = np.diff(run.returns.mean(axis=-1))  # [K, steps]: what each step brought
for label, before, after, by_step in zip(speed_labels, run.before, run.after, rises, strict=True):
    each = " ".join(f"{rise:+5.0f}" for rise in by_step)
    print(f"{label}   before {before:5.0f}   after {after:5.0f}   by step {each}")
assert run.after.mean() > run.before.mean()
easiest, hardest = speed_labels[np.argmax(run.after)], speed_labels[np.argmin(run.after)]
print(f"\nhighest return after: {easiest}, lowest: {hardest}")
lowest_before, rose_most = speed_labels[np.argmin(run.before)], speed_labels[np.argmax(rises[:, 0])]
print(f"lowest return before: {lowest_before}; the first step brought most to {rose_most}")
for step, name in ((0, "first"), (-1, "last")):
    fell = [label for label, rise in zip(speed_labels, rises[:, step], strict=True) if rise < 0]
    print(f"lower after the {name} step than before it:", ", ".join(fell) or "none")

# %% [markdown]
# Was your prediction right? Look at three things in the numbers.
#
# - A low return *before* means that the wanted speed is far from what the start does. There a step can gain most.
# - Where the start is nearly right, the first step may go too far, and the return falls. The start was trained to raise
#   the mean over the tasks, not each of them. Later steps can repair that, but each of them rests on the luck of its
#   own episodes: one of them may lower a return as well.
# - Speeds are not equally hard. Where does the return after adaptation stay lowest: at the slow or at the fast end?

# %% tags=["check"]
exercises.steps.check(run.returns)
# exercises.steps.solution()

# %% [markdown]
# ### Your turn
#
# There is a second way to adapt, called PEARL: it changes no weights, but infers from what it sees which task it
# may be, and acts on that. You will learn how in lesson 06. Here both are at work.
#
# Move the wanted speed, press **Run**, and compare them: the return before and after, how many steps each needed
# on the task, and how they run. The grey cheetah runs at the wanted speed.

# %% tags=["nbval-ignore-output"]
explorer = AdaptationExplorer(runner, mpsearch.load("pearl-cheetah-velocity"))
explorer

# %%
for method, found in explorer.result.items():
    assert found.after[0] > found.before[0], f"{method} should have become better at this speed"

# %% [markdown]
# Would you rather write code? A speed outside the range gets you a sentence that says what is allowed.

# %%
my_speed = 1.5  # m/s: change me

mine = runner.adapt([[my_speed]], seed=1)
plots.show(
    plots.plot_velocity(mine, 0, target=my_speed, title=f"wanted: {my_speed} m/s"),
    plots.describe_velocity(mine, 0, target=my_speed),
)
print(f"return before {mine.before[0]:.0f}, after {mine.after[0]:.0f}")

# %% [markdown]
# **Questions to play with**
#
# - Adapt with another `seed`. How much does the result change? That is the luck of exploration.
# - Give `adapt` fewer episodes, such as `episodes=2`. When does it stop working?
# - Give it more gradient steps, such as `steps=5`. Does it go on improving?

# %% [markdown]
# ## What you have seen
#
# - A **task distribution** hands out tasks that share a robot and differ in what is wanted.
# - A **meta-policy** does not know the task, and is trained to *become* good at it. In MAML it is a start.
# - **Adaptation** uses the policy's own episodes, and nobody tells it the task. In MAML it is a few gradient steps; in
#   PEARL it is a guess at the task, made better by each transition.
#
# These symbols mean the same in all lessons. Do not learn them by heart: the lower ones come with their lessons.
#
# | symbol | meaning | in the code |
# |---|---|---|
# | $\mathcal{T}$ | a task | one row of `tasks` |
# | $p(\mathcal{T})$ | the task distribution | `agent.tasks` |
# | $\theta$ | parameters of the meta-policy, the start | what `mpsearch.load` loads |
# | $\pi_\theta(a \mid s)$ | the policy: how likely action $a$ is in state $s$ | `agent.policy` |
# | $\theta'$ | parameters after adaptation to one task | what `agent.adapt` finds |
# | $R$ | return: the sum of rewards of an episode, in derivations with a discount | `result.returns` |
# | $s_t, a_t, r_t$ | state, action and reward at step $t$ (lesson 01) | `observations`, `actions`, `rewards` |
# | $\tau$ | an episode: all its states, actions and rewards | `Episodes` |
# | $J(\theta)$ | mean return of the policy with parameters $\theta$ | `result.returns.mean()` |
# | $p_\theta(\tau)$ | how likely an episode is under the policy | |
# | $\gamma, \lambda$ | discount; weight of rewards against values | `discount`, `gae_lambda` |
# | $G_t$ | discounted return from step $t$ on | `discounted_sums` |
# | $b(s)$ | baseline, subtracted from returns | |
# | $V(s), Q(s, a)$ | value of a state; of an action in it | `linear_values` |
# | $A_t, \delta_t$ | advantage, and its one-step estimate | `generalised_advantages` |
# | $\mu, \sigma$ | mean and standard deviation of a normal distribution | `mean`, `std` |
# | $\alpha, \beta$ | size of a step of adaptation (lesson 02), of meta-training (03) | `inner_rate`, `BETA` |
# | $h, c$ | steepness and bottom of a bowl, the simplest loss (lesson 02) | `steepness`, `bottom` |
# | $\mathcal{L}_{\mathcal{T}}(\theta)$ | loss on a task | `surrogate` |
# | $g, H$ | gradient of a loss, and its Hessian: the matrix of second derivatives (lesson 04) | `hessian_product` |
# | $\psi, \rho$ | score $\nabla_\theta \log \pi_\theta$; ratio of new to old probability (lesson 04) | `ratio` |
# | $z, q(z \mid c)$ | what PEARL believes of a task, from context $c$ (lesson 06) | `result.beliefs` |
#
# In the code a comment like `# [K, E, T]` gives the axes of an array: $K$ tasks, $E$ episodes, $T$ steps of time. ($O$
# numbers are observed, $A$ make an action, and there are $S$ stages of adaptation.) A few letters have two meanings,
# and the lesson says so where it changes: $A$ is an advantage, an amplitude (02) or the number of an action's parts;
# $c$ is a bottom or a context (06); $\delta_t$ is an estimate, $\delta_{ij}$ is 1 or 0 (04); $\beta$ also weighs a
# bound (06).
#
# ## The course
#
# | lesson | what you learn |
# |---|---|
# | [01](01_policy_gradient.ipynb) Reinforcement learning by policy gradient | one task from scratch, and its cost |
# | [02](02_learning_to_learn.ipynb) Learning to learn | two levels of learning; a network made to adapt |
# | [03](03_four_steps.ipynb) Meta-policy search in four steps | tasks, policy, trainer, adaptation; how they go wrong |
# | [04](04_maml.ipynb) MAML, term by term | the gradient of what comes after a gradient step |
# | [05](05_maml_on_halfcheetah.ipynb) MAML on HalfCheetah | how far to step; the real trainer; what it reaches |
# | [06](06_pearl.ipynb) PEARL: infer the task, then act | beliefs about the task, and exploring by guessing |
# | [07](07_pearl_on_halfcheetah.ipynb) PEARL on HalfCheetah | what one transition tells; what a wrong context does |
# | [08](08_which_one_when.ipynb) Which one, when? | both on one axis; other bodies; how to report a result |
# | [09](09_five_applications.ipynb) Five applications | robots, games, taste, doses, markets; when not to use this |
# | [10](10_your_own_tasks.ipynb) Your own tasks, and more machines | a family of your own; faults; a hundred machines |
#
# Each runs from top to bottom in well under two minutes. These were measured, two lessons at a time:

# %%
times = lesson_times()
for name, seconds in times["seconds"].items():
    print(f"{seconds:4} s  {name}")
print(f"on {times['machine']}")

# %% [markdown]
# ## What next
#
# - In a terminal, `mpsearch adapt maml cheetah-velocity --task 2` does the same as section 5.
# - `mpsearch train maml point-navigation --iterations 100` trains a small meta-policy of your own in a minute or so.
# - Read `CheetahDirection?` and `agent.adapt?` in a new cell: the documentation is in the code
#   (`from mpsearch import CheetahDirection` first).
#
# **Further reading.** C. Finn, P. Abbeel, S. Levine: *Model-Agnostic Meta-Learning for Fast Adaptation of Deep
# Networks*, ICML 2017, [arXiv:1703.03400](https://arxiv.org/abs/1703.03400). Section 5.3 has these two families
# of tasks.
