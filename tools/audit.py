"""Looks up known vulnerabilities of everything that the console installs: ``make audit``.

pip-audit says "no known vulnerabilities" and ends with 0 when it could look nothing up; this does not. It ends with 0
when every package was looked up and is fine, 1 when one is vulnerable, 2 when some could not be looked up. With
``--if-reachable`` (for CI), a machine that reaches no vulnerability service at all is told so and let through.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner=off"]


def report() -> list[dict[str, Any]]:
    """Return what pip-audit found, one entry a package; nothing if it could not even begin."""
    files = [f"--requirement={ROOT / name}" for name in ("requirements.txt", "requirements-valkey.txt")]
    command = [*COMMAND, "--format=json", *files]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own arguments
    packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"] if done.stdout else []
    return packages


def verdict(packages: list[dict[str, Any]], *, if_reachable: bool) -> tuple[int, str]:
    """Return the exit code and what to say of a report."""
    vulnerable = [f"  {each['name']} {each['version']}: {_known(each)}" for each in packages if each.get("vulns")]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    if vulnerable:
        return 1, "\n".join(["Known vulnerabilities:", *vulnerable])
    if len(unknown) == len(packages):
        code = 0 if if_reachable else 2
        return (
            code,
            "NOT AUDITED: no vulnerability service could be reached. Run it again.",
        )
    if unknown:
        return 2, f"Couldn't look up: {', '.join(unknown)}. The other {len(packages) - len(unknown)} are fine."
    return 0, f"{len(packages)} packages checked, no known vulnerabilities."


def _known(package: dict[str, Any]) -> str:
    return ", ".join(
        f"{each['id']} (fixed in {' or '.join(each['fix_versions']) or 'nothing yet'})" for each in package["vulns"]
    )


if __name__ == "__main__":
    code, message = verdict(report(), if_reachable="--if-reachable" in sys.argv[1:])
    print(message)  # noqa: T201
    sys.exit(code)
