"""Exporting: the networks of a model as files for other programs, such as ONNX files for a browser.

A model names its networks in `exported_networks`. `destination` checks where they go, and `writing` writes them.
"""
