"""Image memorability from autoencoders: the science of the workflow, without Snakemake."""

__version__ = "0.1.0"
