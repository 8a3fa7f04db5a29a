"""Counts and single responses modelled: what an image's error does to hits, beside who saw what.

Of counts: a beta-binomial model with category means, effects of subcategories, and an image's own rate.
Of single trials: a probit model with crossed effects of images and observers, and the delay. Effects of
images or subcategories are random in both, so that standard errors are those for new ones, however many
responses there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from memorability.base.seeding import numpy_stream
from memorability.memory_game.mixed_models import INTERCEPT, Estimate, Fitted, fit_mixed
from memorability.memory_game.scoring import attentive_trials

FloatArray = NDArray[np.float64]
_Figures = tuple[float, float, float]
"""An estimate and its bounds."""

SMALLEST = 20
"""Fewest images that are modelled."""

ANSWERS = ("hits", "false_alarms")
COLUMNS = (
    "answers", "predictor", "quantity", "scale", "estimate", "ci_low", "ci_high", "p", "images",
    "subcategories", "observers", "responses",
)  # fmt: skip
"""Of the tables of models, in their order."""
RATES = ("rate", "modelled", "low", "high")
PREDICTOR = "predictor"
_GROUP, _PRECISION = "group", "precision"
DELAY = "log_delay"
_DRAWS = 2000
_NODES = 40


@dataclass(frozen=True)
class ResponseModelSettings:
    """What decides the models of responses.

    Attributes
    ----------
    confidence
        Coverage of intervals, between 0 and 1 exclusive.
    seed
        Of the stream "response models".
    """

    confidence: float
    seed: int


def predictors_of(per_image: pd.DataFrame) -> list[str]:
    """Return the columns of the table `per_image` that models take as predictors: errors."""
    return [str(name) for name in per_image.columns if str(name).startswith("error_")]


def model_counts(
    per_image: pd.DataFrame, settings: ResponseModelSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Model how many of an image's responses were hits, and how many false alarms.

    A count out of n is beta-binomial with precision φ and mean rate μ, logit μ = category +
    subcategory (+ b × predictor). Categories are fixed; effects of subcategories are normal. What an
    image has of its own is in the beta distribution.

    Parameters
    ----------
    per_image
        The table `per_image`.
    settings
        See `ResponseModelSettings`.

    Returns
    -------
    models : pandas.DataFrame
        Columns `COLUMNS`. Of the model without predictor (predictor ""): "overdispersion", 1 / (1 +
        φ), the correlation of two responses to one image of given subcategory; the shares of the
        variance of measured rates "share_category", "share_subcategory", "share_image" and
        "share_chance"; "reliability", 1 − share_chance. Per predictor, in standard deviations over
        the images: "effect" on the logit scale and "change_of_rate", the mean change of the rate per
        standard deviation (b × mean μ (1 − μ)). p is Wald's; shares have none. Without rows for fewer
        than `SMALLEST` images, or where no two groups of images can be told apart.
    rates : pandas.DataFrame
        A row per image and kind of answers: image_id, answers, rate (measured), modelled (mean of the
        posterior beta distribution under the model without predictor), low, high (its interval).

    Raises
    ------
    InputError
        If GPBoost is not installed.
    """
    known = per_image.dropna(subset=["hits", "false_alarms", "responses"])
    known = known[known["responses"] >= 1].reset_index(drop=True)
    rows: list[dict[str, Any]] = []
    rates: list[pd.DataFrame] = []
    group = _grouping(known)
    for answers in ANSWERS:
        if group is None or len(known) < SMALLEST or not _varies(known[answers]):
            continue
        model = _Counts(known, answers, group, settings)
        rows += model.rows()
        rates.append(model.rates())
        for name in predictors_of(known):
            rows += model.predictor_rows(name)
    columns = ["image_id", "answers", *RATES]
    table = pd.concat(rates, ignore_index=True) if rates else pd.DataFrame(columns=columns)
    return _table(rows), table[columns]


