"""Tables that a benchmark writes into a page of the documentation, between two comments that name the script."""


def written(page, script, text):
    """Returns a page with a text in the place of what a script wrote before."""
    begin, end = f"<!-- benchmarks/{script} begins -->", f"<!-- benchmarks/{script} ends -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def write_between(path, script, text):
    """Writes a text into a file, in the place of what the script wrote before."""
    path.write_text(written(path.read_text(encoding="utf-8"), script, text), encoding="utf-8")
