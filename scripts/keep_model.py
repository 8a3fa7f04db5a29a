"""Keep a fine-tuned model under the name of a kept one."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from shutil import copyfile

    from memorability.base.files import atomic

    with atomic(snakemake.output.model) as temporary:
        copyfile(snakemake.input.model, temporary)