def model_trials(
    trials: pd.DataFrame, per_image: pd.DataFrame, settings: ResponseModelSettings
) -> pd.DataFrame:
    """Model single responses to targets: hits at repeats, false alarms at first showings.

    Φ⁻¹(p) = category + subcategory + image + observer (+ c × ln delay) (+ b × predictor). Categories
    are fixed; effects of subcategories, images and observers are normal and crossed. The delay is in
    the model of hits where it is known of all and differs.

    Parameters
    ----------
    trials
        The table `trials`; inattentive observers are left out.
    per_image
        The table `per_image`; trials of other images are left out.
    settings
        See `ResponseModelSettings`.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. Of the model without predictor (predictor ""): "sd_subcategory", "sd_image"
        and "sd_observer" on the probit scale; of hits "delay", per doubling, on the probit scale and
        as "change_of_rate_delay". Per predictor, in standard deviations over the images: "effect" on
        the probit scale and "change_of_rate", averaged over images and observers. p is Wald's. Without
        rows for fewer than `SMALLEST` images or 2 observers, or where all answers are the same.

    Raises
    ------
    InputError
        If GPBoost is not installed.
    """
    attentive = attentive_trials(trials)
    targets = attentive[attentive["role"] == "target"]
    table = targets.merge(per_image, on="image_id", how="inner")
    rows: list[dict[str, Any]] = []
    for answers in ANSWERS:
        shown = table[table["repeat"] == (answers == "hits")].reset_index(drop=True)
        enough = shown["image_id"].nunique() >= SMALLEST and _varies(shown["observer"])
        if not enough or not _varies(shown["response"]):
            continue
        model = _Trials(shown, answers, settings)
        rows += model.rows()
        for name in predictors_of(per_image):
            rows += model.predictor_rows(name)
    return _table(rows)


def _table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    counts = ["images", "subcategories", "observers", "responses"]
    numbers = ["estimate", "ci_low", "ci_high", "p"]
    return table.astype(dict.fromkeys(counts, "Int64") | dict.fromkeys(numbers, "float64"))


def _grouping(images: pd.DataFrame) -> pd.Series | None:
    """Return the groups with random effects: subcategories, else categories, None without either."""
    nested = images["category"] + "/" + images["subcategory"]
    if images["category"].nunique() < nested.nunique() < len(images):
        return nested
    return images["category"] if _varies(images["category"]) else None


def _contrasts(category: pd.Series) -> pd.DataFrame:
    """Return the categories as contrasts (N, k − 1) that add up to 0, beside an intercept."""
    names = sorted(category.unique())
    last = (category == names[-1]).astype(float)
    return pd.DataFrame({name: (category == name) - last for name in names[:-1]}, dtype=float)


def _varies(values: pd.Series) -> bool:
    return len(values) > 0 and bool((values != values.iloc[0]).any())


def _standardised(values: pd.Series) -> pd.Series:
    return (values - values.mean()) / values.std(ddof=0)


