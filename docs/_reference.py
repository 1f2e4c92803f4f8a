"""Writes a page for each model class, the reference of every public name, and that of the command line."""

import functools
import importlib
import inspect
import pkgutil
import re
import types
from pathlib import Path

import _docstrings
import click
from _arc import PAPERS
from _links import DOCS, GENERATED

import zoo
from zoo import presets
from zoo.cli import main as command

# The modules that people import from; of packages without `__all__`, the files.
ROOMS = (
    "zoo",
    "zoo.presets",
    "zoo.presets.hub",
    "zoo.data",
    "zoo.images",
    "zoo.latents",
    "zoo.text",
    "zoo.callbacks",
    "zoo.devices",
    "zoo.metrics",
    "zoo.metrics.features",
    "zoo.metrics.protocols",
    "zoo.training.run",
    "zoo.training.warm_start",
    "zoo.training.schedules",
    "zoo.sampling.conditions",
    "zoo.exporting.networks",
    "zoo.playground",
    "zoo.objectives",
    "zoo.nets",
    "zoo.layers",
    "zoo.errors",
)


def modules():
    """Returns the modules whose public names the reference has, a list."""
    rooms = map(importlib.import_module, ROOMS)
    return [module for room in rooms for module in ([room] if public_names(room) else files_of(room))]


def files_of(package):
    """Returns the modules of a package, a list."""
    return [
        importlib.import_module(f"{package.__name__}.{file.name}") for file in pkgutil.iter_modules(package.__path__)
    ]


def public_names(module):
    """Returns the public names of a module, constants last: its `__all__`, or what it defines, without modules."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]
    found = [name for name in names if not inspect.ismodule(getattr(module, name))]
    return sorted(found, key=lambda name: (not callable(getattr(module, name)), name))


def summary_of(described):
    """Returns the first paragraph of a docstring in one line."""
    return inspect.cleandoc(described.__doc__).partition("\n\n")[0].replace("\n", " ")


def model_classes():
    """Returns the classes of models that people build, a dict by name."""
    return {name: getattr(zoo, name) for name in PAPERS}


# === Models ===


def model_page(name, cls):
    """Returns the page of a model class."""
    text, _, rest = inspect.cleandoc(cls.__doc__).partition("\nArgs:\n")
    summary, _, more = text.partition("\n\n")
    example = rest.partition("\nExample:\n")[2].strip()
    citation, title, address = PAPERS[name]
    links = {preset: f"/gallery/{preset}{GENERATED}" for preset in presets.list_presets(model=name)}
    pictures = [f"[![Images by {each}](/gallery/pictures/{each}.png)]({link})" for each, link in links.items()]
    parts = [f"# {name}", summary, f"{{.pictures}}\n{' '.join(pictures)}" if pictures else ""]
    parts.append(f"Paper: [{title}]({address}) ({citation})")
    if links:
        parts.append("Presets: " + ", ".join(f"[`{preset}`]({link})" for preset, link in links.items()))
    else:
        parts.append("It has no pretrained weights; `zoo train` and [Training](/training.md) train it.")
    family = cls.__module__.rpartition(".")[2]
    if (DOCS / "concepts" / f"{family}.md").is_file():
        parts.append(f"[The idea, and the code that implements it](/concepts/{family}.md)")
    parts.append(f"Arguments and methods: {{py:class}}`zoo.{name}`")
    if more:
        parts.append(f"## How it works\n\n{more}")
    parts.append(f"## Train your own\n\n{example}")
    return "\n\n".join(filter(None, parts)) + "\n"


def model_pages():
    classes, rows = model_classes(), []
    for name, cls in classes.items():
        names = presets.list_presets(model=name)
        picture = f"![](/figures/presets/{names[0]}.png)" if names else ""
        rows.append(f"| {picture} | [{name}]({name}{GENERATED}) | {summary_of(cls)} |")
    table = ["```{table}", ":class: presets", "", "| images | class | what it is |", "|---|---|---|", *rows, "```"]
    tree = ["```{toctree}", ":hidden:", "", *classes, "```"]
    index = [
        "# Models",
        "",
        "Each class is a `keras.Model` whose `train_step` follows its paper.",
        "",
        *table,
        "",
        *tree,
        "",
    ]
    return {
        f"models/index{GENERATED}": "\n".join(index),
        **{f"models/{name}{GENERATED}": model_page(name, cls) for name, cls in classes.items()},
    }


# === Public names ===


def heading(text, line="="):
    return f"{text}\n{line * len(text)}\n"


def entry_of(module, name):
    """Returns the directive that documents a public name."""
    value, path = getattr(module, name), f"{module.__name__}.{name}"
    if inspect.isclass(value):
        members = ", ".join(members_of(value))
        return f".. autoclass:: {path}\n   :members: {members}\n   :show-inheritance:\n".replace("   :members: \n", "")
    if inspect.isroutine(value):
        return f".. autofunction:: {path}\n"
    # The path of a folder is that of this machine.
    shown = "" if isinstance(value, Path) else f"   :value: {value!r}\n"
    return f".. py:data:: {path}\n{shown}\n   {comment_of(module, name)}\n"


def members_of(cls):
    """Returns the documented members of a class, with those of bases that have no entry of their own."""
    found = []
    for base in cls.__mro__:
        if base is not cls and is_public(base):
            break
        commented = re.findall(r"^    #: .*\n    (\w+)\b", inspect.getsource(base), re.MULTILINE)
        found += [name for name, value in vars(base).items() if name in commented or _is_documented(name, value)]
    return list(dict.fromkeys(found))


def _is_documented(name, value):
    return (
        name[0] != "_"
        and isinstance(value, (types.FunctionType, classmethod, staticmethod, property))
        and value.__doc__
    )


def is_public(cls):
    """Returns whether a class has an entry in the reference, or is none of the zoo's."""
    return not cls.__module__.startswith("zoo.") or cls in public_classes()


