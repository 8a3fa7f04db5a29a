"""Regions that networks find: faces by MTCNN, people and other objects by DeepLabV3."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import batched_nms, nms
from torchvision.transforms.functional import normalize

from memorability.networks.torchvision_networks import load_network
from memorability.networks.weights import (
    IMAGENET_MEAN,
    IMAGENET_SD,
    load_strictly,
    read_state_dict,
)

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

SMALLEST_FACE = 20
"""Pixels of the working copy."""

SHRINKS = 0.709
"""Factor between the scales at which faces are searched: about the root of a half."""

THRESHOLDS = (0.6, 0.7, 0.7)
"""Of the probability of a face, of each of the three networks."""

FACE_MARGIN = 0.1
"""Share of its width and height by which a box of a face is widened at each side."""

SEGMENTED_SIDE = 520
"""Shorter side, in pixels, of the images that torchvision's DeepLabV3 was trained for."""

PERSON = 15
"""Class of people among the 21 of Pascal VOC, of which 0 is the background."""

_CELL, _STRIDE = 12, 2  # pixels that the first network sees, and between its places
_Boxes = Tensor  # (N, 5): left, top, right, bottom, probability


class _Proposing(nn.Module):
    """The first network: from images (1, 3, H, W) to probabilities (h, w) and shifts (4, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        maps = F.max_pool2d(self.prelu1(self.conv1(image)), 2, 2, ceil_mode=True)
        maps = self.prelu3(self.conv3(self.prelu2(self.conv2(maps))))
        return self.conv4_1(maps).softmax(1)[0, 1], self.conv4_2(maps)[0]


class _Refining(nn.Module):
    """The second network: from parts (N, 3, 24, 24) to probabilities (N,) and shifts (N, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        maps = F.max_pool2d(self.prelu1(self.conv1(parts)), 3, 2, ceil_mode=True)
        maps = F.max_pool2d(self.prelu2(self.conv2(maps)), 3, 2, ceil_mode=True)
        values = self.prelu4(self.dense4(_columns_first(self.prelu3(self.conv3(maps)))))
        return self.dense5_1(values).softmax(1)[:, 1], self.dense5_2(values)


class _Deciding(nn.Module):
    """The third network: from parts (N, 3, 48, 48) to probabilities (N,) and shifts (N, 4).

    Its ten coordinates of eyes, nose and mouth (dense6_3) are not used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2 = nn.Linear(256, 2), nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        maps = F.max_pool2d(self.prelu1(self.conv1(parts)), 3, 2, ceil_mode=True)
        maps = F.max_pool2d(self.prelu2(self.conv2(maps)), 3, 2, ceil_mode=True)
        maps = F.max_pool2d(self.prelu3(self.conv3(maps)), 2, 2, ceil_mode=True)
        values = self.prelu5(self.dense5(_columns_first(self.prelu4(self.conv4(maps)))))
        return self.dense6_1(values).softmax(1)[:, 1], self.dense6_2(values)


def _columns_first(maps: Tensor) -> Tensor:
    # The published weights count columns first, then rows, then channels.
    return maps.permute(0, 3, 2, 1).flatten(1)


class FaceDetector:
    """Finds faces: three networks, each of which looks at what the one before let pass.

    Parameters
    ----------
    networks
        Proposing, refining and deciding, in evaluation mode.

    Notes
    -----
    K. Zhang, Z. Zhang, Z. Li and Y. Qiao, Joint face detection and alignment using multitask cascaded
    convolutional networks, 2016 (MTCNN), with the thresholds of the package facenet-pytorch.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.propose, self.refine, self.decide = (one.eval() for one in networks)

    @torch.inference_mode()
    def boxes(self, image: Pixels) -> npt.NDArray[np.float64]:
        """Return the faces of an image (H, W, 3): left, top, right, bottom, probability (N, 5)."""
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
        values = (pixels - 127.5) / 128
        found = [self._proposed(values, scale) for scale in _scales(image.shape[:2])]
        boxes = torch.cat([*found, values.new_empty(0, 5)])
        boxes = _square(boxes[nms(boxes[:, :4], boxes[:, 4], 0.7)])
        boxes = self._kept(values, boxes, self.refine, 24, THRESHOLDS[1])
        boxes = _square(boxes[nms(boxes[:, :4], boxes[:, 4], 0.7)])
        boxes = self._kept(values, boxes, self.decide, 48, THRESHOLDS[2])
        boxes = boxes[nms(boxes[:, :4], boxes[:, 4], 0.5)]
        return np.asarray(boxes.double())

    def masks(self, image: Pixels) -> dict[str, Mask]:
        """Return {"face": mask (H, W)}, each box widened a little; all False without a face."""
        mask = np.zeros(image.shape[:2], dtype=bool)
        for left, top, right, bottom, _ in self.boxes(image):
            across, down = FACE_MARGIN * (right - left), FACE_MARGIN * (bottom - top)
            rows = slice(max(0, round(top - down)), max(0, round(bottom + down)))
            mask[rows, max(0, round(left - across)) : max(0, round(right + across))] = True
        return {"face": mask}

    def _proposed(self, image: Tensor, scale: float) -> _Boxes:
        size = [int(length * scale + 1) for length in image.shape[-2:]]
        probability, shifts = self.propose(F.interpolate(image, size, mode="area"))
        rows, columns = torch.nonzero(probability >= THRESHOLDS[0], as_tuple=True)
        corners = torch.stack([columns, rows], dim=1) * _STRIDE
        boxes = torch.cat([corners + 1, corners + _CELL], dim=1).float() / scale
        scores = probability[rows, columns]
        # Places of one scale that share half their area are one.
        kept = batched_nms(boxes.floor(), scores, torch.zeros_like(rows), 0.5)
        shifted = _shifted(boxes.floor(), shifts[:, rows, columns].T)
        return torch.cat([shifted, scores[:, None]], dim=1)[kept]

    def _kept(
        self, image: Tensor, boxes: _Boxes, network: nn.Module, side: int, threshold: float
    ) -> _Boxes:
        parts, inside = [], []
        height, width = image.shape[-2:]
        for number, (left, top, right, bottom) in enumerate(boxes[:, :4].int().tolist()):
            rows = slice(max(top - 1, 0), min(bottom, height))
            columns = slice(max(left - 1, 0), min(right, width))
            if rows.stop > rows.start and columns.stop > columns.start:
                part = image[..., rows, columns]
                parts.append(F.interpolate(part, (side, side), mode="area"))
                inside.append(number)
        if not parts:
            return boxes[:0]
        probability, shifts = network(torch.cat(parts))
        passed = probability >= threshold
        moved = _shifted(boxes[inside][passed, :4], shifts[passed])
        return torch.cat([moved, probability[passed, None]], dim=1)


def _scales(shape: tuple[int, int]) -> list[float]:
    scale, scales = _CELL / SMALLEST_FACE, []
    while min(shape) * scale >= _CELL:
        scales.append(scale)
        scale *= SHRINKS
    return scales


def _shifted(boxes: Tensor, shifts: Tensor) -> Tensor:
    """Return boxes (N, 4) whose edges are moved by shares of their width and height."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + shifts * torch.cat([sides, sides], dim=1)


def _square(boxes: _Boxes) -> _Boxes:
    """Return boxes widened to squares around their centres."""
    sides = boxes[:, 2:4] - boxes[:, :2]
    side = sides.amax(dim=1, keepdim=True)
    start = boxes[:, :2] + (sides - side) / 2
    return torch.cat([start, start + side, boxes[:, 4:]], dim=1)


class ObjectSegmenter:
    """Finds people and other objects of Pascal VOC, pixel by pixel.

    Parameters
    ----------
    network
        torchvision's DeepLabV3, in evaluation mode.
    device
        torch device that it is on.
    """

    def __init__(self, network: nn.Module, device: str) -> None:
        self.network, self.device = network, device

    @torch.inference_mode()
    def masks(self, image: Pixels) -> dict[str, Mask]:
        """Return masks (H, W) of an image (H, W, 3): "person", and "object": the other classes."""
        pixels = torch.from_numpy(np.array(image)).to(self.device)
        images = pixels.permute(2, 0, 1)[None].float() / 255
        values = normalize(images, list(IMAGENET_MEAN), list(IMAGENET_SD))
        scale = SEGMENTED_SIDE / min(image.shape[:2])
        enlarged = F.interpolate(values, scale_factor=scale, mode="bilinear")
        classes = F.interpolate(self.network(enlarged)["out"], image.shape[:2], mode="bilinear")
        found = classes[0].argmax(0).cpu().numpy()
        return {"person": found == PERSON, "object": (found > 0) & (found != PERSON)}


def load_face_detector(files: Sequence[Path]) -> FaceDetector:
    """Return MTCNN with the weights of the package facenet-pytorch.

    Parameters
    ----------
    files
        pnet.pt, rnet.pt and onet.pt, in this order.

    Raises
    ------
    InputError
        If a file cannot be read, or is of another network.
    """
    networks = []
    for build, file in zip((_Proposing, _Refining, _Deciding), files, strict=True):
        network = build()
        state, _ = read_state_dict(file)
        load_strictly(network, state, "network of the face detector MTCNN", file)
        networks.append(network)
    return FaceDetector(networks)


def detection(
    weights: Mapping[str, Sequence[str]], device: str
) -> Callable[[Pixels], dict[str, Mask]] | None:
    """Return what finds regions in an image; None where nothing is searched.

    Parameters
    ----------
    weights
        Detector ("face", "object") -> its files.
    device
        torch device; faces are searched on the processor.

    Raises
    ------
    InputError
        If a file cannot be read, or is of another network.
    """
    finders: list[FaceDetector | ObjectSegmenter] = []
    if "face" in weights:
        finders.append(load_face_detector([Path(file) for file in weights["face"]]))
    if "object" in weights:
        (file,) = weights["object"]
        network, _ = load_network("deeplabv3_resnet101", Path(file).parent)
        finders.append(ObjectSegmenter(network.to(device), device))

    def detect(image: Pixels) -> dict[str, Mask]:
        return {name: mask for one in finders for name, mask in one.masks(image).items()}

    return detect if finders else None
