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
# # Reinforcement learning by policy gradient
#
# **After this lesson you can**
#
# 1. describe a task by states, actions and rewards, and compute its returns,
# 2. derive the policy gradient, line by line,
# 3. explain why a baseline changes the noise of that gradient and not its mean,
# 4. trade bias against variance with one number, lambda,
# 5. train a policy, and find a bug that raises no error.
#
# **Time:** about 60 minutes. **Builds on:** lesson 00, which also has the table of symbols. **You need:** the chain
# rule, the mean of a random number, and a little PyTorch.
#
# In lesson 00 a cheetah adapted by "one gradient step that makes the actions which paid off more likely". Here you
# find out what that step is. Later lessons learn where to *start* it from.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

import mpsearch
from mpsearch import CheetahDirection, PointNavigation, PolicyNet
from mpsearch.evidence import results
from mpsearch.exercises import lesson_01 as exercises
from mpsearch.maml.inner import Steps, surrogate
from mpsearch.policies import log_prob
from mpsearch.returns import discounted_sums, generalised_advantages, task_advantages
from mpsearch.rollouts import collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.view import plots
from mpsearch.view.live import LiveCurve, show_source
from mpsearch.view.widgets import AdvantageExplorer
from mpsearch.view.widgets.advantage import advantage_errors
from mpsearch.view.widgets.walk import TRUE_DISCOUNT

SEED = 0  # of all random numbers below: change it, run all, and see what still holds

# %% [markdown]
# ## 1. A point and a goal
#
# A cheetah is a lot to begin with. So here is a point in a plane. At each step it may move a little. Its reward is
# minus its distance to a goal, so being near is good and being far is bad. It sees where it is, and is not told
# where the goal is.
#
# Let us push it to the right three times.

# %% tags=["nbval-check-output"]
tasks = PointNavigation(horizon=30)
goal = np.array([0.4, 0.2])  # m

env = tasks.make_env(goal)
state, _ = env.reset(seed=SEED)
for t in range(3):
    action = np.array([1.0, 0.0])
    following, reward, *_ = env.step(action)
    print(f"t = {t}: state {state.round(2)}, action {action}, reward {reward:.2f}, then {following.round(2)}")
    state = following

# %% [markdown]
# That is all a **Markov decision process** (MDP) is:
#
# | symbol | name | here |
# |---|---|---|
# | $s_t$ | state at step $t$ | the position |
# | $a_t$ | action | the move, two numbers |
# | $r_t$ | reward | minus the distance to the goal |
# | $p(s_{t+1} \mid s_t, a_t)$ | dynamics | position plus a tenth of the move (cut off at $\pm 1$) |
# | $\tau$ | an episode: $s_0, a_0, r_0, s_1, a_1, r_1, \dots$ | 30 steps |
#
# *Markov* means that the next state depends on the present state and action, and on nothing older. The learner does
# not know the dynamics, nor the formula of the reward. It can only act and see what comes back.

# %% [markdown]
# ## 2. What is an action worth?
#
# An action is not to be judged by its own reward alone: a good move now may pay later. So we add up what follows it,
# and count a reward less, the later it comes:
#
# $$G_t = r_t + \gamma\, r_{t+1} + \gamma^2 r_{t+2} + \dots$$
#
# $G_t$ is the **discounted return** from step $t$ on. The **discount** $\gamma$ lies between 0 and 1. Why discount?
# What happens much later depends mostly on later actions; for the action at step $t$ it is noise. With
# $\gamma = 0.9$ about ten steps count, because $1 + 0.9 + 0.9^2 + \dots = 10$.
#
# ### Exercise 1: fill in
#
# Compute $G_t$ for every step of every episode. Write the body, run the cell, then the one below it.


# %% tags=["exercise"]
def rewards_to_go(rewards, discount):
    """G_t for each step: rewards [E, T] of E episodes of T steps -> [E, T]."""
    # begin solution: rewards_to_go
    sums = np.zeros(rewards.shape)
    following = 0.0
    for t in reversed(range(rewards.shape[1])):
        following = rewards[:, t] + discount * following
        sums[:, t] = following
    return sums
    # end solution


