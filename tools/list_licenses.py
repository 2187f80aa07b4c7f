"""Writes LICENSES.md: the licence of every pinned package, from the metadata of what is installed.

Run it in the project's environment: ``make licenses``. The same pins give the same file.
"""

import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^[A-Za-z0-9][^\\\n]*", re.MULTILINE)  # the rest of an entry are its hashes
HEAD = """# Licences of the packages that the console installs

The console itself is under the MIT licence ([LICENSE](LICENSE)). Nothing below is part of this repository: `make run`
installs it from the package index. Written by `make licenses` from the packages' own metadata.
"""


def pins(path: Path) -> list[tuple[str, str]]:
    """Return the (name, version) pairs of a locked file that apply to this Python and platform."""
    entries = [Requirement(entry) for entry in PIN.findall(path.read_text())]
    here = [entry for entry in entries if entry.marker is None or entry.marker.evaluate()]
    return [(entry.name, str(entry.specifier).removeprefix("==")) for entry in here]


def licence_of(package: Distribution) -> str:
    """Return the licence as an SPDX expression where there is one, else as the package words it."""
    known = package.metadata
    if "License-Expression" in known:
        return known["License-Expression"]
    classified = [line.split(" :: ")[-1] for line in known.get_all("Classifier") or [] if line.startswith("License ::")]
    stated = known["License"].strip().splitlines() if "License" in known else []
    short = stated[0] if stated and len(stated[0]) <= 60 else ""
    return ", ".join(sorted(set(classified) - {"OSI Approved"})) or short or "not stated in its metadata"


def table(packages: list[tuple[str, str]], title: str) -> str:
    """Return one section. Raises PackageNotFoundError for a pin that is not installed."""
    rows = [f"| {name} | {version} | {licence_of(distribution(name))} |" for name, version in packages]
    return "\n".join([f"\n## {title}\n", "| package | version | licence |", "| --- | --- | --- |", *rows, ""])


def main() -> None:
    """Write the file, or with --check fail if it is not up to date."""
    to_run = sorted({*pins(ROOT / "requirements.txt"), *pins(ROOT / "requirements-valkey.txt")})
    to_test = [pin for pin in pins(ROOT / "requirements-dev.txt") if pin not in to_run]
    text = HEAD + table(to_run, "To run it") + table(to_test, "To test and lint it")
    target = ROOT / "LICENSES.md"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if target.read_text() == text else "LICENSES.md is out of date: run `make licenses`.")
    target.write_text(text)


if __name__ == "__main__":
    main()
