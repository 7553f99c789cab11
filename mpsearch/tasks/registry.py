"""The families that are known by their ids: those that come with the package, and those that users add.

A family is imported when it is used. Therefore ``mpsearch --help`` can list all names without slow imports.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeVar

import gymnasium

from mpsearch.errors import MpsearchError, UsageError, unknown

if TYPE_CHECKING:
    from mpsearch.tasks.distribution import TaskDistribution

    Family = TypeVar("Family", type[TaskDistribution], TaskDistribution)

BUILT_IN = {
    "cheetah-direction": "mpsearch.tasks.cheetah:CheetahDirection",
    "cheetah-velocity": "mpsearch.tasks.cheetah:CheetahVelocity",
    "point-navigation": "mpsearch.tasks.navigation:PointNavigation",
    "ant-direction": "mpsearch.tasks.spatial_bodies:AntDirection",
    "ant-goal": "mpsearch.tasks.spatial_bodies:AntGoal",
    "walker-body": "mpsearch.tasks.planar_bodies:WalkerBody",
    "hopper-body": "mpsearch.tasks.planar_bodies:HopperBody",
    "humanoid-direction": "mpsearch.tasks.spatial_bodies:HumanoidDirection",
    "market": "mpsearch.tasks.applications.market:Market",
    "penalty-kicks": "mpsearch.tasks.applications.penalty_kicks:PenaltyKicks",
    "dosing": "mpsearch.tasks.applications.dosing:Dosing",
    "taste": "mpsearch.tasks.applications.taste:Taste",
    "weak-leg": "mpsearch.tasks.applications.weak_leg:WeakLeg",
}
ENTRY_POINTS = "mpsearch.tasks"  # the group of entry points of installed packages with families: id = "module:Class"
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

_registered: dict[str, Any] = {}


def register(family: Family) -> Family:
    """Make a family known by its id to :func:`mpsearch.load`, to the command line's functions and to gymnasium.

    This function can be used as a decorator of a class. A class that is registered again replaces the earlier one, for
    example when a notebook's cell is run a second time.

    Args:
        family: a subclass of :class:`TaskDistribution`, or one distribution, such as a :class:`GymnasiumTasks`.

    Raises:
        UsageError: it is not a family, its id does not have the form ``my-tasks``, or another family has this id.
    """
    name = id_of(family)
    if name in BUILT_IN or (name in _registered and _home(_registered[name]) != _home(family)):
        other = BUILT_IN.get(name) or _home(_registered[name])
        raise UsageError(f"the id {name!r} already belongs to {other}; give {_home(family)} another id")
    _registered[name] = family
    register_environment(name)
    return family


def id_of(family: Any) -> str:
    """Return the id of a family.

    Raises:
        UsageError: it is not a family, or its id does not have the form ``my-tasks``.
    """
    from mpsearch.tasks.distribution import TaskDistribution

    kind = family if inspect.isclass(family) else type(family)
    if not issubclass(kind, TaskDistribution):
        raise UsageError(f"{family!r:.80} is not a task family: it must be a subclass of mpsearch.TaskDistribution")
    name = getattr(family, "id", None)
    if not isinstance(name, str) or not ID.fullmatch(name):
        raise UsageError(f"the id of {kind.__name__} must be lower-case words joined by hyphens, not {name!r:.80}")
    return name


def _home(family: Any) -> str:
    kind = family if inspect.isclass(family) else type(family)
    return f"{kind.__module__}:{kind.__qualname__}"


def register_environment(family_id: str) -> None:
    """Register a family with gymnasium: "my-tasks" becomes ``gymnasium.make("mpsearch/MyTasks-v0", ...)``."""
    name = f"mpsearch/{''.join(word.capitalize() for word in family_id.split('-'))}-v0"
    gymnasium.registry.pop(name, None)  # otherwise gymnasium warns that the name exists
    gymnasium.register(name, entry_point="mpsearch.tasks.registry:make_registered", kwargs={"family_id": family_id})


def known() -> list[str]:
    """Return the ids of all known families, sorted."""
    return sorted({*BUILT_IN, *_registered, *_installed()})


def is_known(family_id: str) -> bool:
    """Return whether there is a family with this id. Installed packages are searched last."""
    return family_id in BUILT_IN or family_id in _registered or family_id in _installed()


def _installed() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def family_class(family_id: str) -> Any:  # a class, or a distribution
    """Return the family with this id: a class, or a distribution if one was registered.

    Raises:
        UsageError: there is no such family. The message lists the known ones.
        MpsearchError: the package that adds it cannot be imported.
    """
    if family_id in _registered:
        return _registered[family_id]
    if family_id in BUILT_IN:
        module, _, name = BUILT_IN[family_id].partition(":")
        return getattr(import_module(module), name)
    installed = _installed()
    if family_id not in installed:
        raise unknown("tasks", family_id, known())
    point = installed[family_id]
    try:
        family = point.load()
    except Exception as error:
        raise MpsearchError(f"{point.value} cannot be imported ({type(error).__name__}: {error})") from error
    if id_of(family) != family_id:
        raise MpsearchError(f"{point.value} was installed as {family_id!r}, but its id is {family.id!r}")
    return register(family)


def make_distribution(family_id: str, **config: Any) -> TaskDistribution:
    """Create the task distribution with this id. ``config`` has the arguments of its constructor.

    Raises:
        UsageError: the id or an argument is unknown.
    """
    family = family_class(family_id)
    if not callable(family):
        if config and config != family.config:
            raise UsageError(f"{family_id} was registered as one distribution, so its settings cannot be changed")
        return family
    settings = settings_of(family)
    for name in config:
        if name not in settings:
            raise UsageError(f"{family_id} has no setting {name!r}; known: {', '.join(settings) or 'none'}")
    try:
        return family(**config)
    except TypeError as error:
        raise UsageError(f"{family_id} cannot be made with {config}: {error}") from None


def settings_of(family: type) -> list[str]:
    """Return the names of the arguments that a family's constructor takes, also those that it passes on."""
    names: list[str] = []
    for kind in family.__mro__:
        if (constructor := vars(kind).get("__init__")) is None or kind is object:
            continue
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        names += [one.name for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            break
    return list(dict.fromkeys(names))


def make_registered(family_id: str, render_mode: str | None = None, **arguments: Any) -> gymnasium.Env[Any, Any]:
    """Create the environment of ``gymnasium.make("mpsearch/CheetahVelocity-v0", velocity=1.5)``.

    Arguments with the names of the task's parameters define the task. Missing ones are those of the first task of
    :meth:`TaskDistribution.spread`. All other arguments are passed to the family's constructor.
    """
    names = make_distribution(family_id).parameter_names
    task = {name: arguments.pop(name) for name in names if name in arguments}
    known_names = [*names, *settings_of(type(make_distribution(family_id)))]
    for name in arguments:
        if name not in known_names:
            raise UsageError(f"{family_id} has no argument {name!r}; known: {', '.join(known_names)}")
    family = make_distribution(family_id, **arguments)
    default = dict(zip(names, family.spread()[0], strict=True))
    drawn = {} if render_mode is None else {"render_mode": render_mode}
    return family.make_env([task.get(name, default[name]) for name in names], **drawn)