@functools.cache
def public_classes():
    values = [getattr(module, name) for module in modules() for name in public_names(module)]
    return {value for value in values if inspect.isclass(value)}


def public_bases(app, name, obj, options, bases):
    """Handles `autodoc-process-bases`: names the bases that have an entry or are none of the zoo's, or the nearest."""
    found = [base for base in bases if is_public(base)]
    bases[:] = found or [next(base for base in obj.__mro__[1:] if is_public(base))]


def own_signature(app, what, name, obj, options, signature, returned):
    """Handles `autodoc-process-signature`: Keras' layers hide the arguments of a constructor."""
    if signature == "(*args, **kwargs)":
        arguments = inspect.signature(obj.__init__)
        own = [each.replace(annotation=each.empty) for each in list(arguments.parameters.values())[1:]]
        return str(arguments.replace(parameters=own)), returned
    return None


def comment_of(module, name):
    """Returns the comment above a constant of a module, or of a file of the package; it begins with `#:`."""
    file = Path(module.__file__)
    for source in sorted(file.parent.glob("*.py")) if file.stem == "__init__" else [file]:
        found = re.search(rf"((?:^#: .*\n)+)^(?:\w+, )*{name}\b.* = ", source.read_text("utf-8"), re.MULTILINE)
        if found:
            return " ".join(found[1].replace("#: ", "").split())
    raise ValueError(f"{module.__name__}.{name} has no comment that begins with #: and says what it is.")


def module_page(module):
    """Returns the page of a module, a dict of texts by path, with pages of their own for model classes."""
    name, names = module.__name__, public_names(module)
    apart = [each for each in names if module is zoo and inspect.isclass(getattr(zoo, each))]
    below = apart if names else [file.__name__.rpartition(".")[2] for file in files_of(module)]
    parts = [heading(name), f".. automodule:: {name}\n   :no-members:\n"]
    if below:
        parts.append(".. toctree::\n   :maxdepth: 1\n\n" + "".join(f"   {name}.{each}\n" for each in below))
    parts += [entry_of(module, each) for each in names if each not in apart]
    pages = {f"api/{name}.rst": "\n".join(parts)}
    return pages | {f"api/{name}.{each}.rst": f"{heading(each)}\n{entry_of(module, each)}" for each in apart}


def reference_pages():
    rooms, found = list(map(importlib.import_module, ROOMS)), {"api/zoo_command.rst": command_page()}
    for module in {*rooms, *modules()}:
        found |= module_page(module)
    described = {
        room.__name__: inspect.cleandoc(room.__doc__).partition("\n\n")[0].replace("\n", " ") for room in rooms
    }
    described["zoo_command"] = "The command line."
    rows = [f"   * - :doc:`{name}`\n     - {_docstrings.rest(text)}\n" for name, text in described.items()]
    tree = ".. toctree::\n   :hidden:\n\n" + "".join(f"   {name}\n" for name in described)
    table = ".. list-table::\n\n" + "".join(rows)
    found["api/index.rst"] = (
        f"{heading('Reference')}\nEvery public name, by the module that offers it.\n\n{table}\n{tree}"
    )
    return found


def command_page():
    """Returns the page of the command line, made of what `--help` prints."""
    parts = [heading("The command zoo")]
    for name, each in {"": command, **command.commands}.items():
        title = f"zoo {name}".strip()
        context = click.Context(each, info_name=title, terminal_width=100, max_content_width=100)
        text = "".join(f"   {line}".rstrip() + "\n" for line in each.get_help(context).splitlines())
        parts.append(f"{heading(title, '-')}\n.. code-block:: text\n\n{text}")
    return "\n".join(parts)


def pages():
    """Returns the pages of models and of the reference, a dict of texts by path."""
    return {**model_pages(), **reference_pages()}
