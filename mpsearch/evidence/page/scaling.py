"""The part of RESULTS.md about several ranks: what was measured with 1 and 2 of them, and what is predicted beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mpsearch.evidence import results
from mpsearch.evidence.page.markdown import table
from mpsearch.evidence.scaling.model import ETHERNET, Network, computation, loopback, predicted, speedup
from mpsearch.pearl import PEARLConfig
from mpsearch.pearl.learning import Learning
from mpsearch.records import Array
from mpsearch.tasks import CheetahDirection
from mpsearch.view import plots

RANKS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
BUSY = (
    " Other programs used the machine during these rounds. They disturb two threads, which wait for each other, more"
    " than one, so that neither ratio says how an idle machine would do."
)
LOOPBACK = "this machine's loopback"
BUSY_LOAD = 1.5  # the measurement before leaves a load of 1


def measured(*names: str) -> bool:
    """Return whether these parts of the cost model have been measured."""
    return set(names) <= set(results.scaling())


def part(name: str) -> Any:
    """Return the measured part ``name`` of the cost model."""
    return results.scaling()[name]["result"]


def command(name: str) -> str:
    """Return the command that measured a part, with the machine's load before and after it."""
    record = results.scaling()[name]
    return f"`{record['command']}`, load {' to '.join(map(str, record['loads']))}"


def spread(ratios: Array) -> str:
    """Return the median of the rounds' ratios as text, with the least and the largest."""
    return f"{np.median(ratios):.2f} [{ratios.min():.2f}, {ratios.max():.2f}]"


def networks() -> dict[str, Network]:
    """Return the networks for which times are predicted, by name."""
    own = {LOOPBACK: loopback(part("exchange"))} if measured("exchange") else {}
    return {**own, "10 Gbit/s, 50 µs a message": ETHERNET}


def curves() -> dict[str, tuple[list[int], list[float]]]:
    """Return the predicted speed-ups of the large job by network, and the measured ones of the small job."""
    found = {
        f"{name} (predicted)": (RANKS, [speedup(part("large"), network, count) for count in RANKS])
        for name, network in networks().items()
    }
    if not measured("small", "iterations"):
        return found
    two = float(np.median(whole_iterations()["two ranks, one thread each"]))
    return {**found, "measured, whole iterations": ([1, 2], [1.0, predicted(part("small"), ETHERNET, 1) / two])}


def whole_iterations() -> dict[str, Any]:
    """Return the measured seconds [rounds] of whole iterations, by configuration."""
    return {name: np.array(seconds) for name, seconds in part("iterations").items()}


def predictions() -> str:
    """Return a table of the predicted speed-ups of the large job."""
    rows = [
        [count, *(f"{speedup(part('large'), network, count):.1f}" for network in networks().values())]
        for count in RANKS
    ]
    return table(["ranks", *(f"speed-up over {name}" for name in networks())], rows)


def measurements() -> str:
    """Return a table of the measured parts, with the commands that repeat them."""
    rows = []
    for name in filter(measured, ("small", "large")):
        found, fit = part(name), computation(part(name))
        first, last = (found["ranks"][at] for at in (0, -1))
        exchanges = last["exchanges"]
        rows.append(
            [
                f"{found['job']['tasks']} tasks",
                f"{first['ranks']} to {last['ranks']}",
                f"{first['seconds']:.2f} s to {last['seconds']:.2f} s",
                f"{first['simulation_seconds']:.2f} s to {last['simulation_seconds']:.3f} s",
                f"{fit.same:.2f} s, {fit.fraction:.1%} of one rank's time",
                f"{len(exchanges)}, together {sum(exchanges) / 1e6:.1f} MB",
                command(name),
            ]
        )
    heads = ["iteration", "one of so many ranks", "its computations", "of these, simulation"]
    return table([*heads, "does not parallelise", "exchanges", "command"], rows)


def exchange() -> str:
    """Say how long an all-reduce between two processes of one machine takes."""
    if not measured("exchange"):
        return "All-reduces have not been measured yet."
    found = ", ".join(f"{each['bytes']:,} bytes {1e3 * each['seconds']:.2g} ms" for each in part("exchange"))
    fit = loopback(part("exchange"))
    return (
        f"An all-reduce between two processes (gloo over loopback; {command('exchange')}) takes:"
        f" {found}. The fit has {1e6 * fit.latency:.0f} µs a message and {fit.bandwidth / 1e6:.0f} MB/s."
    )


def check() -> str:
    """Say how long whole iterations took with one and two ranks, and what the model predicts."""
    if not measured("small", "exchange", "iterations"):
        return "Whole iterations with two ranks have not been measured yet."
    seconds = whole_iterations()
    _, threads, two = seconds.values()
    alone, both = (predicted(part("small"), networks()[LOOPBACK], count) for count in (1, 2))
    medians = "; ".join(f"{name} {np.median(found):.2f} s" for name, found in seconds.items())
    tasks, busy = part("small")["job"]["tasks"], (results.scaling()["iterations"]["loads"][0] or 0) > BUSY_LOAD
    return (
        f"Whole iterations of {tasks} tasks ({command('iterations')}; {len(two)} rounds in turn): {medians}."
        " A single rank simulates on all cores, however many threads torch has."
        f" Two ranks with one thread each take {spread(two / threads)} times as long as one rank with two threads."
        f" For two ranks the model says {both:.2f} s, and {alone:.2f} s for one rank that has one core only."
        f"{BUSY if busy else ''}"
    )


def gradient_bytes() -> int:
    """Return the bytes that the ranks of PEARL exchange in a gradient step of the benchmark."""
    base = results.benchmark()["result"]["gradient_step"]["base"]
    with torch.device("meta"):
        learning = Learning(CheetahDirection(), PEARLConfig(hidden=(base["width"], base["width"])))
    return 4 * sum(p.numel() for p in learning.learned)


def pearl() -> str:
    """Say what several ranks bring in PEARL's gradient steps, by the measured all-reduces."""
    if not measured("exchange"):
        return ""
    bench = results.benchmark()["result"]
    base, step = bench["gradient_step"]["base"], 1 / bench["pearl_steps_per_second"]["gradient_steps"]
    network, size, most = loopback(part("exchange")), gradient_bytes(), base["meta_batch"]
    gains = {ranks: step / (step / ranks + float(network.all_reduce(size, ranks))) for ranks in (2, most)}
    told = " and ".join(f"{gain:.1f} times faster with {ranks} ranks" for ranks, gain in gains.items())
    return (
        f"**PEARL** exchanges its gradients, {size / 1e6:.1f} MB, at every gradient step, and the ranks share the tasks"
        f" of one meta-batch. A step of {most} tasks with {base['batch']} transitions each took {1e3 * step:.0f} ms"
        f" (`mpsearch bench`), and the all-reduce between two processes takes"
        f" {1e3 * float(network.all_reduce(size, 2)):.1f} ms by the fit. So gradient steps would be at most {told}"
        f" (predicted, each rank with a core of its own), and more ranks than the {most} tasks of a meta-batch only"
        " help to explore."
    )


def picture() -> str:
    """Return the picture of the speed-ups, with its alternative text, in Markdown."""
    return f"![{plots.describe_speedup(curves())}](docs/scaling.png)\n"


def scaling() -> str:
    """Return the whole part: the picture, what was measured, and what is predicted."""
    if not measured("large"):
        return "*Not measured yet.*\n"
    return "\n".join([picture(), measurements(), exchange(), "", check(), "", pearl(), "", predictions()])