@dataclass(frozen=True)
class _Counts:
    """The model of one kind of answers of images with counts; `group` (N,) has random effects."""

    images: pd.DataFrame
    answers: str
    group: pd.Series
    settings: ResponseModelSettings

    @property
    def _by_category(self) -> bool:
        """Whether categories are fixed, since the groups are subcategories of them."""
        return self.group.nunique() > self.images["category"].nunique()

    @cached_property
    def _fixed(self) -> pd.DataFrame:
        """The categories of the images as contrasts, where they are fixed."""
        bare = pd.DataFrame(index=self.images.index)
        return _contrasts(self.images["category"]) if self._by_category else bare

    @cached_property
    def _plain(self) -> Fitted:
        """The model without predictor."""
        return self._fit(self._fixed)

    def _fit(self, fixed: pd.DataFrame) -> Fitted:
        images = self.images.loc[fixed.index]
        n = images["responses"].to_numpy(dtype=np.float64)
        shares = images[self.answers].to_numpy(dtype=np.float64) / n
        groups = pd.DataFrame({_GROUP: self.group.loc[fixed.index].to_numpy()})
        return fit_mixed(shares, fixed, groups, likelihood="beta_binomial", out_of=n)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the model without predictor."""
        found = self._shares(_values(self._plain))
        drawn = self._shares(_drawn(self._plain, self.settings))
        tails = [(1 - self.settings.confidence) / 2, (1 + self.settings.confidence) / 2]
        return [
            self._row(name, "share", (float(value[0]), *np.quantile(drawn[name], tails)))
            for name, value in found.items()
        ]

    def rates(self) -> pd.DataFrame:
        """Return measured and modelled rates of the images."""
        precision = self._plain.precision.value
        means = _linear(self._plain, self._fixed, self._plain.effects[_GROUP])
        mean = special.expit(means)
        hits, n = (self.images[name].to_numpy(dtype=float) for name in (self.answers, "responses"))
        posterior = stats.beta(mean * precision + hits, (1 - mean) * precision + n - hits)
        low, high = posterior.interval(self.settings.confidence)
        figures = zip(RATES, (hits / n, posterior.mean(), low, high), strict=True)
        names = self.images[["image_id"]].assign(answers=self.answers)
        return names.assign(**dict(figures))

    def predictor_rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of the model with a predictor, none where it does not vary."""
        known = self.images[name].dropna()
        if not _varies(known):
            return []
        fixed = self._fixed.loc[known.index].assign(**{PREDICTOR: _standardised(known)})
        fit = self._fit(fixed)
        mean = special.expit(_linear(fit, fixed, fit.effects[_GROUP]))
        slope = float((mean * (1 - mean)).mean())
        return [
            self._row(quantity, scale, _bounded(fit.fixed[PREDICTOR], factor, self.settings))
            | {"predictor": name, "p": fit.fixed[PREDICTOR].p, "images": len(known)}
            for quantity, scale, factor in (
                ("effect", "logit", 1.0), ("change_of_rate", "rate", slope),
            )
        ]  # fmt: skip

    def _row(self, quantity: str, scale: str, figures: _Figures) -> dict[str, Any]:
        return _row(self.answers, quantity, scale, figures) | {
            "images": len(self.images),
            "subcategories": self.group.nunique(),
            "observers": pd.NA,
            "responses": int(self.images["responses"].sum()),
        }

    @cached_property
    def _cells(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Per fixed category: its contrasts (k, terms), share of the images and mean of 1 / n (k,)."""
        everything = pd.Series("", index=self.images.index)
        cell = self.images["category"] if self._by_category else everything
        first = ~cell.duplicated()
        share = cell.map(cell.value_counts(normalize=True))[first]
        inverse = (1 / self.images["responses"].astype(float)).groupby(cell).mean()
        found = (self._fixed[first], share, cell[first].map(inverse))
        contrasts, shares, inverses = (np.asarray(each, dtype=np.float64) for each in found)
        return contrasts, shares, inverses

    def _shares(self, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return overdispersion, shares of variance and reliability at values (d,) of parameters."""
        contrasts, share, inverse = self._cells
        z, weights = special.roots_hermitenorm(_NODES)
        weights = weights / weights.sum()
        names = [str(name) for name in self._fixed]
        terms = np.reshape([values[name] for name in names], (len(names), len(values[INTERCEPT])))
        fixed = values[INTERCEPT][:, np.newaxis] + (contrasts @ terms).T
        # Mean rates (d, k, nodes) of subcategories, by category.
        effects = np.sqrt(values[_GROUP])[:, np.newaxis, np.newaxis] * z
        means = special.expit(fixed[:, :, np.newaxis] + effects)
        of_category = means @ weights
        own = (means * (1 - means)) @ weights
        overdispersion = 1 / (1 + values[_PRECISION])
        parts = {
            "category": np.square(of_category) @ share - np.square(of_category @ share),
            "subcategory": (np.square(means) @ weights - np.square(of_category)) @ share,
            "image": (own @ share) * overdispersion,
            "chance": (own @ (share * inverse)) * (1 - overdispersion),
        }
        if not self._by_category:
            parts["category"] = parts.pop("subcategory")
        # Differences of nearly equal numbers may fall below 0 by rounding.
        parts = {name: np.maximum(part, 0) for name, part in parts.items()}
        total = np.sum(list(parts.values()), axis=0)
        shares = {f"share_{name}": part / total for name, part in parts.items()}
        reliability = 1 - parts["chance"] / total
        return {"overdispersion": overdispersion} | shares | {"reliability": reliability}


@dataclass(frozen=True)
class _Trials:
    """The model of one kind of answers of single showings of targets."""

    showings: pd.DataFrame
    answers: str
    settings: ResponseModelSettings

    @cached_property
    def _groups(self) -> pd.DataFrame:
        """The labels whose effects are random."""
        nested = self.showings["category"] + "/" + self.showings["subcategory"]
        groups = {"image": self.showings["image_id"], "observer": self.showings["observer"]}
        counts = [column.nunique() for column in (self.showings["category"], nested)]
        if counts[0] < counts[1] < self.showings["image_id"].nunique():
            groups["subcategory"] = nested
        return pd.DataFrame(groups)

    @cached_property
    def _fixed(self) -> pd.DataFrame:
        """Categories as contrasts and, of repeats, the logarithm of the delay."""
        fixed = _contrasts(self.showings["category"])
        delay = self.showings["delay"]
        if self.answers == "hits" and delay.notna().all() and _varies(delay):
            # At once is no delay, whose logarithm would be infinite.
            logarithm = np.log(delay.astype(float).clip(lower=1))
            fixed[DELAY] = logarithm - logarithm.mean()
        return fixed

    def _fit(self, fixed: pd.DataFrame) -> Fitted:
        answers = self.showings.loc[fixed.index, "response"].to_numpy(dtype=np.float64)
        groups = self._groups.loc[fixed.index].reset_index(drop=True)
        return fit_mixed(answers, fixed, groups, likelihood="bernoulli_probit")

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the model without predictor."""
        fit = self._fit(self._fixed)
        rows = []
        for name, variance in fit.variances.items():
            bounded = variance.root(self.settings.confidence)
            rows.append(self._row(f"sd_{name}", "probit", bounded))
        if DELAY in self._fixed:
            doubled = np.log(2)
            slope = _slope(fit, self._fixed)
            for quantity, scale, factor in (
                ("delay", "probit", doubled), ("change_of_rate_delay", "rate", doubled * slope),
            ):  # fmt: skip
                figures = _bounded(fit.fixed[DELAY], factor, self.settings)
                rows.append(self._row(quantity, scale, figures) | {"p": fit.fixed[DELAY].p})
        return rows

    def predictor_rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of the model with a predictor, none where it does not vary."""
        of_images = self.showings.drop_duplicates("image_id").set_index("image_id")[name].dropna()
        if not _varies(of_images):
            return []
        values = self.showings["image_id"].map(_standardised(of_images)).dropna()
        fixed = self._fixed.loc[values.index].assign(**{PREDICTOR: values})
        fit = self._fit(fixed)
        effect = fit.fixed[PREDICTOR]
        return [
            self._row(quantity, scale, _bounded(effect, factor, self.settings))
            | {"predictor": name, "p": effect.p, "images": len(of_images), "responses": len(values)}
            for quantity, scale, factor in (
                ("effect", "probit", 1.0), ("change_of_rate", "rate", _slope(fit, fixed)),
            )
        ]  # fmt: skip

    def _row(self, quantity: str, scale: str, figures: _Figures) -> dict[str, Any]:
        has_subcategories = "subcategory" in self._groups
        return _row(self.answers, quantity, scale, figures) | {
            "images": self._groups["image"].nunique(),
            "subcategories": self._groups["subcategory"].nunique() if has_subcategories else pd.NA,
            "observers": self._groups["observer"].nunique(),
            "responses": len(self.showings),
        }


def _row(answers: str, quantity: str, scale: str, figures: _Figures) -> dict[str, Any]:
    """Return a row of a model without predictor, but for the numbers of what was modelled."""
    named = zip(("estimate", "ci_low", "ci_high"), figures, strict=True)
    row = {"answers": answers, "predictor": "", "quantity": quantity, "scale": scale}
    return row | dict(named) | {"p": np.nan}


def _linear(fit: Fitted, fixed: pd.DataFrame, effects: pd.Series | float = 0.0) -> FloatArray:
    """Return the linear predictor (N,) of rows with fixed terms and predicted effects."""
    terms = np.asarray([fit.fixed[str(name)].value for name in fixed])
    return np.asarray(fit.fixed[INTERCEPT].value + fixed.to_numpy() @ terms + np.asarray(effects))


def _slope(fit: Fitted, fixed: pd.DataFrame) -> float:
    """Return the mean change of the probability per unit of the probit, over images and observers."""
    # The mean of Φ over normal effects of this variance is Φ of what is divided by this root.
    root = np.sqrt(1 + sum(variance.value for variance in fit.variances.values()))
    return float((stats.norm.pdf(_linear(fit, fixed) / root) / root).mean())


def _bounded(estimate: Estimate, factor: float, settings: ResponseModelSettings) -> _Figures:
    """Return an estimate and its bounds, times a factor above 0."""
    low, high = estimate.interval(settings.confidence)
    return estimate.value * factor, low * factor, high * factor


def _values(fit: Fitted) -> dict[str, FloatArray]:
    """Return the estimates (1,) of all parameters of a model of counts."""
    positive = {_GROUP: fit.variances[_GROUP], _PRECISION: fit.precision}
    return {name: np.asarray([each.value]) for name, each in (dict(fit.fixed) | positive).items()}


def _drawn(fit: Fitted, settings: ResponseModelSettings) -> dict[str, FloatArray]:
    """Return draws (d,) of the parameters of a model of counts from their normal approximation."""
    generator = numpy_stream(settings.seed, "response models")
    drawn = {
        name: each.value + each.error * generator.standard_normal(_DRAWS)
        for name, each in (dict(fit.fixed) | {_GROUP: fit.variances[_GROUP]}).items()
    }
    drawn[_GROUP] = np.maximum(drawn[_GROUP], 0)
    precision = fit.precision
    relative = precision.error / precision.value * generator.standard_normal(_DRAWS)
    return drawn | {_PRECISION: precision.value * np.exp(relative)}
