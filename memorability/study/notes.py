"""What a reader must know of a study's figures and tables, in words."""

from pathlib import Path

from memorability.networks.catalogue import LOSS_BACKBONES, LOSSES, NOT_FILES
from memorability.study.study import Study

# Initial weights that are not those of the paper, in words.
STARTS = {
    "random": "random weights",
    "checkpoint_as_scripted": "what the published scripts load of the checkpoint",
    "vgg16_encoder": "VGG16 as encoder and a random decoder",
    "pretrain": "a model pre-trained on other images",
}


def study_note(study: Study) -> str:
    """Return what stands under every figure and table: simulated observers, random weights."""
    notes = []
    if study.settings["dataset"]["kind"] == "sample":
        notes.append(
            "Observers are simulated; images are crops of a few photographs. Test images are crops of "
            "other parts of these photographs than training images."
        )
    if study.settings["external_errors"] or study.settings["external_latents"]:
        notes.append("What is called external was made elsewhere, not by this workflow.")
    starts = {protocol.initial_weights for protocol in study.protocols.values()}
    begun = study.settings["pretraining"]
    encoder = ", with VGG16 (ImageNet) as encoder at first" * (begun["initial_weights"] != "random")
    sentences = {
        "random": "Autoencoders start from random, not ImageNet, weights.",
        "checkpoint_as_scripted": "Autoencoders load the ImageNet checkpoint as the published "
        "scripts do, which loads nothing of the published file: Provenance says what was loaded.",
        "vgg16_encoder": "Autoencoders start from VGG16 (ImageNet) as encoder, a random decoder.",
        "pretrain": f"Autoencoders were pre-trained on the images of the folder "
        f"{Path(begun['images']).resolve().name}, not on ImageNet{encoder}.",
    }
    notes += [sentence for start, sentence in sentences.items() if start in starts]
    notes += _notes_of_networks(study)
    unseeded = [name for name, protocol in study.protocols.items() if not protocol.seeded]
    if unseeded and len(study.settings["seeds"]) > 1:
        notes.append(
            f"Under the protocol {', '.join(unseeded)} a seed changes nothing: "
            "one run stands for all."
        )
    return " ".join(notes)


def _notes_of_networks(study: Study) -> list[str]:
    """Return whose networks have random weights, and whose are from a file that the study names."""
    losses = [loss for loss in study.settings["losses"] if study.runs and loss in LOSS_BACKBONES]
    random = [loss for loss in losses if study.backbone(loss) == "random"]
    notes = []
    if random and random == losses:
        notes.append("LPIPS and style losses use random backbones.")
    elif random:
        names = ", ".join(LOSSES[loss].label for loss in random)
        notes.append(f"Networks with random weights: {names}.")
    for loss in losses:
        file = study.loss_weights(loss)
        if file is not None and study.backbone(loss) not in NOT_FILES:
            notes.append(f"The network of {LOSSES[loss].label} has the weights of {file.name}.")
    return notes


def prediction_note(study: Study) -> str:
    """Return the note of the study, and whether the autoencoder saw the test images."""
    protocol = study.protocols[study.settings["selected"]["protocol"]]
    seen = (
        "The autoencoder was fine-tuned on the training images alone: neither it nor the predictor "
        "that reads its latents saw a test image."
        if protocol.fine_tuned_on == "train_split"
        else "The autoencoder was fine-tuned on all images, test images included, without their "
        "scores; the predictor that reads its latents saw no test image."
    )
    return f"{seen} {study_note(study)}".strip()


def feature_note(study: Study) -> str:
    """Return the note of the study, and whether objects were looked for."""
    missing = f"Objects and their separation are not measured: {study.no_objects}."
    return f"{missing if study.no_objects else ''} {study_note(study)}".strip()


def seeds_vary(study: Study) -> dict[str, str]:
    """Return protocol -> what differs between its runs of different seeds, in words."""
    return {
        name: ", ".join(protocol.seeded).replace("_", " ") or "nothing"
        for name, protocol in study.protocols.items()
    }


def other_model(study: Study) -> str:
    """Return in what the runs of the first protocol are not those of the paper; "" if in nothing."""
    if not study.runs:
        return ""
    first, width = study.settings["protocols"][0], study.settings["autoencoder"]["width"]
    protocol = study.protocols[first]
    start = protocol.initial_weights
    differences = {
        f"autoencoders start from {STARTS.get(start)}": start in STARTS,
        "its architecture is the text's, not the checkpoint's": protocol.bottleneck == "fc4096",
        f"width {width}": width != 1,
        f"{study.settings['epochs']} epochs": study.settings["epochs"] != 1,
        f"the selected protocol is not {first}": study.settings["selected"]["protocol"] != first,
    }
    return ", ".join(words for words, differs in differences.items() if differs)


def published_images(study: Study) -> bool:
    """Return whether the images are those that the published numbers are about."""
    return bool(study.settings["dataset"]["kind"] == "memcat")


def published_decay(study: Study) -> bool:
    """Return whether images and analysed model are those of the published decay curve."""
    loss = study.settings["selected"]["loss"]
    same_loss = loss == "lpips_squeeze" and study.backbone(loss) == "pretrained"
    return published_images(study) and same_loss and not other_model(study)


def score_convention(study: Study) -> str:
    """Return what the score of an image is, in words."""
    dataset = study.settings["dataset"]
    if dataset["kind"] in ("folder", "table") and not study.has_own_trials:
        return f"as given in {Path(dataset['scores']).name}"
    published = {
        "lamem": "as LaMem publishes it",
        "figrim": "hits / repeats",
        "things": "hit rate − false-alarm rate, as THINGS publishes it",
    }
    if dataset["kind"] in published:
        return published[dataset["kind"]]
    return "(hits − false alarms) / responses"


def score_range(study: Study) -> list[float]:
    """Return the lowest and the highest score that the kind of score allows.

    Hits minus false alarms may be negative, and a table of yours may hold such differences. Those of
    the sample are cut at 0, and LaMem's and FIGRIM's are not corrected for false alarms.
    """
    positive = study.settings["dataset"]["kind"] in ("sample", "lamem", "figrim")
    return [0.0 if positive else -1.0, 1.0]
