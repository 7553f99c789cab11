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
# # MAML, term by term
#
# **After this lesson you can**
#
# 1. derive the meta-gradient, and say where its Hessian comes from,
# 2. compute it in three ways, and check that they agree,
# 3. say what first-order MAML drops, when that is exact, and when it points the wrong way,
# 4. say which policy drew which samples, and which part of the meta-gradient a program leaves out,
# 5. meta-train a policy from which one gradient step is enough.
#
# **Time:** two sittings: about 50 minutes for all but section 5, 10 for section 5, which may wait. **Builds on:**
# lessons 01 to 03. **You need:** the chain rule for vectors, and what a Hessian is: the matrix of second derivatives.
#
# Lesson 02 let a program differentiate *through* a step of learning. Here we open that step, find two terms in its
# gradient, and ask what each is worth. Then we train with it.

# %%
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch

from mpsearch import PointNavigation, PolicyNet
from mpsearch.exercises import lesson_04 as exercises
from mpsearch.maml import MAML, MAMLConfig
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks, surrogate
from mpsearch.maml.outer import MetaBatch, meta_losses
from mpsearch.maml.trust_region import flat_gradient
from mpsearch.policies import with_parameters
from mpsearch.returns import task_advantages
from mpsearch.rollouts import collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.view import plots
from mpsearch.view.live import LiveCurve, show_source
from mpsearch.view.widgets import InnerStepExplorer
from mpsearch.view.widgets.inner_step import take_inner_steps

SEED = 0  # of all random numbers below: change it, run all, and see what still holds

# %% [markdown]
# ## 1. One parameter
#
# Take the smallest case, the bowl of lesson 02. There is one parameter $\theta$, and a task whose loss has its bottom
# at $c$ and the steepness $h$, which is its curvature:
#
# $$\mathcal{L}(\theta) = \tfrac{h}{2}\,(\theta - c)^2, \qquad \text{slope } h\,(\theta - c)$$
#
# The inner step is $\theta' = \theta - \alpha h (\theta - c)$, so what is left of the distance is
#
# $$\theta' - c = (1 - \alpha h)\,(\theta - c)$$
#
# MAML asks: how does the loss *after* the step depend on the *start*? By the chain rule, slope at $\theta'$ times
# how much $\theta'$ moves when $\theta$ moves:
#
# $$\frac{d}{d\theta}\, \mathcal{L}(\theta')
# = \underbrace{h\,(\theta' - c)}_{\text{slope at } \theta'} \; \cdot \;
# \underbrace{(1 - \alpha h)}_{d\theta'/d\theta}$$
#
# **First-order MAML** leaves out the second factor. It acts as if $\theta'$ moved just as $\theta$ does.

# %% tags=["nbval-check-output"]
curvature, task = 2.0, 0.0


def slopes(start, alpha):
    """The exact slope of the loss after one step, and that of first order."""
    after = start - alpha * curvature * (start - task)
    first_order = curvature * (after - task)
    return first_order * (1 - alpha * curvature), first_order


for alpha in (0.0, 0.1, 0.2):
    exact, first_order = slopes(-1.0, alpha)
    print(f"alpha {alpha}: exact {exact:6.2f}, first order {first_order:6.2f}")

# %% [markdown]
# ### Exercise 1: predict, then run
#
# The start is at -1, the task at 0, the curvature is 2. Now let $\alpha = 0.7$: the step is too long, and lands
# *beyond* the task. It still helps, since it lands nearer than it began. Compared with the exact slope, will the
# first-order slope have the `"same"` sign, the `"opposite"` sign, or be `"zero"`?

# %% tags=["exercise", "check"]
# begin solution: overshoot
prediction = "opposite"
# stub
# prediction = ...  # "same", "opposite" or "zero"
# end solution
exercises.overshoot.predict(prediction)
# exercises.overshoot.hint()

# %% tags=["nbval-check-output"]
exact, first_order = slopes(-1.0, alpha=0.7)
print(f"the step goes from -1 to {-1 + 0.7 * curvature:.1f}")
print(f"exact slope {exact:.2f}, first order {first_order:.2f}")

