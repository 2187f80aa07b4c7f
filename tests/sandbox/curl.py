"""Runs the curl lines of the documentation, with host and credentials replaced."""

import argparse
import shlex

import httpx


def run_curl(line, base_url, **values):
    """Send the request of a documented curl line; `values` replaces `$NAME` and other placeholders."""
    line = line.replace("\\\n", " ").replace("https://api.cleanlist.ai", base_url)
    for placeholder, value in values.items():
        line = line.replace(placeholder, value)
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body")
    options = parser.parse_args(shlex.split(line)[1:])
    headers = dict(header.split(": ", 1) for header in options.headers)
    method = options.method or ("POST" if options.body else "GET")
    return httpx.request(method, options.url, headers=headers, content=options.body, timeout=30)
