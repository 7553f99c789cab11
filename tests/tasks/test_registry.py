"""Families of one's own are known by name wherever those of the package are; checkpoints import nothing."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import gymnasium
import pytest
from thermostat import Thermostat

import mpsearch
from mpsearch import MAML, CheetahVelocity, MAMLConfig, PointNavigation, TaskDistribution
from mpsearch.errors import CheckpointError, MpsearchError, UsageError
from mpsearch.tasks import registry
from mpsearch.training.storage import read_card, write_card

SMALL = MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,))


pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.fixture
def folder(tmp_path):
    """A checkpoint of MAML on thermostats."""
    agent = MAML(Thermostat(), SMALL)
    agent.train(1, seed=0, folder=tmp_path, progress=False)
    return tmp_path


def test_a_registered_family_is_known_to_load_and_to_gymnasium(folder) -> None:
    assert mpsearch.register(Thermostat) is Thermostat
    assert isinstance(mpsearch.make_distribution("thermostat"), Thermostat)
    agent = mpsearch.load(folder)
    assert isinstance(agent.tasks, Thermostat)
    assert agent.adapt([[0.5]], seed=0, steps=1).returns.shape == (1, 2, 2)
    env = gymnasium.make("mpsearch/Thermostat-v0", target=0.5)
    assert env.unwrapped.task.tolist() == [0.5]
    assert "thermostat" in registry.known()


def test_a_checkpoint_of_an_unknown_family_is_called_intact_and_told_how_to_load(folder) -> None:
    with pytest.raises(CheckpointError) as raised:
        mpsearch.load(folder)
    words = str(raised.value)
    for part in ("intact", "'thermostat'", "mpsearch.register(", "tasks="):
        assert part in words
    assert "damaged" not in words
    assert mpsearch.load(folder, tasks=Thermostat()).iteration == 1


def test_a_card_that_was_edited_is_called_damaged_and_not_intact(folder) -> None:
    card = read_card(folder)
    for wrong in ({"id": "thermostat"}, {"id": 7, "config": {}}, "thermostat", {"id": "os:system", "config": {}}):
        write_card(folder, {**card, "tasks": wrong})
        with pytest.raises(CheckpointError, match="damaged or was edited"):
            mpsearch.load(folder)


def test_a_checkpoint_never_imports_what_it_names(folder, tmp_path, monkeypatch) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    card = read_card(folder)
    for name in ("trap:Family", str(tmp_path / "trap.py:Family"), "trap"):
        write_card(folder, {**card, "tasks": {"id": name, "config": {}}})
        with pytest.raises(CheckpointError):
            mpsearch.load(folder)


def test_settings_that_the_family_does_not_have_are_named_and_the_files_not_called_damaged(folder) -> None:
    mpsearch.register(Thermostat)
    card = read_card(folder)
    write_card(folder, {**card, "tasks": {"id": "thermostat", "config": {"size": 3}}})
    with pytest.raises(CheckpointError, match=r"'thermostat' cannot be made with the settings \{'size': 3\}"):
        mpsearch.load(folder)


def test_a_family_defined_again_replaces_the_earlier_one_as_in_a_notebook() -> None:
    def define(end):
        class Again(Thermostat):
            id = "again"
            horizon = end

        return mpsearch.register(Again)

    define(5)
    define(7)
    assert mpsearch.make_distribution("again").horizon == 7


def test_two_families_cannot_have_one_id() -> None:
    class Other(Thermostat):
        pass

    mpsearch.register(Thermostat)
    with pytest.raises(UsageError, match=r"the id 'thermostat' already belongs to thermostat:Thermostat; give .*Other"):
        mpsearch.register(Other)

    class Cheetah(Thermostat):
        id = "cheetah-velocity"

    with pytest.raises(UsageError, match=r"already belongs to mpsearch\.tasks\.cheetah:CheetahVelocity"):
        mpsearch.register(Cheetah)


class Spaced(Thermostat):
    id = "my tasks"


class Nameless(TaskDistribution):
    pass


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(dict, "not a task family"), (3, "not a task family"), (Spaced, "lower-case words"), (Nameless, "not None")],
)
def test_what_is_no_family_is_refused(wrong, words) -> None:
    with pytest.raises(UsageError, match=words):
        mpsearch.register(wrong)


def test_one_distribution_can_be_registered_with_its_settings() -> None:
    class Rooms(PointNavigation):
        id = "rooms"

    mpsearch.register(Rooms(horizon=7))
    assert mpsearch.make_distribution("rooms").horizon == 7
    with pytest.raises(UsageError, match="settings cannot be changed"):
        mpsearch.make_distribution("rooms", horizon=9)


def installed(monkeypatch, name, value):
    point = EntryPoint(name, value, registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])


def test_an_installed_package_adds_a_family_by_an_entry_point(folder, monkeypatch) -> None:
    installed(monkeypatch, "thermostat", "thermostat:Thermostat")
    assert "thermostat" in registry.known()
    assert isinstance(mpsearch.load(folder).tasks, Thermostat)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("broken", "no_such_module:Family", "cannot be imported .*No module named"),
        ("renamed", "thermostat:Thermostat", "was installed as 'renamed', but its id is 'thermostat'"),
    ],
)
def test_a_broken_entry_point_is_named_and_harms_no_other_family(monkeypatch, name, value, words) -> None:
    installed(monkeypatch, name, value)
    assert isinstance(mpsearch.make_distribution("cheetah-velocity"), CheetahVelocity)
    with pytest.raises(MpsearchError, match=words):
        mpsearch.make_distribution(name)


@pytest.mark.slow
def test_meta_training_learns_an_own_family_and_without_it_one_step_does_not_help() -> None:
    config = MAMLConfig(tasks_per_iteration=10, episodes=10, discount=0.9, inner_rate=1.0, hidden=(16,))
    agent, untrained = MAML(Thermostat(), config), MAML(Thermostat(), config)
    agent.train(60, seed=0, progress=False)
    untrained.train(1, seed=0, progress=False)
    tasks = Thermostat().spread(10)
    assert agent.adapt(tasks, seed=1, steps=1).after.mean() > -8
    assert untrained.adapt(tasks, seed=1, steps=1).after.mean() < -12