# %% tags=["check"]
exercises.overshoot.check(exact, first_order)
# exercises.overshoot.solution()

# %% [markdown]
# ## 2. Many parameters: the Hessian appears
#
# A network has many parameters. Write $g = \nabla \mathcal{L}(\theta)$ for the gradient of the inner loss, and $H$ for
# its Hessian, $H_{ij} = \partial^2 \mathcal{L} / \partial\theta_i\, \partial\theta_j$. After the step, a *new* loss
# $\mathcal{L}'$ counts: the same task, but fresh data. (A prime says *after the step*: $\theta'$ are the parameters
# after it, $\mathcal{L}'$ is the loss that is asked there.) So MAML minimises
#
# $$F(\theta) = \mathcal{L}'(\theta'), \qquad \theta' = \theta - \alpha\, g(\theta)$$
#
# Line by line. How does entry $j$ of $\theta'$ move when entry $i$ of $\theta$ does?
#
# $$
# \begin{aligned}
# \frac{\partial \theta'_j}{\partial \theta_i}
# &= \frac{\partial}{\partial \theta_i} \big( \theta_j - \alpha\, g_j(\theta) \big) && \text{the step} \\
# &= \delta_{ij} - \alpha\, \frac{\partial g_j}{\partial \theta_i}
# && \delta_{ij} \text{ is 1 if } i = j \text{, else 0; not lesson 01's } \delta_t \\
# &= \delta_{ij} - \alpha\, H_{ij} && g \text{ is itself a derivative of } \mathcal{L}
# \end{aligned}
# $$
#
# Now the chain rule. $F$ changes with $\theta_i$ through *every* entry of $\theta'$. Write
# $g' = \nabla \mathcal{L}'(\theta')$:
#
# $$
# \begin{aligned}
# \frac{\partial F}{\partial \theta_i}
# &= \sum_j \frac{\partial \theta'_j}{\partial \theta_i}\; g'_j && \text{chain rule} \\
# &= \sum_j \big( \delta_{ij} - \alpha\, H_{ij} \big)\, g'_j && \text{from above} \\
# &= g'_i - \alpha \sum_j H_{ij}\, g'_j && \text{multiply out} \\
# \nabla_\theta F &= (I - \alpha H)\, g' = g' - \alpha\, H g' && \text{all entries at once}
# \end{aligned}
# $$
#
# That is the **meta-gradient**. With many tasks, it is averaged over them. Mind where each part is taken: $g'$ at
# $\theta'$, on the new data; $H$ at $\theta$, on the old.
#
# A frequent misreading: $\nabla_\theta \mathcal{L}(\theta')$, as introductions write it, is *not* the gradient at the
# adapted parameters. That is $g'$ alone. The small $\theta$ below the $\nabla$ says: go back to the start.
# Another: to write $\alpha$ for the meta-step's size as well. They are two numbers: $\alpha$ belongs to the inner step,
# and $\beta$ is the usual letter for the other.

# %% [markdown]
# ### Exercise 2: fill in
#
# A policy with 10,000 parameters has a Hessian of 100 million numbers. Nobody builds it. We need only the *vector*
# $H v$, and entry $i$ of it is $\sum_j \frac{\partial g_j}{\partial \theta_i} v_j = \frac{\partial}{\partial \theta_i}
# (g \cdot v)$ for a constant $v$. So: one gradient, one product, one more gradient (Pearlmutter 1994).
#
# `torch.autograd.grad(value, theta)` gives a tuple with the gradient of the number `value`.


# %% tags=["exercise"]
def hessian_times(loss, theta, vector):
    """H v: the Hessian of loss(theta) at theta [P], times vector [P], without building H."""
    # begin solution: hessian_times
    gradient = torch.autograd.grad(loss(theta), theta, create_graph=True)[0]
    return torch.autograd.grad(gradient @ vector, theta)[0]
    # end solution


# %% tags=["check"]
exercises.hessian_times.check(hessian_times)
# exercises.hessian_times.hint()
# exercises.hessian_times.solution()

# %% [markdown]
# ## 3. One gradient, three ways
#
# Do not believe a derivation: check it. Here is a policy with few parameters, and a real task: the point in the
# plane of lesson 01. It runs 20 episodes at $\theta$, takes an inner step, and runs 20 *new* episodes at $\theta'$.

