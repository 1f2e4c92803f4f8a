"""The folder of a preset that a training writes: new, empty, or with an unfinished run of the same settings."""

import json
import shutil

from zoo import presets
from zoo.errors import InputError
from zoo.files import replacing_directory
from zoo.presets import card

#: Folder of the run, within that of its preset.
TRAINING = "training"
SETTINGS = "settings.json"


def check_free(directory, argument):
    """Refuses a folder that is a file, or that holds a preset or other things than an unfinished run.

    Args:
        directory: `pathlib.Path` of the preset.
        argument: str. What messages call the folder, such as `"-o"`.

    Raises:
        InputError: the folder is none of this kind.
    """
    beginning = f"{argument} is {str(directory)!r}, which"
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{beginning} is a file, expected a folder.")
    if (directory / presets.CONFIG).exists():
        raise InputError(
            f"{beginning} already holds a preset; choose another folder, or train that preset further by "
            f"`zoo fine-tune {directory} DATA -o FOLDER`."
        )
    begun = (directory / TRAINING / SETTINGS).exists()
    if not begun and directory.exists() and any(directory.iterdir()):
        raise InputError(f"{beginning} holds other files, expected a new or an empty folder.")


def check_same(directory, argument, settings):
    """Refuses the folder of an unfinished run that had other settings; a folder without a run passes.

    Args:
        directory, argument: as for `check_free`.
        settings: dict of what JSON holds.

    Raises:
        InputError: the run in the folder had other settings.
    """
    file = directory / TRAINING / SETTINGS
    if not file.exists():
        return
    begun = json.loads(file.read_text(encoding="utf-8"))
    for name, value in json.loads(json.dumps(settings)).items():
        # A folder is the same with and without a slash at its end.
        was = begun.get(name)
        if was != value and not (name == "data" and str(was).rstrip("/") == value.rstrip("/")):
            raise InputError(
                f"{argument} is {str(directory)!r}, which holds an unfinished training with {name}={was!r}, "
                f"but {name} is {value!r}; repeat the same command to continue it, or choose another folder."
            )


def place_preset(draft, directory):
    """Copies a finished preset to its place, in one step, and leaves everything else there as it is.

    Args:
        draft: `pathlib.Path` of the finished preset, which may lie within `directory`.
        directory: `pathlib.Path` of the place.
    """
    own = {*presets.HASHED_FILES, presets.METADATA, card.CARD, *card.PICTURES}
    others = {file.name for file in directory.iterdir()} - own if directory.exists() else set()
    with replacing_directory(directory, others) as temporary:
        shutil.copytree(draft, temporary, dirs_exist_ok=True)