# %% tags=["check"]
exercises.rewards_to_go.check(rewards_to_go)
# Stuck? Take away the "# " below. Each run of a hint gives the next one.
# exercises.rewards_to_go.hint()
# exercises.rewards_to_go.solution()

# %% [markdown]
# ## 3. A policy that can be improved a little
#
# A policy that always does the same in the same state never finds out whether something else is better. So let it
# *draw* its actions: $\pi_\theta(a \mid s)$ says how likely it draws action $a$ in state $s$. The numbers $\theta$
# are the weights of a network, which gives the mean of a normal distribution; its standard deviation is learned too.
# Changing $\theta$ a little changes every probability a little. That smoothness is what a gradient needs.

# %%
streams = Streams(SEED)  # independent streams of random numbers, each with a name
policy = PolicyNet(2, 2, observation_scale=tasks.observation_scale)
policy.initialise(streams.torch("initial-policy"))
with torch.no_grad():
    distribution = policy(torch.tensor([0.1, 0.0]))
print("mean action:       ", distribution.mean.numpy().round(2) + 0.0)
print("standard deviation:", distribution.stddev.numpy().round(2))
print("numbers in theta:  ", sum(parameter.numel() for parameter in policy.parameters()))

# %% [markdown]
# Now 2000 episodes with this untrained policy. The library runs them side by side; you see 20 of them.

# %%
batch = tasks.make_batch([goal], episodes=2000)
actor = gaussian_actor(policy, policy.parameters(), streams.torch("actions"))
episodes = collect(batch, tasks.horizon, actor, streams.numpy("reset"))

paths = episodes.observations[0, :20]
plots.show(plots.plot_paths(paths, goal), plots.describe_paths(paths, goal))

# %% [markdown]
# ## 4. The policy gradient, derived
#
# We want to raise the mean return $J(\theta) = \mathbb{E}_{\tau}[R(\tau)]$. Below each $\mathbb{E}$ stands what is
# drawn at random, here whole episodes $\tau$. $R(\tau) = r_0 + \gamma\, r_1 + \gamma^2 r_2 + \dots$ is the discounted
# return of an episode, so it is $G_0$. The gradient of $J$ would say how to change $\theta$. But where is $\theta$? Not
# in the reward, whose formula we do not know. It is in *how likely* each episode is. Write $p_\theta(\tau)$ for that
# likelihood:
#
# $$
# \begin{aligned}
# \nabla_\theta J(\theta)
# &= \nabla_\theta \int p_\theta(\tau)\, R(\tau)\, d\tau && \text{the mean, written out} \\
# &= \int \nabla_\theta\, p_\theta(\tau)\; R(\tau)\, d\tau && R \text{ does not contain } \theta \\
# &= \int p_\theta(\tau)\, \frac{\nabla_\theta\, p_\theta(\tau)}{p_\theta(\tau)}\, R(\tau)\, d\tau
# && \text{multiply and divide by } p_\theta \\
# &= \int p_\theta(\tau)\; \nabla_\theta \log p_\theta(\tau)\; R(\tau)\, d\tau
# && \text{chain rule: } \nabla \log p = \nabla p \,/\, p \\
# &= \mathbb{E}_{\tau}\big[\, \nabla_\theta \log p_\theta(\tau)\; R(\tau) \,\big] && \text{a mean again}
# \end{aligned}
# $$
#
# This is the **log-derivative trick**. It turns the gradient of a mean into a mean, and a mean can be estimated: run
# some episodes and average.
#
# What is $\log p_\theta(\tau)$? An episode's likelihood is a product: the start, then action, next state, action, ...
# The logarithm makes it a sum:
#
# $$\log p_\theta(\tau) = \log p(s_0) + \sum_t \log \pi_\theta(a_t \mid s_t)
# + \sum_t \log p(s_{t+1} \mid s_t, a_t)$$
#
# Only the middle part contains $\theta$. The unknown dynamics drop out of the gradient:
#
# $$\nabla_\theta J(\theta)
# = \mathbb{E}_{\tau}\Big[ \sum_t \nabla_\theta \log \pi_\theta(a_t \mid s_t)\; R(\tau) \Big]$$
#
# In words: *make each action more likely, in proportion to the return of its episode*.

