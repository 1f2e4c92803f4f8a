"""`zoo publish`: presets on the Hugging Face Hub."""

import click

from zoo import presets
from zoo.cli.group import main
from zoo.cli.names import complete_preset
from zoo.errors import InputError
from zoo.presets import hub


@main.command()
@click.argument("name", required=False, shell_complete=complete_preset)
@click.option("--all", "every", is_flag=True, help="Publish all official presets instead of NAME.")
@click.option("--repo", metavar="ORG/NAME", help="Default: the manifest's, else NAME in your own namespace.")
@click.option("--tag", metavar="TAG", help="Tag the commit.")
@click.option("--private", is_flag=True, help="Make the repository private if it is created.")
def publish(name, every, repo, tag, private):
    """Publishes the preset NAME, a name or a directory, on the Hugging Face Hub, with the token in HF_TOKEN.

    The manifest then pins an official preset to the commit. An unchanged preset makes no new commit.
    """
    if every == (name is not None):
        raise InputError("NAME and --all exclude each other, and one of them is needed.")
    if every and repo is not None:
        raise InputError(f"--repo is {repo!r}, but --all publishes many presets; name one preset for it.")
    if repo is not None:
        hub.check_repo_id(repo, "--repo")
    names = presets.list_presets(kind=None) if every else [name]
    locations = {name: presets.resolve(name) for name in names}
    for name, location in locations.items():
        if location.directory is None or location.origin == "cached":
            raise InputError(f"NAME is {name!r}, which is no preset of this installation and no directory.")
        if location.origin == "directory" and repo is None:
            raise InputError(f"--repo is missing; {name!r} is a directory, which has no name on the Hub.")
        presets.verify(location)
    for name, location in locations.items():
        official = location.origin == "bundled"
        entry = presets.entry_of(name) if official else {}
        found = hub.publish(
            location.directory,
            repo or entry.get("repo_id") or hub.default_repo_id(name),
            title=name if official else None,
            facts=entry,
            tag=tag,
            private=private,
        )
        if official:
            presets.record_publication(name, found.repo_id, found.revision)
        done = "Published" if found.changed else "Nothing changed in"
        click.echo(f"{done} {name}: hf://{found.repo_id}@{found.revision}")
