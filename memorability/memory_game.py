"""The memory game: observers see images once, some again, and say which they have seen before.

The observers here are simulated. Each image has a planted memorability, the probability that its
repeat is recognised, and a false-alarm rate, the probability that its first showing is taken for a
repeat; responses are drawn from these and nothing else.
"""

import numpy as np
import pandas as pd


def simulate_trials(
    image_ids: list[str],
    memorability: np.ndarray,
    false_alarm_rate: np.ndarray,
    *,
    observers: int,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Let simulated observers see every image twice.

    Parameters
    ----------
    image_ids
        Names of the N images.
    memorability, false_alarm_rate
        (N,) probabilities, 0-1, of saying "seen before" at the repeat and at the first showing.
    observers
        Number of observers.
    generator
        Source of randomness.

    Returns
    -------
    pandas.DataFrame
        A row per observer, image and showing: observer, image_id, repeat (whether this is the
        second showing), response (whether the observer said "seen before").
    """
    count = len(image_ids)
    showings = []
    for repeat, probability in ((False, false_alarm_rate), (True, memorability)):
        said_seen = generator.random((observers, count)) < probability
        showings.append(
            pd.DataFrame(
                {
                    "observer": np.repeat([f"simulated_{i:03d}" for i in range(observers)], count),
                    "image_id": np.tile(image_ids, observers),
                    "repeat": repeat,
                    "response": said_seen.reshape(-1),
                }
            )
        )
    return pd.concat(showings, ignore_index=True)


def score_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Score trials as MemCat does: hit rate less false-alarm rate, over the same responses.

    Parameters
    ----------
    trials
        Columns image_id, repeat, response, as from `simulate_trials`.

    Returns
    -------
    pandas.DataFrame
        A row per image: image_id, hits (repeats recognised), false_alarms (first showings taken
        for repeats), responses (repeats shown), score = (hits - false_alarms) / responses, cut at 0
        where false alarms outnumber hits, and score_uncorrected = hits / responses. Both 0-1.
    """
    images = trials.groupby("image_id")
    table = pd.DataFrame({"responses": images["repeat"].sum()})
    said_seen = trials["response"]
    for name, chosen in (
        ("hits", said_seen & trials["repeat"]),
        ("false_alarms", said_seen & ~trials["repeat"]),
    ):
        table[name] = chosen.groupby(trials["image_id"]).sum()
    table["score"] = ((table["hits"] - table["false_alarms"]) / table["responses"]).clip(lower=0.0)
    table["score_uncorrected"] = table["hits"] / table["responses"]
    return table.reset_index()