# %% [markdown]
# ### The score has mean zero
#
# $\nabla_\theta \log \pi_\theta(a \mid s)$ is called the **score** of an action. In any state, its mean is zero:
#
# $$
# \begin{aligned}
# \mathbb{E}_{a \sim \pi_\theta}\big[\nabla_\theta \log \pi_\theta(a \mid s)\big]
# &= \int \pi_\theta(a \mid s)\, \frac{\nabla_\theta\, \pi_\theta(a \mid s)}{\pi_\theta(a \mid s)}\, da
# && \text{chain rule, as above} \\
# &= \nabla_\theta \int \pi_\theta(a \mid s)\, da && \pi_\theta \text{ cancels} \\
# &= \nabla_\theta\, 1 = 0 && \text{probabilities add up to 1}
# \end{aligned}
# $$
#
# Two things follow. The first: **past rewards can go**. When $a_t$ is drawn, an earlier reward $r_u$, $u < t$, is
# already fixed. So hold the past fixed, take the mean over $a_t$ first, and over the past afterwards:
#
# $$\mathbb{E}_{\tau}\big[\nabla_\theta \log \pi_\theta(a_t \mid s_t)\; r_u\big]
# = \mathbb{E}_{\text{past}}\Big[ r_u\, \underbrace{\mathbb{E}_{a_t}\big[\nabla_\theta \log
# \pi_\theta(a_t \mid s_t)\big]}_{0} \Big] = 0$$
#
# What is left of $R(\tau)$ is $\gamma^t r_t + \gamma^{t+1} r_{t+1} + \dots$, which is $\gamma^t G_t$:
#
# $$\nabla_\theta J(\theta)
# = \mathbb{E}_{\tau}\Big[ \sum_t \gamma^t\, \nabla_\theta \log \pi_\theta(a_t \mid s_t)\; G_t \Big]$$
#
# (Nearly all programs, ours too, then leave out the factor $\gamma^t$, so that late steps count as much as early
# ones. Strictly, that is no longer the gradient of $J$.)
#
# For a normal distribution with mean $\mu$ and standard deviation $\sigma$, the score in the direction of $\mu$ is
# $(a - \mu) / \sigma^2$. So we can look: is its mean zero?

# %%
with torch.no_grad():
    drawn_from = policy(torch.as_tensor(episodes.observations[0, :, :-1]))
mean, std = drawn_from.mean.numpy(), drawn_from.stddev.numpy()  # [E, T, A]
scores = ((episodes.actions[0] - mean) / std**2)[..., 0]  # [E, T], for the x part of the action

print(f"mean score over {scores.size:,} actions: {abs(scores.mean()):.2f}")
print(f"size of a single one: about {scores.std():.1f}")
assert abs(scores.mean()) < 3 * scores.std() / np.sqrt(scores.size)

# %% [markdown]
# ## 5. A baseline
#
# The second thing that follows. Here every reward is negative, so *every* action is made less likely, the good
# ones by a little less than the others. It would be clearer to compare with what is usual. Subtract a number $b(s)$, a
# **baseline**, that may depend on the state but not on the action. In one state $s$ it is the same for every action, so
# it comes out of the mean over actions. ($G$ also depends on what is drawn later; that mean is taken first, and does
# not touch $b(s)$.)
#
# $$
# \begin{aligned}
# \mathbb{E}_{a}\big[\nabla_\theta \log \pi_\theta(a \mid s)\,\big(G - b(s)\big)\big]
# &= \mathbb{E}_{a}\big[\nabla_\theta \log \pi_\theta(a \mid s)\; G\big]
# - \mathbb{E}_{a}\big[\nabla_\theta \log \pi_\theta(a \mid s)\; b(s)\big] && \text{multiply out} \\
# &= \mathbb{E}_{a}\big[\nabla_\theta \log \pi_\theta(a \mid s)\; G\big]
# - b(s)\, \underbrace{\mathbb{E}_{a}\big[\nabla_\theta \log \pi_\theta(a \mid s)\big]}_{0}
# && b(s) \text{ comes out}
# \end{aligned}
# $$
#
# It is so in each state, and so in the mean over all states: the gradient stays what it was.
#
# ### Exercise 2: predict, then run
#
# We shall estimate the same gradient 200 times, from 10 episodes each. To have one number, we take the derivative in
# one direction only: what happens to $J$ if the x part of the mean action is raised by the same small amount in every
# state? There are three baselines: none, the mean $G_t$ of each step, and a silly one, 50 for every step. For
# comparison, these are the $G_t$ in our episodes:

