"""Names on the command line: classes in any case, arguments that are given once, and what a shell completes."""

from click.shell_completion import CompletionItem

import zoo
from zoo import presets
from zoo.errors import InputError, shown

# Classes that only others derive from.
_ABSTRACT = ("AdversarialModel", "GenerativeModel")


def classes():
    """Returns the names of the model classes, sorted."""
    return sorted(name for name in zoo.__all__ if name[0].isupper() and name not in _ABSTRACT)


def class_named(text, argument):
    """Returns the name of a class, whatever the case of the text and wherever it has underscores."""
    for name in classes():
        if name.lower() == text.lower().replace("_", ""):
            return name
    raise InputError(
        f"{argument} is {shown(text)}, expected one of {', '.join(classes())}; case and underscores do not matter."
    )


def once(pairs, option=""):
    """Returns pairs of names and values as a dict, or refuses a name that comes twice, of which one would be lost.

    Args:
        pairs: iterable of `(name, value)`.
        option: str. Beginning of the name in the message, such as `"--option "`. Defaults to "".
    """
    given = {}
    for name, value in pairs:
        if name in given:
            raise InputError(f"{option}{name} is given twice, expected it once.")
        given[name] = value
    return given


# === What a shell completes ===


def complete_preset(context, parameter, incomplete):
    """Returns the names of presets, or lets the shell complete the directory of another one."""
    names = [name for name in presets.list_presets() if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="dir")]


def complete_class(context, parameter, incomplete):
    return [name for name in classes() if name.lower().startswith(incomplete.lower().replace("_", ""))]