# %%
tasks = PointNavigation(horizon=20)
goal = np.array([0.4, 0.2])  # m
streams = Streams(SEED)

policy = PolicyNet(2, 2, hidden=(4,), observation_scale=tasks.observation_scale, initial_std=0.3)
policy.initialise(streams.torch("initial-policy"))
policy.double()  # 16 digits: finite differences need them


def explore(parameters, stage):
    """20 episodes by the policy with these parameters: the data of a loss."""
    single = copy.deepcopy(policy).float()
    actor = gaussian_actor(single, [p.float() for p in parameters], streams.torch("actions", stage))
    batch = tasks.make_batch([goal], episodes=20)
    episodes = collect(batch, tasks.horizon, actor, streams.numpy("reset", stage))
    advantages = task_advantages(episodes, tasks.observation_scale, 0.95, gae_lambda=0.95)
    return Steps.of(episodes, advantages, dtype=torch.float64)


alpha = 0.1
start = spread_over_tasks(policy, 1)
rates = torch.full((1, len(start)), alpha, dtype=torch.float64)  # one for each parameter tensor

old_data = explore(start, stage=0)
adapted, _ = inner_step(policy, start, rates[0], old_data, order=0)
new_data = explore(adapted, stage=1)

sizes = [p.numel() for p in policy.parameters()]
print(f"{sum(sizes)} parameters")
print(f"{old_data.log_probs.numel()} steps before the inner step, {new_data.log_probs.numel()} after it")


# %% [markdown]
# **By hand.** The loss as a function of one vector, its whole Hessian (here we can afford it), and the formula.


# %%
def loss_on(data):
    """The loss on this data, as a function of all parameters in one vector."""

    def loss(theta):
        parts = [x.view_as(p) for x, p in zip(theta.split(sizes), policy.parameters(), strict=True)]
        return surrogate(with_parameters(policy, parts), data).sum()

    return loss


loss, new_loss = loss_on(old_data), loss_on(new_data)
theta = torch.cat([p.detach().flatten() for p in policy.parameters()])

g = torch.func.grad(loss)(theta)
H = torch.autograd.functional.hessian(loss, theta)
g_new = torch.func.grad(new_loss)(theta - alpha * g)
by_hand = g_new - alpha * H @ g_new

# %% [markdown]
# **By `higher`.** This is the inner step of the library. `higher` makes a copy of the policy whose weights are the
# *results of computations*, and an optimiser whose step is one more computation. Then PyTorch differentiates through
# all of it, and computes $H g'$ as you did in exercise 2.

# %%
show_source(inner_step)

# %% [markdown]
# Two lines to look at. `update_params` puts in the parameters to start from, one set for each task. They are views of
# $\theta$, so the way back to it is open, and `copy_initial_weights` (lesson 02) makes no difference here. And
# `order`: 2 keeps the graph of the step, 1 detaches the inner gradient, which is first-order MAML, 0 keeps nothing.

# %%
data = MetaBatch((old_data, new_data))
weights = list(policy.parameters())
by_higher = flat_gradient(meta_losses(policy, rates, data)[0].sum(), weights)

# %% [markdown]
# **By finite differences.** No derivation at all: move each parameter a little both ways, do the inner step from
# there, and see how the loss after it differs.


# %%
def after_the_step(theta):
    return new_loss(theta - alpha * torch.func.grad(loss)(theta))


epsilon = 1e-5
moves = epsilon * torch.eye(len(theta), dtype=torch.float64)
differences = torch.stack([after_the_step(theta + m) - after_the_step(theta - m) for m in moves])
by_differences = differences / (2 * epsilon)

first_order = flat_gradient(meta_losses(policy, rates, data, order=1)[0].sum(), weights)
rows = {"by hand": by_hand, "higher": by_higher, "differences": by_differences, "first order": first_order}
for name, gradient in rows.items():
    entries = " ".join(f"{x:7.3f}" for x in gradient[-6:])
    print(f"{name:<12} length {gradient.norm():.3f}, last entries {entries}")

