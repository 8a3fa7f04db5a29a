"""An image as flat regions and lines, with more detail where a map is high.

A proxy, in scikit-image, of the abstraction of D. DeCarlo and A. Santella (Stylization and abstraction
of photographs, 2002), which Khosla et al. (2015, Figure 7) steer by a map of memorability in place of
eye movements. Their parameters are not public. Regions form a hierarchy; the map decides how far each
branch of it is divided; each region has one colour; edges are drawn as lines, short ones only where the
map is high.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage, stats
from skimage.color import label2rgb, rgb2gray
from skimage.feature import canny
from skimage.graph import merge_hierarchical, rag_mean_color
from skimage.measure import label
from skimage.segmentation import felzenszwalb, relabel_sequential

from memorability.where.changes import Pixels

SIDE = 384
"""Shorter side, in pixels, of the images that are drawn; a smaller image stays as it is."""

SMALLEST_REGION = 1 / 4000
"""Share of the image that the smallest region has, from which the hierarchy starts."""

MERGED = (8.0, 16.0, 28.0, 44.0, 64.0)
"""Distances of mean colours (0 to 255 per channel) up to which regions are one, level after level."""

SHORTEST_LINE, LONGEST_NEEDED = 0.04, 0.4
"""Length of edges, over the shorter side, from which they are drawn: at the highest emphasis, and at
the lowest one."""

THICK_FROM = 0.25
"""Length of an edge, over the shorter side, from which its line has three pixels in place of one."""

SMOOTH = 5
"""Side, in pixels, of the median that smooths borders of regions."""

Emphasis = npt.NDArray[np.float64]
"""(H, W), 0 to 1."""
Labels = npt.NDArray[np.intp]
"""(H, W), numbers of regions from 0 without gaps."""


@dataclass(frozen=True)
class Drawn:
    """A drawn image.

    Attributes
    ----------
    pixels
        (H, W, 3) uint8.
    regions
        Number of its regions.
    lines
        Share of its pixels that lines cover.
    """

    pixels: Pixels
    regions: int
    lines: float


@dataclass(frozen=True)
class Parts:
    """What all versions of an image are drawn from.

    Attributes
    ----------
    image
        (H, W, 3) uint8.
    levels
        From the finest regions to the coarsest; each region lies in one of the next level.
    edges
        (H, W), numbers of edges from 1; 0 where there is none.
    """

    image: Pixels
    levels: list[Labels]
    edges: Labels


def emphasis_of(values: npt.NDArray[np.float64], size: tuple[int, int]) -> Emphasis:
    """Return the emphasis that a map (rows, columns) gives to the pixels of an image (H, W).

    It is the rank of the map at a pixel among all pixels, so that every map gives the same emphasis in
    all, to other places. A constant map gives 0.5 everywhere.
    """
    shape = (size[1], size[0])
    large = Image.fromarray(values.astype(np.float32)).resize(shape, Image.Resampling.BICUBIC)
    ranks = stats.rankdata(np.round(np.asarray(large, dtype=np.float64), 9))
    return np.asarray((ranks - 0.5) / len(ranks)).reshape(size)


def parts_of(image: Pixels) -> Parts:
    """Return the regions and edges of an image (H, W, 3).

    The finest regions are those of P. F. Felzenszwalb and D. P. Huttenlocher (2004). They are merged by
    the distance of their mean colours. Edges are J. Canny's (1986), of the luminance.
    """
    smallest = max(1, round(SMALLEST_REGION * image.shape[0] * image.shape[1]))
    finest = _numbered(felzenszwalb(image, scale=40, sigma=0.6, min_size=smallest))
    levels = [finest]
    # Of one region there is nothing to merge. The graph keeps what was merged from level to level.
    graph = rag_mean_color(image, finest) if finest.max() > 0 else None
    for distance in MERGED:
        levels.append(finest if graph is None else _merged(finest, graph, distance))
    edges = label(canny(rgb2gray(image), sigma=1.5), connectivity=2)
    return Parts(image, levels, np.asarray(edges, dtype=np.intp))


def draw(parts: Parts, emphasis: Emphasis) -> Drawn:
    """Return an image with more detail where the emphasis is high.

    Parameters
    ----------
    parts
        See `parts_of`.
    emphasis
        (H, W), 0 to 1.
    """
    shown = divided(parts.levels, emphasis)
    flat = label2rgb(shown, parts.image, kind="avg", bg_label=-1)
    smooth = ndimage.median_filter(flat, size=(SMOOTH, SMOOTH, 1), mode="nearest")
    lines = _lines(parts.edges, emphasis)
    pixels = np.where(lines[..., None], 0, smooth).astype(np.uint8)
    return Drawn(pixels, int(shown.max()) + 1, float(lines.mean()))


def divided(levels: list[Labels], emphasis: Emphasis) -> Labels:
    """Return the regions that are shown: each branch is divided as far as its mean emphasis asks.

    Parameters
    ----------
    levels
        From the finest to the coarsest, L of them.
    emphasis
        (H, W). A region whose mean is in the highest of L equal parts of 0 to 1 is divided to the
        finest level, one in the lowest part not at all.
    """
    count = len(levels)
    shown = levels[-1].copy()
    offset = int(shown.max()) + 1
    open_ = np.ones(shown.shape, dtype=bool)
    for depth, (coarse, fine) in enumerate(pairwise(reversed(levels)), start=1):
        mean = ndimage.mean(emphasis, coarse, np.arange(int(coarse.max()) + 1))
        open_ &= (np.asarray(mean) >= depth / count)[coarse]
        shown[open_] = offset + fine[open_]
        offset += int(fine.max()) + 1
    return _numbered(shown)


def _numbered(labels: npt.NDArray[Any]) -> Labels:
    return np.asarray(relabel_sequential(labels + 1)[0] - 1, dtype=np.intp)


def _merged(finest: Labels, graph: Any, distance: float) -> Labels:
    """Merge regions of a graph whose mean colours differ by less than a distance, and return them."""
    merged = merge_hierarchical(
        finest, graph, thresh=distance, rag_copy=False, in_place_merge=True,
        merge_func=_add_colours, weight_func=_colour_distance,
    )  # fmt: skip
    return _numbered(merged)


def _add_colours(graph: Any, source: int, target: int) -> None:
    """Add one region's colours to another's, before the two are merged."""
    node, other = graph.nodes[target], graph.nodes[source]
    node["total color"] += other["total color"]
    node["pixel count"] += other["pixel count"]
    node["mean color"] = node["total color"] / node["pixel count"]


def _colour_distance(graph: Any, source: int, target: int, neighbour: int) -> dict[str, float]:
    """Return how far the mean colour of a merged region is from a neighbour's."""
    del source
    apart = graph.nodes[target]["mean color"] - graph.nodes[neighbour]["mean color"]
    return {"weight": float(np.linalg.norm(apart))}


def _lines(edges: Labels, emphasis: Emphasis) -> npt.NDArray[np.bool_]:
    """Return where lines are drawn (H, W): on edges that are long enough for their emphasis."""
    count = int(edges.max())
    if not count:
        return np.zeros(edges.shape, dtype=bool)
    side = min(edges.shape)
    numbers = np.arange(1, count + 1)
    lengths = np.bincount(edges.ravel(), minlength=count + 1)[1:] / side
    mean = np.asarray(ndimage.mean(emphasis, edges, numbers))
    kept = lengths >= SHORTEST_LINE + (LONGEST_NEEDED - SHORTEST_LINE) * (1 - mean)
    thin = np.isin(edges, numbers[kept])
    thick = np.isin(edges, numbers[kept & (lengths >= THICK_FROM)])
    return thin | ndimage.binary_dilation(thick)
