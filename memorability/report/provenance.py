"""Where a study's results come from: the rows of a page."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd


def provenance_rows(
    records: list[dict[str, Any]],
    settings: Mapping[str, Any],
    tables: Mapping[str, str] | None = None,
    environment: Mapping[str, Any] | None = None,
    workflow: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return what made the results, a row per fact: workflow, weights, versions, configuration.

    Parameters
    ----------
    records
        The record of every run, each with settings, receipts and environment. Runs that continued
        with the model of the run before are counted; each one's own record names its file.
    settings
        The resolved configuration.
    tables
        Path -> SHA-256 of the tables that the user gave.
    environment
        As from `environment_record`, shown where there are no runs.
    workflow
        As from `memorability.workflow.records.workflow_record`.
    """
    receipts = {
        json.dumps(receipt, sort_keys=True)
        for run in records
        for receipt in run["receipts"]
        if receipt["source"] != run["settings"]["start"]["previous_model"]
    }
    rows = [(f"{key} of the workflow", value) for key, value in (workflow or {}).items()]
    rows += [
        (f"weights of the {receipt['model']}", _receipt_text(receipt))
        for receipt in map(json.loads, sorted(receipts))
    ]
    carried = sum(run["settings"]["start"]["previous_model"] is not None for run in records)
    if carried:
        rows.append(
            ("weights carried over", f"{carried} runs start from the model of the run before")
        )
    rows += [("table", f"{path}, SHA-256 {digest}") for path, digest in (tables or {}).items()]
    environments = [run["environment"] for run in records] or [environment or {"packages": {}}]
    for text in sorted({json.dumps(one, sort_keys=True) for one in environments}):
        facts = json.loads(text)
        packages = facts.pop("packages")
        rows += [(key, str(value)) for key, value in facts.items()]
        rows.append(
            ("packages", ", ".join(f"{name} {version}" for name, version in packages.items()))
        )
    rows.append(("runs", str(len(records))))
    rows += [(f"configuration: {key}", json.dumps(value)) for key, value in settings.items()]
    return pd.DataFrame(rows, columns=["what", "value"])


def _receipt_text(receipt: Mapping[str, Any]) -> str:
    total = receipt["matched"] + receipt["missing"]
    if receipt["source"] == "random":
        return f"seeded random weights; 0 of {total} tensors loaded from a file"
    file = receipt["source"] + (f", SHA-256 {receipt['sha256']}" if receipt["sha256"] else "")
    counts = f"{receipt['matched']} tensors"
    if receipt["missing"] or receipt["unexpected"]:
        counts = (
            f"{receipt['matched']} tensors matched, {receipt['missing']} missing in the file, "
            f"{receipt['unexpected']} of the file unexpected"
        )
    published = {"yes": "the published weights", "no": "not the published weights"}
    facts = [
        f"trained by {receipt['trained_by']}" if receipt.get("trained_by") else "",
        published.get(receipt.get("published", ""), ""),
        receipt["remark"],
        f"licence: {receipt['licence']}" if receipt.get("licence") else "",
    ]
    return "; ".join([f"{file}: {counts}", *filter(None, facts)])
