"""Reconstruct the images of the smallest and of the largest errors of a fine-tuned model."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.gathering import best_and_worst, from_errors
    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.autoencoder.reconstruction import reconstruct
    from memorability.base.arrays import NpyWriter
    from memorability.images.store import open_store
    from memorability.networks.computing import Compute, deterministic_device, place

    device = deterministic_device(job.read_settings(Compute))
    shown = best_and_worst(from_errors(job.read_runs("errors")))
    rows = job.read("images").reset_index(names="row").set_index("image_id")["row"]
    originals = open_store(job.input.pixels)[rows[shown["image_id"]]]
    model = place(read_autoencoder(job.input.model), device)
    mode = job.params.batch_norm_mode
    with NpyWriter(job.output.reconstructions, originals.shape, originals.dtype) as writer:
        writer.append(reconstruct(model, originals, mode, device=device))
