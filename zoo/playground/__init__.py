"""The playground: a static page on which exported models draw in the browser, by ONNX Runtime Web.

`build` puts the page, the runtime and the models into a folder, which any web server can serve. `zoo play` builds one
for models of one's own and serves it on this machine.
"""

from zoo.playground.building import build

__all__ = ["build"]
