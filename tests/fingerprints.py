"""Print the fingerprint of every script: `python -m tests.fingerprints`.

A change that only moves code must print the same before and after.
"""

from pathlib import Path

from memorability.workflow.fingerprint import fingerprint

if __name__ == "__main__":
    for script in sorted(Path(__file__).parents[1].glob("scripts/*.py")):
        print(fingerprint(script), script.stem)