size = by_hand.abs().max()
assert (by_higher - by_hand).abs().max() < 1e-10 * size
assert (by_differences - by_hand).abs().max() < 1e-6 * size
assert (first_order - g_new).abs().max() < 1e-10 * size  # what first order is
assert (first_order - by_hand).abs().max() > 0.01 * size  # and it differs

# %% [markdown]
# Three ways, one gradient. First order is another.

# %% [markdown]
# ## 4. What first order drops
#
# First-order MAML uses $g'$ and drops $-\alpha H g'$. It needs no second derivatives, so it is cheaper. When is it
# exact? When what it drops is zero, $\alpha H g' = 0$, and only then:
#
# - $\alpha = 0$: there is no step. With a small $\alpha$ it is nearly exact.
# - $H g' = 0$: the slope $g$ of the inner loss does not change when $\theta$ moves along $g'$. So it is if the inner
#   loss is linear.
#
# And it points the *same way*, though with another length, when $g'$ is an eigenvector of $H$ with an eigenvalue below
# $1/\alpha$: then $(I - \alpha H) g'$ is $g'$ times a positive number. A round bowl is such a case. In a bowl that is
# steep one way and flat the other, it is not.
#
# For our policy we can measure the angle between the two. (The data stay those from above.)


# %%
def angle(a, b):
    """Degrees between two vectors."""
    return torch.rad2deg(torch.arccos(a @ b / (a.norm() * b.norm()))).item()


alphas = [0.01, 0.03, 0.1, 0.2]
angles = []
for rate in alphas:
    at_the_end = torch.func.grad(new_loss)(theta - rate * g)
    angles.append(angle(at_the_end, at_the_end - rate * H @ at_the_end))
    print(f"alpha {rate:<4}: {angles[-1]:4.1f} degrees apart")
assert angles == sorted(angles)
assert angles[0] < 2 < 5 < angles[-1]

# %% [markdown]
# With a small $\alpha$ there is little to lose: that is why first order often works well in practice, also in the
# paper that proposed MAML. With a large $\alpha$, or several steps, the factors $(I - \alpha H)$ multiply, and it is
# another direction.
#
# ### Move it
#
# Two parameters, and a bowl that is steep along one axis and flat along the other. The star is the task, the circle is
# the start: drag both. The arrows say where a meta-step would move the start, with and without the Hessian's term.
#
# **Predict first:** which of the two arrows points more along the *flat* axis? Then look for three things. Set the rate
# near 0: the arrows meet. Set it to 1.5 and put the start close to the task: the arrows part. Put the start far out
# on the steep slope, where the bowl is nearly linear: they agree again, or nearly so, whatever the rate.

# %% tags=["nbval-ignore-output"]
explorer = InnerStepExplorer(task=[1.0, 0.6], start=[0.4, 0.9], rate=0.7)
explorer


# %% [markdown]
# The first-order arrow shows the way down at the *end* of the inner step. At this rate the step overshoots the steep
# axis, as in exercise 1, so along that axis this way leads back, away from the task. The exact arrow is less
# interested in the steep axis: the inner step takes care of that by itself. What the inner step *cannot* do is to get
# along the flat axis. A good start is not one that is good; it is one from which the step does the rest.


# %% tags=["nbval-check-output"]
def meta_gradients(start, rate):
    """By name: "first order" and "second order" (the exact one), for the task of the widget."""
    found = take_inner_steps([1.0, 0.6], start, steps=1, rate=rate, second_order=True).meta_gradients
    return {name: torch.as_tensor(vector) for name, vector in found.items()}


def degrees_apart(start, rate):
    return angle(*meta_gradients(start, rate).values())


near, far = [0.4, 0.9], [-2.4, -1.4]
print(f"near the task, rate 0.05: {degrees_apart(near, 0.05):5.1f} degrees apart")
print(f"near the task, rate 0.7:  {degrees_apart(near, 0.7):5.1f}")
print(f"near the task, rate 1.5:  {degrees_apart(near, 1.5):5.1f}")
print(f"far out,       rate 0.7:  {degrees_apart(far, 0.7):5.1f}")
print(f"far out,       rate 1.5:  {degrees_apart(far, 1.5):5.1f}")
assert degrees_apart(near, 0.05) < 10 < 40 < degrees_apart(near, 0.7)
assert max(degrees_apart(far, 0.7), degrees_apart(far, 1.5)) < 10 < 90 < degrees_apart(near, 1.5)