# %%
to_go = discounted_sums(episodes.rewards[0], 0.9)  # [E, T]
print(f"G_t: mean {to_go.mean():.2f}, from {to_go.min():.2f} to {to_go.max():.2f}")

# %% [markdown]
# What will differ between the three: the `"mean"` of the 200 estimates, their `"spread"`, `"both"` or `"neither"`?
# (Means count as different if they differ by more than chance explains: the number after ± says how much that is.)

# %% tags=["exercise", "check"]
# begin solution: baselines
prediction = "spread"
# stub
# prediction = ...  # "mean", "spread", "both" or "neither"
# end solution
exercises.baselines.predict(prediction)
# exercises.baselines.hint()


# %%
def gradient_estimates(baseline):
    """200 estimates of the gradient in the x part of the mean action, each from 10 episodes."""
    return (scores * (to_go - baseline)).sum(1).reshape(200, 10).mean(1)


estimates = {
    "none": gradient_estimates(0.0),
    "mean of each step": gradient_estimates(to_go.mean(0)),
    "50 everywhere": gradient_estimates(50.0),
}
for name, found in estimates.items():
    error = found.std() / np.sqrt(200)
    print(f"baseline {name:<18} mean {found.mean():6.1f} ± {error:4.1f}  spread {found.std():6.1f}")
none, usual, silly = estimates.values()
assert usual.std() < none.std() < silly.std()

# %% jupyter={"source_hidden": true}
_, panels = plt.subplots(1, 2, figsize=(9.5, 2.6), sharey=True, layout="constrained")
for axes in panels:
    for row, found in enumerate(estimates.values()):
        axes.plot(found, np.full(200, row), "|", color=plots.AFTER, alpha=0.5)
        axes.plot(found.mean(), row, "D", color=plots.TARGET)
    axes.set(xlabel="estimate of the gradient (diamond: their mean)", ylim=(2.6, -0.6))
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set(title="all estimates")
panels[0].set_yticks(range(3), estimates)
panels[1].set(title="the same, closer", xlim=(1.2 * none.min(), 1.2 * none.max()))
words = "200 estimates of one gradient with each of three baselines."
for name, found in estimates.items():
    words += f" {name}: mean {found.mean():.1f}, from {found.min():.0f} to {found.max():.0f}."
plots.show(panels[0], words)

# %% tags=["check"]
exercises.baselines.check(estimates)
# exercises.baselines.solution()

# %% [markdown]
# A wide spread is not harmless. You would take *one* such estimate and step. If its spread is several times its mean,
# the step may well point the wrong way.

