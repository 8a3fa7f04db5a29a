"""Tables as a Psych-DS data set: CSV files, and a description that names every column."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from memorability.base.errors import InputError
from memorability.base.files import atomic_directory


def write_psych_ds(
    tables: Mapping[str, pd.DataFrame],
    output: Path,
    *,
    name: str,
    description: str,
    readme: str,
    described: Mapping[str, str],
) -> None:
    """Write tables as a Psych-DS data set.

    Parameters
    ----------
    tables
        Name -> table.
    output
        Folder, which must not exist.
    name, description
        Of the data set.
    readme
        Text of its README.md, in Markdown.
    described
        Column -> what it holds. A column that is not there is named without a description.

    Raises
    ------
    InputError
        If the folder exists or cannot be written.

    Notes
    -----
    Psych-DS (https://psych-ds.github.io): tables are `data/<keyword>-<value>_data.csv`, where a value
    has letters and digits alone, and `dataset_description.json` names every column.
    """
    if output.exists():
        raise InputError(f"{output} exists. Name another folder.")
    with atomic_directory(output) as made:
        (made / "data").mkdir()
        columns: dict[str, None] = {}
        for table_name, table in tables.items():
            first, *rest = table_name.split("_")
            value = first + "".join(word.capitalize() for word in rest)
            path = made / "data" / f"description-{value}_data.csv"
            table.to_csv(path, index=False, encoding="utf-8")
            columns |= dict.fromkeys(map(str, table.columns))
        content = {
            "@context": "https://schema.org/",
            "@type": "Dataset",
            "name": name,
            "description": description,
            "variableMeasured": [
                {"@type": "PropertyValue", "name": column}
                | ({"description": described[column]} if column in described else {})
                for column in columns
            ],
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (made / "dataset_description.json").write_text(text + "\n", encoding="utf-8")
        (made / "README.md").write_text(readme, encoding="utf-8")
