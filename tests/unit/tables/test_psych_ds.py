import json
from pathlib import Path

import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.tables.psych_ds import write_psych_ds


def test_every_column_is_named_and_values_have_letters_and_digits_alone(tmp_path: Path) -> None:
    tables = {
        "table_1": pd.DataFrame({"loss": ["mse"], "r": [0.25]}),
        "scores": pd.DataFrame({"r": [1.0], "n": [3]}),
    }
    written = tmp_path / "exported"
    texts = {"name": "A study", "description": "What it is.", "readme": "# A study\n"}
    write_psych_ds(tables, written, **texts, described={"r": "A correlation, −1 to 1."})
    content = json.loads((written / "dataset_description.json").read_text(encoding="utf-8"))
    assert (content["@type"], content["@context"]) == ("Dataset", "https://schema.org/")
    assert content["variableMeasured"] == [
        {"@type": "PropertyValue", "name": "loss"},
        {"@type": "PropertyValue", "name": "r", "description": "A correlation, −1 to 1."},
        {"@type": "PropertyValue", "name": "n"},
    ]
    names = ["description-scores_data.csv", "description-table1_data.csv"]
    assert sorted(path.name for path in (written / "data").iterdir()) == names
    assert pd.read_csv(written / "data" / names[1]).equals(tables["table_1"])
    with pytest.raises(InputError, match="exists"):
        write_psych_ds(tables, written, **texts, described={})
