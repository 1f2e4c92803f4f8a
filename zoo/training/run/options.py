"""Constructor arguments of a model class as texts of a command line, typed by their defaults."""

import ast
import inspect
import json

from zoo.errors import InputError, shown

# These are not a user's choice, the data determines them, or a text cannot express them.
_NO_OPTIONS = (
    "self",
    "image_shape",
    "_code_size",
    "_implied",
    "class_names",
    "monitored",
    "name",
    "prior",
    "vocabulary",
    "example_prompts",
)
_VARIABLE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_FLAGS = {"true": True, "false": False}


def constructor_options(model_class):
    """Returns the defaults of what a class takes besides `image_shape`, its network options included.

    Args:
        model_class: class of the zoo.

    Returns:
        Dict of defaults by name; that of a required argument is `inspect.Parameter.empty`.
    """
    found = {}
    for each in model_class.__mro__:
        parameters = inspect.signature(each.__init__).parameters
        found = {**{name: p.default for name, p in parameters.items() if p.kind not in _VARIABLE}, **found}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    taken = set(_NO_OPTIONS) | set(model_class.network_arguments)
    if hasattr(model_class, "default_networks"):
        # The first two are the shape of an image and the size of a code, and the class itself fills in required ones.
        options = list(inspect.signature(model_class.default_networks).parameters.items())[2:]
        found = {**{name: p.default for name, p in options if p.default is not p.empty}, **found}
    return {name: default for name, default in found.items() if name not in taken}


def required_arguments(model_class):
    """Returns the names of the arguments besides `image_shape` that a class cannot do without."""
    parameters = inspect.signature(model_class.__init__).parameters.values()
    required = {p.name for p in parameters if p.default is p.empty and p.kind not in _VARIABLE}
    return required - {"self", "image_shape"}


def parse_option(model_class, text):
    """Returns the name and the value of a text `name=value`, such as `filters=32` or `objective=hinge`.

    Args:
        model_class: class of the zoo.
        text: str. The value is read as the type of the argument's default. A default of another type, such as None,
            takes any Python literal or text.

    Raises:
        InputError: the class has no such argument, or the value is of another type.
    """
    known = constructor_options(model_class)
    name, equals, value = text.partition("=")
    if not equals or name not in known:
        raise InputError(
            f"--option is {shown(text)}, expected name=value with a name that {model_class.__name__} takes: "
            f"{', '.join(sorted(known))}."
        )
    default = known[name]
    if isinstance(default, str):
        return name, value
    if isinstance(default, bool):
        if value.lower() not in _FLAGS:
            raise InputError(f"--option {name} is {shown(value)}, expected true or false.")
        return name, _FLAGS[value.lower()]
    if isinstance(default, (int, float)):
        try:
            return name, type(default)(value)
        except ValueError:
            kind = "an integer" if isinstance(default, int) else "a number"
            raise InputError(f"--option {name} is {shown(value)}, expected {kind}.") from None
    try:
        literal = ast.literal_eval(value)
        # The settings of a run are a JSON file.
        json.dumps(literal)
    except (ValueError, SyntaxError, TypeError):
        return name, value
    return name, literal
