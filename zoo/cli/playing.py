"""`zoo play`: a page in the browser on which models draw."""

import contextlib
import sys
import tempfile
import webbrowser
from pathlib import Path

import click

from zoo import presets
from zoo.cli.group import main
from zoo.cli.loading import check_generative, import_quietly, load_generative
from zoo.errors import InputError
from zoo.files import expanded


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 is any free one.")
@click.option("--browser/--no-browser", default=True, help="Whether to open the page in the browser.")
@click.option("--runtime", type=click.Path(path_type=Path), help="Folder with the npm package of ONNX Runtime Web.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Only write the page into this folder.")
def play(names, port, browser, runtime, output):
    """Opens a page on which models draw in the browser: NAME is a preset, a directory or hf://org/name.

    Without a name, the page has all official presets, whose export takes two minutes. With -o, nothing is served: any
    web server can serve the folder.
    """
    from zoo.playground.building import build
    from zoo.playground.serving import server

    names = names or presets.list_presets(kind="model")
    shown = {}
    for name in names:
        check_generative(name)
        # A folder is called by its own name, a repository without its owner.
        shown[Path(name).resolve().name if presets.resolve(name).origin == "directory" else name.rpartition("/")[2]] = (
            name
        )
    if len(shown) < len(names):
        raise InputError(f"NAME is {', '.join(names)}, expected models of different names.")
    import_quietly()
    with tempfile.TemporaryDirectory() as folder:
        place = expanded(output) if output else Path(folder) / "playground"
        with click.progressbar(shown.items(), label="Exporting", file=sys.stderr) as bar:
            build(place, ((title, load_generative(name)) for title, name in bar), runtime)
        if output:
            click.echo(f"Wrote {output}.")
            return
        with server(place, port) as running:
            address = f"http://127.0.0.1:{running.server_port}/"
            click.echo(f"The playground is at {address} until you press Ctrl-C.")
            if browser:
                webbrowser.open(address)
            # Ctrl-C is how it ends.
            with contextlib.suppress(KeyboardInterrupt):
                running.serve_forever()