flat_axis = torch.as_tensor(plots.landscape.AXES[:, 1])
share = {name: abs(v @ flat_axis / v.norm()).item() for name, v in meta_gradients(near, 0.7).items()}
print("\nshare along the flat axis:", {name: round(value, 2) for name, value in share.items()})
assert share["second order"] > share["first order"] + 0.2

# %% [markdown]
# ### Exercise 3: find the bug
#
# A friend writes MAML without `higher`, with the `create_graph=True` of exercise 2 in its place. The losses come out
# right, it learns, and there is no warning. But which gradient does it follow? Read it, run the cells below, then
# repair it.


# %% tags=["exercise"]
def meta_loss(loss, new_loss, theta, alpha):
    """The loss after one inner step, to be differentiated in theta."""
    # begin solution: meta_loss
    gradient = torch.autograd.grad(loss(theta), theta, create_graph=True)[0]
    # stub
    # fast = theta.detach().clone().requires_grad_()  # a copy, so that theta stays as it is
    # gradient = torch.autograd.grad(loss(fast), fast, create_graph=True)[0]
    # end solution
    return new_loss(theta - alpha * gradient)


# %% tags=["check"]
exercises.meta_loss.check(meta_loss)
# exercises.meta_loss.hint()
# exercises.meta_loss.solution()

# %%
leaf = theta.clone().requires_grad_()
friends = torch.autograd.grad(meta_loss(loss, new_loss, leaf, alpha), leaf)[0]
exact_one = torch.allclose(friends, by_hand)
print("This is the exact meta-gradient." if exact_one else "This is first order, under the name of MAML.")
assert exact_one or torch.allclose(friends, first_order)

# %% [markdown]
# Two silent ways lead to first order: a gradient without its graph (exercise 2 would stop with an error, this program
# would not), and a graph that ends at a copy. `copy.deepcopy(policy)` before an inner loop is such a copy.

# %% [markdown]
# ## 5. In reinforcement learning, the data move too
#
# So far the data of $\mathcal{L}$ were given. In supervised learning they are. In reinforcement learning they are not:
#
# - the **inner** episodes $D$ are drawn by $\pi_\theta$, before the step;
# - the **outer** ones are drawn by $\pi_{\theta'}$, after it.
#
# This section is the hardest of the course. If you want to see MAML work first, read section 6, and come back.
#
# So $\theta$ acts in two ways: on *how the step uses the data*, and on *which data there are*. Write $p_\theta(D)$
# for the likelihood of the inner episodes, and $J(\theta') = \mathbb{E}_{\tau \sim \pi_{\theta'}}[R(\tau)]$ for the
# mean return after the step. The product rule, and the log-derivative trick of lesson 01:
#
# $$
# \begin{aligned}
# \nabla_\theta \int p_\theta(D)\, J\big(\theta'(\theta, D)\big)\, dD
# &= \int p_\theta(D)\, \nabla_\theta\, J\big(\theta'(\theta, D)\big)\, dD
# + \int \nabla_\theta\, p_\theta(D)\; J(\theta')\, dD && \text{product rule} \\
# &= \mathbb{E}_{D}\Big[
# \underbrace{\tfrac{\partial \theta'}{\partial \theta}^{\!\top}\, \nabla J(\theta')}_{\text{use of the data}}
# + \underbrace{J(\theta')\, \nabla_\theta \log p_\theta(D)}_{\text{choice of the data}} \Big]
# && \text{log-derivative trick}
# \end{aligned}
# $$
#
# The first term is section 2, with $J$ for minus the loss. The second rewards $\theta$ for *exploring well*: inner
# episodes are made more likely if what was learned from them is good. The program of Finn et al. (2017) leaves it out;
# Stadie et al. (2018) and Al-Shedivat et al. (2018) put it in. It is very noisy, because one number, $J(\theta')$, is
# to judge hundreds of actions.
#
# ### What our library does
#
# It takes a road in between. The inner step is meant as a step along the *mean* policy gradient, which the episodes
# only estimate. Then $H$ must be the Hessian of a mean return, and in that $\theta$ is in the sampling as well. Lesson
# 01 promised that the loss with the ratio gets this right and the logarithm does not. Here is why. Let
# $\rho = \pi_\theta(a \mid s) / \pi_{\text{old}}(a \mid s)$, where $\pi_{\text{old}}$ is the policy that drew the
# data, and $\psi = \nabla_\theta \log \pi_\theta(a \mid s)$ the score. Since $\nabla \rho = \rho\, \psi$,
#
# $$
# \begin{aligned}
# \nabla^2 \rho &= \nabla (\rho\, \psi) = \rho\, \psi\, \psi^\top + \rho\, \nabla \psi && \text{product rule} \\
# &= \psi\, \psi^\top + \nabla^2 \log \pi_\theta(a \mid s)
# && \text{at the policy that drew the data, } \rho = 1
# \end{aligned}
# $$
#
# Same first derivative, $\psi$, but the logarithm's second derivative lacks $\psi\, \psi^\top$.
#
# Is that much? Take a task of one step, with one action $a \sim \mathcal{N}(\theta, \sigma^2)$ and reward $-(a - c)^2$.
# Its mean return is known, $-(\theta - c)^2 - \sigma^2$, and so is its second derivative: exactly $-2$.

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(SEED)
mean, std, wanted = 0.0, 0.5, 1.0
action = rng.normal(mean, std, size=1_000_000)
reward = -((action - wanted) ** 2)
advantage = reward - reward.mean()

