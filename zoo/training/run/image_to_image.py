"""How runs of translators and of super-resolution end: pictures and figures of their test images."""

from zoo.errors import InputError
from zoo.images import read_picture
from zoo.metrics import protocols
from zoo.training.pictures import enlargements, translations
from zoo.training.run.writing import finish


def finish_translator(run, model, train, test):
    """Ends the run of a model from images to images: `finish` with translations of the test images.

    Args:
        run: `Run` with a `dataset`.
        model: trained model with `translate`.
        train, test: `zoo.data.ImageSet` with source images.
    """

    def draw(model):
        shown = translations(model, test)
        return shown, shown[1::3]

    def evaluate(model, size):
        return protocols.translation_of(model, train, test, run.dataset, size=size)

    finish(run, model, train, draw=draw, evaluate=evaluate)


def read_test_pictures(recipe, test):
    """Reads the pictures that super-resolution is measured on; call it before the training, which takes hours.

    Args:
        recipe: `Recipe`; each folder in its `test_sets`, such as Set5 and Set14, holds PNG files.
        test: `zoo.data.ImageSet` of the test images.

    Returns:
        Dict of images by the name of their set.

    Raises:
        InputError: `test_sets` holds no folders, or a folder without PNG files.
    """
    pictures, place = {f"test_{recipe.dataset}": test.images}, recipe.test_sets
    folders = [path for path in sorted(place.glob("*")) if path.is_dir()] if place else []
    if place and not folders:
        raise InputError(f"test_sets is {str(place)!r}, expected a folder that holds folders of PNG files.")
    for folder in folders:
        pictures[folder.name] = [read_picture(file) for file in sorted(folder.glob("*.png"))]
        if not pictures[folder.name]:
            raise InputError(f"test_sets is {str(place)!r}, whose folder {folder.name} holds no PNG file.")
    return pictures


def finish_upscaler(run, model, train, test, pictures):
    """Ends the run of a model of super-resolution: `finish` with enlarged test images.

    Args:
        run: `Run` with a `dataset`.
        model: trained model with `upscale`.
        train, test: `zoo.data.ImageSet`.
        pictures: dict of images by the name of their set, as `read_test_pictures` returns it.
    """

    def evaluate(model, size):
        figures = {}
        for name, found in pictures.items():
            figures |= protocols.upscaling_of(model, found[: size.images], name)
        return figures

    # Enlarged pictures are meant to be near to a training image, so that no nearest ones are shown.
    finish(run, model, train, draw=lambda model: (enlargements(model, test), None), evaluate=evaluate)