# %% [markdown]
# ## 6. The advantage, and how far to trust a guess
#
# Which baseline is a good one? What one may expect in that state. Three names:
#
# - the **value** $V(s) = \mathbb{E}_{\tau}[G_t \mid s_t = s]$: the return that is usual from here,
# - the **action value** $Q(s, a) = \mathbb{E}_{\tau}[G_t \mid s_t = s, a_t = a]$: the same after action $a$,
# - the **advantage** $A(s, a) = Q(s, a) - V(s)$: how much better than usual the action is.
#
# With $b = V$, the gradient weighs each action by an estimate of its advantage. There are two natural estimates.
#
# *Trust the rewards:* $G_t - V(s_t)$. Right on average, but noisy, as $G_t$ has the luck of all later steps in it.
#
# *Trust the values:* wait one step, then guess the rest,
#
# $$\delta_t = r_t + \gamma V(s_{t+1}) - V(s_t)$$
#
# This has little noise. But $V$ must itself be learned; where it is wrong, so is $\delta_t$, and a mean over many
# episodes is just as wrong. An error that stays in the mean is called **bias**; one that averages out is **variance**.
#
# In between, one may wait $k$ steps. The values in the middle cancel, so the result is a sum of $\delta$'s:
#
# $$
# \begin{aligned}
# A_t^{(k)} &= r_t + \gamma r_{t+1} + \dots + \gamma^{k-1} r_{t+k-1} + \gamma^k V(s_{t+k}) - V(s_t) \\
# &= \sum_{l=0}^{k-1} \gamma^l \big( r_{t+l} + \gamma V(s_{t+l+1}) - V(s_{t+l}) \big)
# = \sum_{l=0}^{k-1} \gamma^l\, \delta_{t+l}
# \end{aligned}
# $$
#
# Why choose one $k$? **Generalised advantage estimation** (GAE) averages over all of them, with weights
# $(1-\lambda)\lambda^{k-1}$, which add up to 1. What comes out is short:
#
# $$A_t^{\text{GAE}} = (1-\lambda) \sum_{k=1}^{\infty} \lambda^{k-1} A_t^{(k)}
# = \sum_{l=0}^{\infty} (\gamma\lambda)^l\, \delta_{t+l}$$
#
# <details><summary>The derivation, in four lines</summary>
#
# How often does $\delta_{t+l}$ occur? In every $A_t^{(k)}$ with $k > l$:
#
# $$
# \begin{aligned}
# A_t^{\text{GAE}} &= (1-\lambda) \sum_{k=1}^{\infty} \lambda^{k-1} A_t^{(k)} && \text{the average} \\
# &= (1-\lambda) \sum_{k=1}^{\infty} \lambda^{k-1} \sum_{l=0}^{k-1} \gamma^l\, \delta_{t+l} && \text{from above} \\
# &= \sum_{l=0}^{\infty} \gamma^l\, \delta_{t+l}\; (1-\lambda) \sum_{k=l+1}^{\infty} \lambda^{k-1}
# && \text{swap the sums} \\
# &= \sum_{l=0}^{\infty} (\gamma\lambda)^l\, \delta_{t+l}
# && \text{since } (1-\lambda)(\lambda^l + \lambda^{l+1} + \dots) = \lambda^l
# \end{aligned}
# $$
#
# </details>
#
# So GAE is a discounted sum once more, of $\delta$'s with discount $\gamma\lambda$. $\lambda = 0$ trusts the values,
# $\lambda = 1$ the rewards. The library does just that:

# %%
show_source(generalised_advantages)

# %% [markdown]
# Is it really the weighted average? An episode of four steps, by hand. There it is cut off, so the longest
# estimate takes all the weight that is left.

# %% tags=["nbval-check-output"]
rewards, values = np.array([1.0, 0.0, -1.0, 2.0]), np.array([0.5, 0.2, 0.0, 1.0, 0.3])
discount, gae_lambda = 0.9, 0.8

deltas = rewards + discount * values[1:] - values[:-1]
waiting = [sum(discount**j * deltas[j] for j in range(k)) for k in (1, 2, 3, 4)]  # A^(k)
weights = [(1 - gae_lambda) * gae_lambda ** (k - 1) for k in (1, 2, 3)] + [gae_lambda**3]
by_hand = np.dot(weights, waiting)
library = generalised_advantages(rewards, values, discount, gae_lambda)[0]

print("weights:", np.round(weights, 3), "their sum:", round(sum(weights), 3))
print(f"by hand {by_hand:.4f}, by the library {library:.4f}")
assert np.isclose(by_hand, library)