psi = (action - mean) / std**2  # the score; the second derivative of the logarithm is -1 / std**2
by_logarithm = (-1 / std**2 * advantage).mean()
without_baseline = (-1 / std**2 * reward).mean()
by_ratio = ((psi**2 - 1 / std**2) * advantage).mean()
print("second derivative of the mean return: in truth -2")
print(f"  by the ratio                          {by_ratio:5.1f}")
print(f"  by the logarithm                      {abs(by_logarithm):5.1f}")
print(f"  by the logarithm, without a baseline  {without_baseline:5.1f}")
assert abs(by_ratio + 2) < 0.2
assert abs(by_logarithm) < 1e-6 < 1 < without_baseline

# %% [markdown]
# With the logarithm, *nothing* of the Hessian is left here: a program with `create_graph=True`, all the cost of second
# order, and the gradient of first order. (Without the baseline even the sign is wrong.)
#
# There is more to $\psi\, \psi^\top$. Take the second term above, the choice of the data, in a task of one step. The
# inner step adds $\alpha\, \hat u$, where $\hat u = \frac{1}{N} \sum_i A_i \psi_i$ estimates the way uphill,
# $u = \nabla J(\theta)$, from $N$ independent actions. Write $\bar\theta = \theta + \alpha u$ for where it would land
# without noise. The likelihood of the actions is a product, so $\nabla_\theta \log p_\theta(D) = \sum_j \psi_j$, and
#
# $$
# \begin{aligned}
# \mathbb{E}\Big[ \sum_j \psi_j\; J(\theta') \Big]
# &\approx \mathbb{E}\Big[ \sum_j \psi_j\,
# \big( J(\bar\theta) + \alpha\, (\hat u - u)^\top \nabla J(\bar\theta) \big) \Big]
# && \text{first order in the noise } \hat u - u \\
# &= \alpha\; \mathbb{E}\Big[ \sum_j \psi_j\, \hat u^\top \Big] \nabla J(\bar\theta)
# && \mathbb{E}[\psi_j] = 0 \text{, so constants drop out} \\
# &= \alpha\; \mathbb{E}\big[ A\, \psi\, \psi^\top \big]\, \nabla J(\bar\theta)
# && i \ne j \text{ are independent, and drop out too}
# \end{aligned}
# $$
#
# This is just what the logarithm lacks. So in the ratio a part of the credit for exploring is contained, with less
# noise.
#
# And this is left out:
#
# - **Across time.** The ratio is taken step by step, and states and advantages count as constants. That an early
#   action changes *later* states is in the first derivative (through the advantage), but not fully in the second:
#   products $\psi_t\, \psi_u^\top$ of different steps are missing. DiCE (Foerster et al. 2018) has them, by products of
#   ratios over time, and a lot of noise. Rothfuss et al. (2019) compare the two, and recommend the ratio per step.
# - **The luck of the draw.** Beyond that leading part, $\theta$ gets no credit for how its noise shapes the one step
#   that is taken.
#
# The outer loss is the same `surrogate`, on the outer episodes, drawn by $\pi_{\theta'}$. So at the present $\theta$,
# its gradient in $\theta'$ is the policy gradient $g'$. No term is needed for the choice of *these* data: the
# log-derivative trick has already made it.

