"""The rules of the house that the source itself can show: layers, randomness, no pickle."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mpsearch

ROOT = Path(mpsearch.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
TABLE = re.compile(r"<!-- layers: .*?-->\n(.*?)<!-- end of layers -->", re.DOTALL)


def layers_of(page):
    """The rooms in each row of the page's table, from the top: a module imports only from its own row and above."""
    rows = TABLE.search(page)[1].splitlines()[2:]
    return [re.findall(r"`(\w+)`", row.split("|")[1]) for row in rows]


LAYERS = [*layers_of(PAGE.read_text(encoding="utf-8")), ["__main__"]]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
RANK["mpsearch"] = RANK["zoo"] + 0.5  # mpsearch/__init__.py gathers what is up to there
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
every_source = pytest.mark.parametrize("path", SOURCES)


@cache
def nodes_of(source):
    """All nodes of the syntax tree of ``source``."""
    return tuple(ast.walk(ast.parse(source)))


def imports(source):
    """Every module that ``source`` imports, anywhere; ``from a import b`` counts as a and as a.b."""
    for node in nodes_of(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node):
    """``a.b.c`` of such an expression, and "" of any other."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}" if dotted(node.value) else ""
    return node.id if isinstance(node, ast.Name) else ""


def layer(path):
    return path.split("/")[0].removesuffix(".py")


def targets(source):
    """The parts of mpsearch that ``source`` imports: names in RANK, or a relative import as it is written."""
    for node in nodes_of(source):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module == "mpsearch":
            yield from (alias.name if alias.name in RANK else "mpsearch" for alias in node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            yield from (name.split(".")[:2][-1] for name in names if name.split(".")[0] == "mpsearch")


def upward_imports(path, source):
    """Imports from a layer below, from no layer, and relative ones."""
    return [name for name in targets(source) if RANK.get(name, len(LAYERS)) > RANK[layer(path)]]


@every_source
def test_a_module_imports_only_from_the_layers_above(path) -> None:
    if path != "__init__.py":
        assert layer(path) in RANK, f"{path} has no layer: add it to LAYERS"
        assert upward_imports(path, SOURCES[path]) == []


@pytest.mark.parametrize(
    ("path", "source", "allowed"),
    [
        ("tasks/cheetah.py", "from mpsearch.errors import UsageError", True),
        ("tasks/cheetah.py", "from mpsearch.tasks.physics import MujocoBatch", True),
        ("rollouts.py", "import mpsearch.returns", True),
        ("rollouts.py", "from mpsearch import errors", True),
        ("cli/adapt.py", "from mpsearch import load", True),
        ("tasks/cheetah.py", "from mpsearch.policies import PolicyNet", False),
        ("tasks/cheetah.py", "from mpsearch import policies", False),
        ("tasks/cheetah.py", "import mpsearch.policies", False),
        ("tasks/cheetah.py", "from .physics import MujocoBatch", False),
        ("tasks/cheetah.py", "def f():\n    from mpsearch.maml import MAML", False),
        ("maml/outer.py", "from mpsearch import load", False),
        ("maml/outer.py", "import mpsearch", False),
        ("evaluation.py", "import mpsearch", False),
        ("cli/adapt.py", "import mpsearch", True),
        ("cli/adapt.py", "import mpsearch.unlisted", False),
    ],
)
def test_an_import_from_below_is_found(path, source, allowed) -> None:
    assert (upward_imports(path, source) == []) == allowed


def module_of(path):
    """The dotted name of the module in the file ``path``."""
    return ".".join(["mpsearch", *path.removesuffix(".py").split("/")]).removesuffix(".__init__")


def graph(sources):
    """The modules of mpsearch that each module imports, anywhere in its text."""
    modules = {module_of(path): source for path, source in sources.items()}

    def needs(source):
        for node in nodes_of(source):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):  # of a package, one of its modules or something it defines itself
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from (name if name in modules else node.module for name in names)

    return {name: set(needs(source)) & set(modules) for name, source in modules.items()}


def test_no_module_imports_another_in_a_circle() -> None:
    lower = {name: needs for name, needs in graph(SOURCES).items() if name != "mpsearch"}
    TopologicalSorter(lower).prepare()


def test_a_circle_is_found_even_if_an_import_is_late() -> None:
    circle = {"a.py": "import mpsearch.b", "b.py": "def f():\n    from mpsearch import a"}
    with pytest.raises(CycleError):
        TopologicalSorter(graph(circle)).prepare()


def users_of(package):
    return {path for path, source in SOURCES.items() if any(name.split(".")[0] == package for name in imports(source))}


def test_higher_is_imported_in_one_file() -> None:
    assert users_of("higher") == {"maml/inner.py"}


def test_the_packages_of_jupyter_are_imported_in_one_file_which_says_what_to_install() -> None:
    users = {package: users_of(package) for package in ("IPython", "anywidget", "ipywidgets", "traitlets")}
    assert users == {package: {"view/jupyter.py"} for package in users}


def test_mujoco_is_imported_only_under_tasks_and_view_and_where_it_is_measured() -> None:
    allowed = {
        path
        for path in SOURCES
        if path.startswith(("tasks/", "view/", "evidence/bench/")) or path == "course/doctor.py"
    }
    assert users_of("mujoco") <= allowed
    assert "tasks/physics.py" in users_of("mujoco")


NUMPY_ALLOWED = {"default_rng", "SeedSequence", "Generator", "BitGenerator"}
TORCH_GLOBAL = {"torch.manual_seed", "torch.seed", "torch.set_rng_state", "torch.cuda.manual_seed"}
TORCH_DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson"}
TORCH_LIKE = {f"torch.{name}_like" for name in ("rand", "randn", "randint")}
METHOD_DRAWS = {f"{name}_" for name in ("normal", "uniform", "random", "bernoulli", "exponential", "trunc_normal")}
METHOD_DRAWS |= {"orthogonal_", "xavier_normal_", "xavier_uniform_", "kaiming_normal_", "kaiming_uniform_"}


def call_draws_globally(call):
    """Whether this call draws from a generator that nobody passed to it."""
    name, method = dotted(call.func), getattr(call.func, "attr", "")
    given = call.args or call.keywords
    if method in METHOD_DRAWS or (name.startswith("torch.") and method in TORCH_DRAWS):
        return not any(keyword.arg == "generator" for keyword in call.keywords)
    return name in TORCH_LIKE or (method in ("default_rng", "sample", "rsample") and not given)


def global_randomness(source):
    """Uses of a global generator, each as it is written."""
    found = [name for name in imports(source) if name == "random" or name.startswith(("random.", "numpy.random."))]
    for name in imports(source):
        if name.startswith("torch.") and name.removeprefix("torch.") in TORCH_DRAWS | {"manual_seed"}:
            found.append(name)
    for node in nodes_of(source):
        name = dotted(node)
        numpy_global = name.startswith(("np.random.", "numpy.random.")) and name.split(".")[2] not in NUMPY_ALLOWED
        if numpy_global or name in TORCH_GLOBAL or name.startswith("torch.random."):
            found.append(name)
        elif isinstance(node, ast.Call) and call_draws_globally(node):
            found.append(ast.unparse(node))
    return found


@every_source
def test_no_module_uses_a_global_generator(path) -> None:
    assert global_randomness(SOURCES[path]) == []


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("np.random.default_rng(seed)", True),
        ("def f(rng: np.random.Generator): rng.random(3)", True),
        ("torch.randn(3, generator=g)", True),
        ("torch.Generator().manual_seed(0)", True),
        ("x.normal_(generator=g)", True),
        ("tasks.sample(3, rng)", True),
        ("np.random.default_rng()", False),
        ("np.random.rand(3)", False),
        ("np.random.seed(0)", False),
        ("numpy.random.shuffle(x)", False),
        ("import random", False),
        ("from random import choice", False),
        ("from numpy.random import rand", False),
        ("from torch import randn", False),
        ("torch.manual_seed(0)", False),
        ("torch.randn(3)", False),
        ("torch.randn_like(x)", False),
        ("torch.nn.init.orthogonal_(w)", False),
        ("x.normal_()", False),
        ("distribution.rsample()", False),
    ],
)
def test_a_global_generator_is_found(source, allowed) -> None:
    assert (global_randomness(source) == []) == allowed


PICKLERS = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
PICKLING = {"torch.save", "torch.load", "torch.jit.load", "torch.jit.save"}
RUNNING = {"eval", "exec", "os.system", "__import__"}
LISTENERS = {"http", "socketserver", "socket", "wsgiref", "xmlrpc", "asyncio", "tornado", "aiohttp", "websockets"}


def pickles(source):
    """Uses of pickle, each as it is written."""
    found = [name for name in imports(source) if name.split(".")[0] in PICKLERS or name in PICKLING]
    for node in nodes_of(source):
        if dotted(node) in PICKLING or (isinstance(node, ast.keyword) and node.arg == "allow_pickle"):
            found.append(ast.unparse(node))
    return found


@every_source
def test_no_module_reads_or_writes_a_pickle(path) -> None:
    assert pickles(SOURCES[path]) == []


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("safetensors.torch.load(data)", True),
        ("mpsearch.load('x')", True),
        ("torch.load(path)", False),
        ("import torch\ntorch.save(x, path)", False),
        ("from torch import load", False),
        ("import pickle", False),
        ("from pickle import loads", False),
        ("np.load(path)", True),
        ("np.load(path, allow_pickle=True)", False),
    ],
)
def test_a_pickle_is_found(source, allowed) -> None:
    assert (pickles(source) == []) == allowed


def code_from_data(source):
    """Calls that run text as code."""
    calls = [node for node in nodes_of(source) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if dotted(call.func) in RUNNING]


def listeners(source):
    """Imports of what could listen on the network, which only ``mpsearch page`` may do."""
    return [name for name in imports(source) if name.split(".")[0] in LISTENERS]


@every_source
def test_no_module_runs_text_as_code_or_listens_on_the_network(path) -> None:
    assert code_from_data(SOURCES[path]) == [] or path == "course/exercises/exercise.py"  # the package's own lessons
    assert listeners(SOURCES[path]) == [] or path == "course/page.py"  # test_page.py: it listens on 127.0.0.1 only


@pytest.mark.parametrize("source", ["eval(text)", "exec(compile(text, 'x', 'exec'))", "import os\nos.system('ls')"])
def test_text_that_is_run_is_found(source) -> None:
    assert code_from_data(source)


@pytest.mark.parametrize("source", ["import socket", "from http.server import HTTPServer", "import tornado.web"])
def test_a_listener_is_found(source) -> None:
    assert listeners(source)