# %% [markdown]
# ### Move it
#
# A walk along seven positions, small enough to know the true advantages. **Predict first:** when the values are exact
# (error 0), which lambda is best? And when they are useless (error 1)? Then move the sliders. On the right, look at
# where the lowest point of the solid line goes. Then find the discount at which the bias at lambda 1 vanishes.

# %% tags=["nbval-ignore-output"]
AdvantageExplorer(discount=0.9, noise=1.0)

# %% [markdown]
# Did you see it? With exact values there is nothing to gain from waiting, and noise to lose. With useless values only
# the rewards know anything: lambda should be near 1. What one has in practice lies between, and so does a good lambda.
#
# The discount makes the same trade. A smaller one takes away the noise of late rewards, and with it what they were
# worth. This bias stays even at lambda 1. It goes only with the discount that the true advantages were computed with:

# %% tags=["nbval-check-output"]
for value_error in (0.0, 1.0, 0.5):
    found = advantage_errors(discount=0.9, gae_lambda=0.8, noise=1.0, value_error=value_error)
    best = found.lambdas[found.error.argmin()]
    print(f"error of the values {value_error}: the best lambda is {best:.2f}")

print()
print(f"lambda 0: bias {found.bias[0]:.2f}, standard deviation {found.scatter[0]:.2f}")
print(f"lambda 1: bias {found.bias[-1]:.2f}, standard deviation {found.scatter[-1]:.2f}")
assert found.bias[0] > found.bias[-1]
assert found.scatter[0] < found.scatter[-1]

as_in_truth = advantage_errors(TRUE_DISCOUNT, gae_lambda=0.8, noise=1.0, value_error=0.5)
print(f"and with discount {TRUE_DISCOUNT}:")
print(f"lambda 1: bias {as_in_truth.bias[-1]:.2f}, standard deviation {as_in_truth.scatter[-1]:.2f}")
assert as_in_truth.bias[-1] < 0.01 < found.bias[-1]
assert as_in_truth.scatter[-1] > found.scatter[-1]

# %% [markdown]
# ## 7. Train
#
# Now all parts are there. PyTorch wants a *loss* whose gradient is minus the policy gradient. The library has:

# %%
show_source(surrogate)

# %% [markdown]
# `[K]` says that there is one number for each of $K$ tasks; here $K$ is 1.
#
# Why a ratio of probabilities instead of $\log \pi_\theta$? At the policy that drew the actions the ratio is 1, and
# its gradient is $\nabla_\theta \pi_\theta / \pi_\theta = \nabla_\theta \log \pi_\theta$: the same step. Lesson 04
# needs its second derivative, where the ratio is right and the logarithm is not.
#
# Here is all of training. Try, weigh, improve; again and again.

# %%
EPISODES = 20


def library_loss(policy, steps):
    return surrogate(policy, steps).sum()


def train(tasks, task, *, iterations, rate, discount, seed, loss=library_loss, watch=None):
    """Policy gradient on one task: the trained policy, and the last episodes."""
    streams = Streams(seed)
    scale = tasks.observation_scale
    policy = PolicyNet(tasks.observation_dim, tasks.action_dim, observation_scale=scale)
    policy.initialise(streams.torch("initial-policy"))
    optimizer = torch.optim.Adam(policy.parameters(), lr=rate)
    batch = tasks.make_batch([task], EPISODES)
    for i in range(iterations):
        actor = gaussian_actor(policy, policy.parameters(), streams.torch("actions", i))
        episodes = collect(batch, tasks.horizon, actor, streams.numpy("reset", i))  # try
        advantages = task_advantages(episodes, scale, discount, gae_lambda=0.95)  # weigh
        optimizer.zero_grad()
        loss(policy, Steps.of(episodes, advantages)).backward()
        optimizer.step()  # improve
        if watch:
            watch((i + 1) * episodes.env_steps, episodes.returns.mean())
    return policy, episodes


# %% [markdown]
# (`task_advantages` fits a linear $V$ to the episodes, applies GAE, and scales the advantages to mean 0 and standard
# deviation 1. The optimiser Adam takes the gradient and chooses the size of each parameter's step.)
#
# Watch it learn:

# %% tags=["nbval-ignore-output"]
POINT = {"iterations": 40, "rate": 0.03, "discount": 0.9}

with LiveCurve(f"the point, seed {SEED}") as curve:
    _, trained = train(tasks, goal, seed=SEED, watch=curve.add, **POINT)

# %% tags=["nbval-ignore-output"]
paths = trained.observations[0]
plots.show(plots.plot_paths(paths, goal), plots.describe_paths(paths, goal))

# %% [markdown]
# (Why does the path have a corner? Each of the two parts of a move is cut off at 1. So at full speed the point goes
# diagonally, until one part has arrived.)
#
# One success may be luck. In reinforcement learning it often is. So, four more seeds:

# %% tags=["nbval-ignore-output"]
distances = [np.linalg.norm(trained.observations[0, :, -1] - goal, axis=-1).mean()]
for seed in range(SEED + 1, SEED + 5):
    _, again = train(tasks, goal, seed=seed, **POINT)
    distances.append(np.linalg.norm(again.observations[0, :, -1] - goal, axis=-1).mean())

untrained = np.linalg.norm(episodes.observations[0, :, -1] - goal, axis=-1).mean()
print(f"mean distance to the goal at the end of an episode: {untrained:.2f} m untrained")
print("trained, five seeds:", ", ".join(f"{distance:.2f}" for distance in distances), "m")
assert max(distances) < 0.1  # one full move

# %% [markdown]
# ## 8. A bug that raises no error
#
# ### Exercise 3: find the bug
#
# A friend writes the loss with the logarithm. Their advantages come from a network and have shape `[N, 1]`. It runs,
# the formula is right, and nothing is learned. Read it, run the cells below to watch it fail, then repair it.


# %% tags=["exercise"]
def policy_loss(policy, observations, actions, advantages):
    """The loss: observations [N, O], actions [N, A], advantages [N, 1] -> one number."""
    log_probs = log_prob(policy(observations), actions)  # one for each step
    # begin solution: policy_loss
    return -(log_probs * advantages.squeeze(-1)).mean()
    # stub
    # return -(log_probs * advantages).mean()
    # end solution


# %% tags=["check"]
exercises.policy_loss.check(policy_loss)
# exercises.policy_loss.hint()
# exercises.policy_loss.solution()


# %%
def friends_loss(policy, steps):
    advantages = steps.advantages[0][:, None]  # [N, 1]
    return policy_loss(policy, steps.observations[0], steps.actions[0], advantages)


_, friends = train(tasks, goal, seed=SEED, loss=friends_loss, **POINT)
distance = np.linalg.norm(friends.observations[0, :, -1] - goal, axis=-1).mean()
print("It learned." if distance < 0.1 else "It did not learn: the point is not at the goal.")

# %% [markdown]
# Most bugs in reinforcement learning are like this one: silent. Two habits help. Print shapes. And train something
# tiny, like this point, before anything large.

# %% [markdown]
# ## 9. What does a cheetah cost?
#
# The same function, unchanged, on one task of the cheetah: run forward. From scratch. **Predict first:** the
# meta-policy of lesson 00 needed a single gradient step. How many environment steps will it take from scratch to run
# as well?

# %% tags=["nbval-ignore-output"]
cheetah, forward = CheetahDirection(), [1.0]
ITERATIONS = 40

with LiveCurve(f"one cheetah, from scratch, seed {SEED}") as cheetah_curve:
    watch = cheetah_curve.add
    train(cheetah, forward, iterations=ITERATIONS, rate=0.01, discount=0.99, seed=SEED, watch=watch)

# %% tags=["nbval-ignore-output"]
agent = mpsearch.load("maml-cheetah-direction")
adapted = agent.adapt([forward], seed=SEED, steps=1)

