"""Files that come from outside: their names, and who needs which. docs/data.md says where from."""

from collections.abc import Mapping

# torchvision's own file names: the last part before ".pth" begins the SHA-256 of the file.
BACKBONES: Mapping[str, str] = {
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
}
AUTOENCODER = "imagenet-vgg16.pth"  # the ImageNet VGG16 autoencoder that the paper fine-tunes

LOSS_BACKBONES: Mapping[str, str] = {
    "lpips_squeeze": "squeeze",
    "lpips_vgg": "vgg",
    "lpips_alex": "alex",
    "style": "vgg19",
}


def metric_name(loss: str, weights_source: str) -> str:
    """Return the honest name of a loss: "_random_backbone" is added where its weights are random."""
    random = weights_source == "random" and loss in LOSS_BACKBONES
    return f"{loss}_random_backbone" if random else loss
