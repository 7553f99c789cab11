"""Fill in the template of RESULTS.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from mpsearch.evidence.page.applications import failures, gaps, overdoses
from mpsearch.evidence.page.costs import ablations, benchmark, fewer_transitions, machines, meta_iteration
from mpsearch.evidence.page.falling import ants, averages, baselines, falling, maml_ant
from mpsearch.evidence.page.makings import adapting_longer, critics, longer_still, objectives, other_makings, wider
from mpsearch.evidence.page.methods import from_scratch, headline, improvements, one_velocity_each, verdict
from mpsearch.evidence.page.published import (
    against_published,
    at_horizon_100,
    on_a_gpu,
    on_a_processor,
    rows_of_the_paper,
)
from mpsearch.evidence.page.scaling import scaling
from mpsearch.evidence.page.variants import fewer_episodes, generalisation, training_seeds
from mpsearch.evidence.page.within import crossing, scored_alike, within_episodes
from mpsearch.evidence.pictures import curves_words, evaluations_words

TEMPLATE = Path(__file__).with_name("template.md")
PARTS: dict[str, Callable[..., str]] = {
    "machines": machines,
    "picture": evaluations_words,
    "headline": headline,
    "verdict": verdict,
    "improvements": improvements,
    "scratch": from_scratch,
    "one-velocity-each": one_velocity_each,
    "paper": rows_of_the_paper,
    "curves": curves_words,
    "published": against_published,
    "gpu": on_a_gpu,
    "processor": on_a_processor,
    "horizon100": at_horizon_100,
    "within": within_episodes,
    "alike": scored_alike,
    "crossing": crossing,
    "seeds": training_seeds,
    "generalisation": generalisation,
    "episodes": fewer_episodes,
    "makings": other_makings,
    "adapting-longer": adapting_longer,
    "longer-still": longer_still,
    "critic": critics,
    "wider": wider,
    "objectives": objectives,
    "falling": falling,
    "baselines": baselines,
    "ants": ants,
    "maml-ant": maml_ant,
    "averages": averages,
    "applications": gaps,
    "application-failures": failures,
    "overdoses": overdoses,
    "benchmark": benchmark,
    "meta-iteration": meta_iteration,
    "fewer-transitions": fewer_transitions,
    "scaling": scaling,
    "ablations": ablations,
}


def filled_template() -> str:
    """Return the text of RESULTS.md with the numbers of the records."""
    return fill(TEMPLATE.read_text(encoding="utf-8"))


def fill(template: str) -> str:
    """Replace each ``{{name argument ...}}`` in ``template`` by what the function of this name returns."""

    def made(match: re.Match[str]) -> str:
        name, *arguments = match[1].split()
        return PARTS[name](*arguments)

    return re.sub(r"\{\{(.*?)\}\}", made, template)