reached = np.mean(cheetah_curve.returns[-5:])
print("from scratch, by environment steps on this task")
print(f"  return {cheetah_curve.returns[1]:5.0f} after {cheetah_curve.steps[0]:>8,}")  # after one update
print(f"  return {reached:5.0f} after {cheetah_curve.steps[-1]:>8,}")
print("from a meta-start")
print(f"  return {adapted.after[0]:5.0f} after {adapted.env_steps[-1]:>8,}")
print(f"which was trained before, with {agent.env_steps:,} steps on both directions,")
print(f"as many as {agent.env_steps / cheetah_curve.steps[-1]:.0f} such runs from scratch take")
arrived = reached >= adapted.after[0]
print("From scratch it runs as well by now." if arrived else "From scratch it does not run as well yet.")
assert reached > cheetah_curve.returns[0] + 50  # it learns
assert adapted.after[0] > cheetah_curve.returns[1] + 100  # at the same cost
record = {"env_steps": cheetah_curve.steps, "returns": cheetah_curve.returns, "meta": float(adapted.after[0])}

# %% [markdown]
# Be fair to both. This was one seed, and a short run. Five seeds with three times the iterations are stored
# (`python notebooks/seeds.py 01 --set ITERATIONS=120 --keep record`):

# %% jupyter={"source_hidden": true}
stored = results.read("01_policy_gradient", kind="lessons")
runs = np.array([run["returns"] for run in stored["records"]])  # [seeds, iterations]
meta = np.array([run["meta"] for run in stored["records"]])
steps_taken = stored["records"][0]["env_steps"]
_, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(steps_taken, runs.T, color=plots.AFTER, linewidth=1, alpha=0.7)
axes.axhline(meta.mean(), color=plots.TARGET, linestyle="--", label="meta-start after one step, mean")
axes.set(xlabel="environment steps", ylabel="mean return", title=f"from scratch, {len(runs)} seeds")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right")
third, ends = runs[:, len(runs[0]) // 3 - 5 : len(runs[0]) // 3].mean(1), runs[:, -5:].mean(1)
words = f"Five trainings from scratch: from {third.min():.0f} to {third.max():.0f} after {steps_taken[39]:,} steps,"
words += f" from {ends.min():.0f} to {ends.max():.0f} after {steps_taken[-1]:,}; the meta-start after one step has"
words += f" {meta.mean():.0f} on average."
plots.show(axes, words)
print(f"With three times the steps {np.sum(ends > third)} of {len(ends)} runs got farther, and", end=" ")
print(f"{np.sum(ends >= meta)} passed the meta-start of the same seed.")

# %% [markdown]
# How far a run gets is a matter of luck, and some even fall back. The meta-policy paid in advance, and a lot. That pays
# when there are *many* tasks to come. For one task, train on that task, and with several seeds.

# %% [markdown]
# ## What you have learned
#
# - The policy gradient weighs the score of each action by what came after it. It needs samples, not the dynamics.
# - The score has mean zero. So past rewards and any baseline may be subtracted: the mean stays, the noise changes.
# - GAE is a discounted sum of one-step surprises. Lambda trades the bias of the values for the variance of rewards.
# - A policy gradient spends many steps on each task, and starts the next from nothing.
#
# **Next:** lesson 02 asks whether a *start* can be learned from which few steps are enough.
#
# <details><summary>Further reading</summary>
#
# - R. J. Williams: *Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning*,
#   Machine Learning 8, 1992. The log-derivative trick and baselines ("REINFORCE").
# - R. S. Sutton, D. McAllester, S. Singh, Y. Mansour: *Policy Gradient Methods for Reinforcement Learning with
#   Function Approximation*, Advances in Neural Information Processing Systems 12, 2000. The gradient with $Q$.
# - J. Schulman, P. Moritz, S. Levine, M. Jordan, P. Abbeel: *High-Dimensional Continuous Control Using Generalized
#   Advantage Estimation*, ICLR 2016, [arXiv:1506.02438](https://arxiv.org/abs/1506.02438).
# - R. S. Sutton, A. G. Barto: *Reinforcement Learning: An Introduction*, second edition, MIT Press 2018,
#   [incompleteideas.net/book](http://incompleteideas.net/book/the-book-2nd.html). Chapter 13.
#
# </details>