# %%
show_source(surrogate, meta_losses)

# %% [markdown]
# ## 6. Meta-train
#
# All parts are there. One iteration of the real trainer:

# %%
show_source(MAML._iterate)

# %% [markdown]
# `_improve` takes the meta-gradient and makes a *trust-region* step, whose size is measured by how much the adapted
# policies change. Lesson 05 explains it. The step sizes `rates`, our $\alpha$, are learned along with $\theta$. All
# other settings are in the recipe below, each with what it does here; `MAMLConfig?` lists the rest.
#
# The tasks: a point in the plane, a goal somewhere in a square of 1 m. The point sees its position, *not* the goal.
#
# **Predict first.** Each iteration measures the return before the inner step and after it. Which of the two will
# training raise?

# %% tags=["nbval-ignore-output"]
RECIPE = MAMLConfig(
    tasks_per_iteration=20,  # goals that are drawn for each meta-step
    episodes=20,  # for each goal before the inner step, and as many after it
    inner_steps=1,
    inner_rate=0.1,  # alpha, at first
    learn_rates=True,  # one alpha for each tensor of theta, learned with it
    max_kl=0.05,  # how far a meta-step may change the adapted policies
    discount=0.9,  # about ten steps count: half an episode. Section 3 had 0.95, as nothing was learned there
    initial_std=0.3,  # of the actions, which are cut off at 1: enough to look around
    hidden=(32, 32),  # two hidden layers: a small network is enough for a plane
)
ITERATIONS = 10


def meta_train(seed, watch=None):
    agent = MAML(tasks, RECIPE)
    agent.train(ITERATIONS, seed=seed, progress=False, callback=watch)
    return agent


history = []
with LiveCurve(f"after one inner step, seed {SEED}") as curve:

    def watch(metrics):
        history.append((metrics["before"], metrics["after"]))
        curve.add(metrics["env_steps"], metrics["after"])

    agent = meta_train(SEED, watch)

for name, (before, after) in {"first": history[0], "last": history[-1]}.items():
    print(f"{name:<5} iteration: mean return {before:.1f} before the inner step, {after:.1f} after it")

# %% tags=["nbval-ignore-output"]
both = {
    f"{stage} the inner step": (curve.steps, returns)
    for stage, returns in zip(("before", "after"), zip(*history, strict=True), strict=True)
}
plots.show(plots.plot_training(both), plots.describe_training(both))

# %% [markdown]
# The reward is minus the distance to the goal, so the **mean distance** over an episode is minus its return, divided by
# its steps. We adapt to 200 goals that were not used in training, with one gradient step on 20 episodes each. (Why so
# many? With 20 goals alone, the answer depends on which ones were drawn.)

# %% tags=["nbval-ignore-output"]
goals = tasks.sample(200, np.random.default_rng(SEED + 7))


def mean_distances(agent):
    """Mean distance to the goal (m), over all new goals: before and after one inner step."""
    result = agent.adapt(goals, seed=SEED + 100, steps=1, episodes=20)
    return -result.before.mean() / tasks.horizon, -result.after.mean() / tasks.horizon


