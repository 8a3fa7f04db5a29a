"""The ablations, named once, without loading a network."""

from collections.abc import Mapping
from dataclasses import dataclass

HUMAN = ("face", "person", "object", "text")
"""What a predictor that looks at images as people do would lean on, the most important first."""

SHORTCUT = ("texture", "colour", "frequency")
"""What a predictor that takes a shortcut would lean on, the most important first."""

CONTROL = "control"
"""Family of the changes that leave what an image shows as it is."""

UNCHANGED = "none"
"""Name of the image without a change."""

REENCODED, MIRRORED = "reencoded", "mirrored"

CROPPED = "central_crop"

NOISE, ELSEWHERE = "noise", "elsewhere"
"""Controls of an ablation: noise that changes pixels as much, and the same change at another place."""

SALIENT, BACKGROUND = "salient", "background"
"""Regions that need no table: what stands out in an image, and what does not."""

MEASURES = ("absolute", "beyond_noise")
"""How ablations are ranked: by the mean size of the change of the score; by how much larger this is
than under noise that changes the pixels as much."""


GRID = 8
"""Cells of a map of an image, in each direction."""

BY_MEMNET = "fully_convolutional"
METHODS = ("occlusion", "windows", "grad_cam", "integrated_gradients", BY_MEMNET)
"""How maps of the predicted score are made."""

REFERENCES = ("centre", "edges")
"""Maps that know nothing of a predictor: nearness to the centre, and strength of edges."""

METHOD_LABELS: Mapping[str, str] = {
    "occlusion": "occlusion",
    "windows": "sliding windows",
    "grad_cam": "Grad-CAM",
    "integrated_gradients": "Integrated Gradients",
    BY_MEMNET: "fully convolutional MemNet",
    "centre": "nearness to the centre",
    "edges": "edges",
}
"""Method or reference -> what readers call it."""


TOP_IMAGES = 9
"""Images in which a unit is most active, as ResMem's authors show them."""


AUTOENCODER = "autoencoder"
"""Embedding by the latents of the study's analysed model, beside those by predictors."""

SMALL_VAE = "small_vae"
"""Embedding by the two latent values of a small variational autoencoder."""

GIVEN = ("nothing", "category", "subcategory")
"""Labels within which scores are shuffled."""

SMALLEST_EMBEDDING = 10
"""Fewest images of which an embedding is tested or drawn."""


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """A change of an image that takes something away.

    Parameters
    ----------
    name
        As tables have it.
    family
        What is taken away.
    label
        What is done, in words.
    amount
        Of the change, in the unit of its function.
    """

    name: str
    family: str
    label: str
    amount: float = 0.0


WHOLE: Mapping[str, Ablation] = {
    one.name: one
    for one in (
        *(
            Ablation(
                name=f"blur_{radius}", family="frequency", amount=radius,
                label=f"blurred, radius {radius} pixel{'s' * (radius > 1)}",
            )
            for radius in (1, 2, 5, 10)
        ),
        *(
            Ablation(
                name=f"detail_{radius}", family="frequency", amount=radius,
                label=f"detail alone, finer than {radius} pixels",
            )
            for radius in (2, 5, 10)
        ),
        *(
            Ablation(
                name=f"desaturated_{percent}", family="colour", amount=percent / 100,
                label=f"{percent} % of the colour taken out",
            )
            for percent in (25, 50, 75)
        ),
        Ablation(name="grey", family="colour", amount=1.0, label="grey"),
        Ablation(
            name="flattened", family="texture", amount=0.2, label="texture flattened, edges kept"
        ),
        Ablation(name="shuffled", family="layout", amount=8, label="8 × 8 tiles shuffled"),
        Ablation(
            name=CROPPED, family="surroundings", amount=0.5, label="middle half alone"
        ),
    )
}  # fmt: skip
"""Ablations of the whole image."""

CONTROLS: Mapping[str, Ablation] = {
    one.name: one
    for one in (
        Ablation(name=REENCODED, family=CONTROL, label="saved as JPEG, quality 75", amount=75),
        Ablation(name=MIRRORED, family=CONTROL, label="mirrored"),
    )
}

REPRESENTATIVES: Mapping[str, str] = {
    "texture": "flattened", "colour": "grey", "frequency": "blur_5",
} | {family: f"{family}_removed" for family in HUMAN}  # fmt: skip
"""Family -> the ablation that stands for it, chosen beforehand. For objects, where none are marked,
what stands out in the image: see `representative`."""


def removal(region: str) -> Ablation:
    """Return the ablation that removes a region; of what stands out, the family is that of objects."""
    family = "object" if region == SALIENT else region
    label = {
        SALIENT: "what stands out removed",
        BACKGROUND: "all but what stands out removed",
    }.get(region, f"{region.replace('_', ' ')} removed")
    return Ablation(name=f"{region}_removed", family=family, label=label)


def ablation(name: str) -> Ablation:
    """Return what is known of an ablation or a control by its name."""
    known = {**WHOLE, **CONTROLS}
    return known[name] if name in known else removal(name.removesuffix("_removed"))


def representative(family: str, names: "set[str]") -> str:
    """Return which of some ablations stands for a family; "" if none does."""
    name = REPRESENTATIVES[family]
    if family == "object" and name not in names:
        name = removal(SALIENT).name
    return name if name in names else ""
