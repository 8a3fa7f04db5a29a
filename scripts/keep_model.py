"""Keep a fine-tuned model under the name of a kept one."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from shutil import copyfile

    from memorability.base.files import atomic

    with atomic(job.output.model) as temporary:
        copyfile(job.input.model, temporary)