before, after = mean_distances(agent)
print(f"mean distance to the goal: {before:.2f} m before, {after:.2f} m after one gradient step")
assert after < before / 2

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
shown = agent.adapt(tasks.spread(4), seed=SEED + 1, steps=1)
_, panels = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained")
for stage, name in enumerate(("before", "after")):
    for k, goal_k in enumerate(shown.tasks):
        colour = list(plots.PALETTE.values())[k]
        panels[stage].plot(*shown.trajectories[k, stage].T, plots.MARKERS[k], ls="-", ms=4, color=colour)
        panels[stage].plot(*goal_k, "*", color=colour, markersize=16, markeredgecolor="0.3")
    panels[stage].set(
        title=f"{name} the inner step", xlabel="x (m)", xlim=(-0.7, 0.7), ylim=(-0.7, 0.7), aspect="equal"
    )
    panels[stage].spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("y (m)")
ends = np.linalg.norm(shown.trajectories[:, :, -1] - shown.tasks[:, None], axis=-1)  # [K, stage]
words = (
    "One path to each of four goals (stars), before and after one gradient step. Before, they end"
    f" {ends[:, 0].mean():.2f} m from their goals on average; after, {ends[:, 1].mean():.2f} m."
)
plots.show(panels[0], words)

# %% [markdown]
# The start does not know the goal, so it stays near the middle, and makes small noisy moves. That is not idling: the
# noise is how it finds out where the reward is. One gradient step then tells it where to go.
#
# One success may be luck. Four more seeds:

# %% tags=["nbval-ignore-output"]
ratios = [after / before]
for seed in range(SEED + 1, SEED + 5):
    before, after = mean_distances(meta_train(seed))
    ratios.append(after / before)
print("distance after one step, as a share of the distance before, five seeds:")
print(", ".join(f"{ratio:.2f}" for ratio in ratios))
assert max(ratios) < 0.5  # one step at least halves the distance

# %% [markdown]
# ## What you have learned
#
# - The meta-gradient is $(I - \alpha H)\, g'$: the gradient at the end, carried back through the inner step.
# - $H$ is never built: $H g'$ is a gradient of a gradient.
# - First order drops $\alpha H g'$. It is exact without curvature or step, close for small steps, and can point
#   the wrong way where a step overshoots. A copy, or a gradient without its graph, makes it silently.
# - In reinforcement learning $\theta$ also chooses the data. The loss with the ratio has a good part of that in its
#   Hessian; the logarithm has none.
# - One good gradient step is something that can be trained for.
#
# **Next:** lesson 05 does the same on the cheetah, and explains the trust region.
#
# <details><summary>Further reading</summary>
#
# - C. Finn, P. Abbeel, S. Levine: *Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks*, ICML 2017,
#   [arXiv:1703.03400](https://arxiv.org/abs/1703.03400). MAML, also first-order; algorithm 3 is ours.
# - J. Foerster, G. Farquhar, M. Al-Shedivat, T. Rocktäschel, E. P. Xing, S. Whiteson: *DiCE: The Infinitely
#   Differentiable Monte Carlo Estimator*, ICML 2018, [arXiv:1802.05098](https://arxiv.org/abs/1802.05098).
# - M. Al-Shedivat, T. Bansal, Y. Burda, I. Sutskever, I. Mordatch, P. Abbeel: *Continuous Adaptation via Meta-Learning
#   in Nonstationary and Competitive Environments*, ICLR 2018, [arXiv:1710.03641](https://arxiv.org/abs/1710.03641).
# - B. C. Stadie, G. Yang, R. Houthooft, X. Chen, Y. Duan, Y. Wu, P. Abbeel, I. Sutskever: *Some Considerations on
#   Learning to Explore via Meta-Reinforcement Learning*, 2018, [arXiv:1803.01118](https://arxiv.org/abs/1803.01118).
# - J. Rothfuss, D. Lee, I. Clavera, T. Asfour, P. Abbeel: *ProMP: Proximal Meta-Policy Search*, ICLR 2019,
#   [arXiv:1810.06784](https://arxiv.org/abs/1810.06784). Section 5: the ratio, "LVC".
# - E. Grefenstette et al.: *Generalized Inner Loop Meta-Learning*, 2019,
#   [arXiv:1910.01727](https://arxiv.org/abs/1910.01727). This is `higher`.
# - B. A. Pearlmutter: *Fast Exact Multiplication by the Hessian*, Neural Computation 6(1), 1994.
#
# </details>
